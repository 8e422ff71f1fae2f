"""Step 11: cleans and scans everything a tool said, whole, before anything is cut. It never decides."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from holdfast.contracts import Action, Blob, Content, Finding, Json, Link, Resource, Text, Where
from holdfast.contracts.json_values import canonical, map_strings, strings
from holdfast.safety.detectors import Detectors
from holdfast.safety.injection import InjectionDetector
from holdfast.safety.redaction import redact
from holdfast.safety.sanitizer import Sanitizer


def counts(_finding: Finding) -> bool:
    """Every finding does."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Output that may be shown: no hidden text, no secret."""

    content: tuple[Content, ...]
    structured: Json
    findings: tuple[Finding, ...]
    looked_at: tuple[Finding, ...] = ()
    """What would have been taken out, were it not only observed."""

    def text(self) -> str:
        """All of it as one text, for the model."""
        shown = [_shown(block) for block in self.content]
        if not shown and self.structured is not None:
            shown = [canonical(self.structured).decode()]
        return "\n".join(shown)


class Outbound:
    """Sanitizer, then the detectors, over every kind of content at once. Injection signals only add notes."""

    def __init__(self, sanitizer: Sanitizer, detectors: Detectors, injection: InjectionDetector) -> None:
        self._sanitizer = sanitizer
        self._detectors = detectors
        self._injection = injection

    def clean(
        self, content: tuple[Content, ...], structured: Json, *, lets: Callable[[Finding], bool] = counts
    ) -> Cleaned:
        """Clean and redact; a secret split over two blocks counts as one, since all texts are scanned together."""
        said = [*_texts(content), *strings(structured)]
        content, structured, removed = self._sanitizer.output(content, structured)
        notes = (*removed, *self._injection.scan(said, Where.OUTPUT, removed).findings)
        texts = [*_texts(content), *strings(structured)]
        scanned = self._detectors.scan(texts, Where.OUTPUT)
        looked_at = tuple(one for one in scanned if lets(one))
        found = tuple(replace(one, action=Action.ANNOTATE) if one in looked_at else one for one in scanned)
        if not found:
            return Cleaned(content=content, structured=structured, findings=notes)
        redacted = iter(redact(texts, found))
        content = tuple(_replaced(block, redacted) for block in content)
        structured = map_strings(structured, lambda _old: next(redacted))
        return Cleaned(content=content, structured=structured, findings=(*notes, *found), looked_at=looked_at)

    def goes_on(self, before: str, texts: Sequence[str]) -> bool:
        """Whether a secret that begins in *before*, which is cleaned, goes on in *texts*."""
        if not before or not texts:
            return False
        found = self._detectors.leaks.scan((before, "".join(texts)), Where.OUTPUT)
        return any(one.part == 0 and one.end == len(before) and one.action is not Action.ANNOTATE for one in found)

    def clean_text(self, text: str) -> tuple[str, tuple[Finding, ...]]:
        """Clean one plain text: a guest's error message, a reason, a log line."""
        cleaned = self.clean((Text(text=text),), None)
        return cleaned.text(), cleaned.findings


def _texts(content: Sequence[Content]) -> list[str]:
    """Every text a model could read, block by block, in the order `_replaced` puts them back."""
    texts: list[str] = []
    for block in content:
        match block:
            case Text(text=text):
                texts.append(text)
            case Link(uri=uri, name=name, description=description):
                texts.extend((uri, name, description))
            case Resource(uri=uri, body=Text(text=text)):
                texts.extend((uri, text))
            case Resource(uri=uri):
                texts.append(uri)
            case Blob():
                pass
            case _:
                assert_never(block)
    return texts


def _replaced(block: Content, texts: Iterator[str]) -> Content:
    match block:
        case Text(media_type=media_type):
            return Text(text=next(texts), media_type=media_type)
        case Link():
            return replace(block, uri=next(texts), name=next(texts), description=next(texts))
        case Resource(body=Text(media_type=media_type)):
            return Resource(uri=next(texts), body=Text(text=next(texts), media_type=media_type))
        case Resource(body=body):
            return Resource(uri=next(texts), body=body)
        case Blob():
            return block
        case _:
            assert_never(block)


def _shown(block: Content) -> str:
    match block:
        case Text(text=text):
            return text
        case Blob(data=data, media_type=media_type):
            return f"[{media_type}, {len(data)} bytes]"
        case Link(uri=uri, name=name, description=description):
            return f"{name}: {uri}" + (f" ({description})" if description else "")
        case Resource(uri=uri, body=Text(text=text)):
            return f"{uri}\n{text}"
        case Resource(uri=uri, body=body):
            return f"{uri}\n{_shown(body)}"
        case _:
            assert_never(block)
