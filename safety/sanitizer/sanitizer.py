"""The second layer: the only rewriter of ours. It removes hidden channels and active markup, and judges nothing else.

Cleaning is idempotent: what it answers, it would leave as it is. It adds nothing but notes where content was left out.
"""

from collections.abc import Callable, Iterable, Mapping

from holdfast.contracts import Content, Finding, Json, Pass, Rewrite, Where
from holdfast.contracts.json_values import map_strings

from .content import bare_media_type, clean_content
from .drafts import Span, findings
from .html import Cleaner, Elsewhere, cleaner_named
from .markdown import Listed
from .text import Means, clean_argument, clean_text


class Sanitizer:
    """Cleans arguments before they are judged, and output before it is scanned."""

    def __init__(
        self, *, hosts: Iterable[str] = ("*",), html_cleaner: str = "bleach", elsewhere: Elsewhere | None = None
    ) -> None:
        """Links and images in output may lead to *hosts* (`host`, `*.suffix`, or `*`: anywhere).

        HTML is cleaned by the library *html_cleaner*, long HTML *elsewhere*; if there is nowhere, it is escaped.

        Raises: OperatorError when there is no such library.
        """
        self._means = Means(
            listed=Listed.of(hosts), html=Cleaner(once=cleaner_named(html_cleaner), elsewhere=elsewhere)
        )

    def arguments(self, arguments: Mapping[str, Json]) -> Pass | Rewrite[Mapping[str, Json]]:
        """Bring every string and key of *arguments* to canonical, visible Unicode. Findings count strings as parts."""
        found: list[Finding] = []
        rewritten, changed = _map(dict(arguments), found, 0, clean_argument, Where.ARGUMENTS)
        if not changed or not isinstance(rewritten, dict):
            return Pass()
        return Rewrite(to=rewritten, findings=tuple(found))

    def text(
        self, text: str, media_type: str = "text/plain", where: Where = Where.OUTPUT, part: int = 0
    ) -> tuple[str, tuple[Finding, ...]]:
        """Clean *text*; findings hold positions in it as it came, and *part* as it was given."""
        cleaned, spans = clean_text(text, bare_media_type(media_type), self._means)
        return cleaned, findings(spans, where=where, part=part)

    def output(
        self, content: tuple[Content, ...], structured: Json
    ) -> tuple[tuple[Content, ...], Json, tuple[Finding, ...]]:
        """Clean every block of *content*, and all strings of *structured*, whose parts count on after the blocks."""
        found: list[Finding] = []
        blocks: list[Content] = []
        for part, block in enumerate(content):
            cleaned, spans = clean_content(block, self._means)
            blocks.append(cleaned)
            found += findings(spans, where=Where.OUTPUT, part=part)
        rebuilt, _changed = _map(structured, found, len(content), self._value, Where.OUTPUT)
        return tuple(blocks), rebuilt, tuple(found)

    def _value(self, text: str) -> tuple[str, list[Span]]:
        """Clean a string among structured values: programs read it, so no rule for what is rendered applies."""
        return clean_text(text, "application/json", self._means)


def _map(
    value: Json, found: list[Finding], first_part: int, clean: Callable[[str], tuple[str, list[Span]]], where: Where
) -> tuple[Json, bool]:
    """*value* with every string cleaned, and whether any changed."""
    part, changed = first_part, False

    def change(text: str) -> str:
        nonlocal part, changed
        cleaned, spans = clean(text)
        found.extend(findings(spans, where=where, part=part))
        part += 1
        changed = changed or cleaned != text
        return cleaned

    return map_strings(value, change), changed
