"""The second layer: the only rewriter of ours. It removes hidden channels and active markup, and judges nothing else.

Cleaning is idempotent: what it answers, it would leave as it is. It adds nothing but notes where content was left out.
"""

from collections.abc import Mapping

from holdfast.contracts import Content, Finding, Json, Pass, Rewrite, Where
from holdfast.contracts.json_values import map_strings

from .content import bare_media_type, clean_content
from .drafts import findings
from .text import clean_argument, clean_text


class Sanitizer:
    """Cleans arguments before they are judged, and output before it is scanned."""

    def arguments(self, arguments: Mapping[str, Json]) -> Pass | Rewrite[Mapping[str, Json]]:
        """Bring every string and key of *arguments* to canonical, visible Unicode. Findings count strings as parts."""
        found: list[Finding] = []
        rewritten = _map(dict(arguments), found, first_part=0, where=Where.ARGUMENTS)
        if not found or not isinstance(rewritten, dict):
            return Pass()
        return Rewrite(to=rewritten, findings=tuple(found))

    def text(
        self, text: str, media_type: str = "text/plain", where: Where = Where.OUTPUT, part: int = 0
    ) -> tuple[str, tuple[Finding, ...]]:
        """Clean *text*; findings hold positions in it as it came, and *part* as it was given."""
        cleaned, spans = clean_text(text, bare_media_type(media_type))
        return cleaned, findings(spans, where=where, part=part)

    def output(
        self, content: tuple[Content, ...], structured: Json
    ) -> tuple[tuple[Content, ...], Json, tuple[Finding, ...]]:
        """Clean every block of *content*, and all strings of *structured*, whose parts count on after the blocks."""
        found: list[Finding] = []
        blocks: list[Content] = []
        for part, block in enumerate(content):
            cleaned, spans = clean_content(block)
            blocks.append(cleaned)
            found += findings(spans, where=Where.OUTPUT, part=part)
        rebuilt = _map(structured, found, first_part=len(content), where=Where.OUTPUT)
        return tuple(blocks), rebuilt, tuple(found)


def _map(value: Json, found: list[Finding], *, first_part: int, where: Where) -> Json:
    part = first_part

    def change(text: str) -> str:
        nonlocal part
        cleaned, spans = clean_argument(text) if where is Where.ARGUMENTS else clean_text(text, "application/json")
        found.extend(findings(spans, where=where, part=part))
        part += 1
        return cleaned

    return map_strings(value, change)
