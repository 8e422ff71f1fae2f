"""Cleans every kind of content a tool can answer with; what a model should not get becomes a note that says so."""

import re
from dataclasses import replace
from typing import Final, assert_never
from urllib.parse import urlsplit

from holdfast.contracts import Blob, Content, Link, Resource, Text

from .drafts import Span
from .pictures import plain_picture
from .text import Means, clean_text

IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What models take. SVG is not among them: it is a document with scripts."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""How their files begin, by their specifications; WebP is a RIFF file of its own kind."""

_MEDIA_TYPE: Final = re.compile(
    r"([a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126})\s*(?:;.*)?", re.DOTALL
)
_LINK_SCHEMES: Final = frozenset({"http", "https"})
_SCRIPT_SCHEMES: Final = frozenset({"javascript", "vbscript", "data", "blob"})
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,31}")
_NOT_IN_URI: Final = re.compile(r"[^!#-;=?-\[\]_a-z~]")
_PLAIN: Final = "text/plain"

Cleaned = tuple[Content, list[Span]]


def bare_media_type(declared: str) -> str:
    """*declared* in lower case without parameters; `text/plain` for what is no media type."""
    found = _MEDIA_TYPE.fullmatch(declared.strip().lower())
    return found[1] if found else _PLAIN


def clean_content(block: Content, means: Means) -> Cleaned:
    """Clean *block*. Spans are positions in its main text; what has no text is one span at 0."""
    match block:
        case Text():
            return _text(block, means)
        case Blob():
            return _blob(block)
        case Link():
            return _link(block, means)
        case Resource():
            return _resource(block, means)
        case _:
            assert_never(block)


def _text(block: Text, means: Means) -> tuple[Text, list[Span]]:
    media_type = bare_media_type(block.media_type)
    text, spans = clean_text(block.text, media_type, means)
    return Text(text=text, media_type=media_type), spans


def _blob(block: Blob) -> tuple[Blob | Text, list[Span]]:
    media_type = bare_media_type(block.media_type)
    if media_type not in IMAGE_TYPES and not media_type.startswith("audio/"):
        media_type = _image_type(block.data) or media_type  # servers say `text/plain` of what they do not know
    if media_type.startswith("audio/"):
        return replace(block, media_type=media_type), []
    if media_type in IMAGE_TYPES:
        return _image(block, media_type)
    note = f"{len(block.data)} bytes of {media_type}: only images (PNG, JPEG, GIF, WebP) and audio are passed on"
    return _left_out(note)


def _image_type(data: bytes) -> str | None:
    """What image *data* begins like, if it does."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for magic, media_type in _MAGIC if data.startswith(magic)), None)


def _image(block: Blob, media_type: str) -> tuple[Blob | Text, list[Span]]:
    media_type = _image_type(block.data) or media_type  # a PNG that is called a JPEG is still a picture
    plain = plain_picture(block.data, media_type)
    if plain is None:
        return _left_out(f"{len(block.data)} bytes that are no picture of the type {media_type}")
    spans = [] if plain == block.data else [Span(start=0, end=0, rule="sanitizer/picture-metadata")]
    return Blob(data=plain, media_type=media_type), spans


def _link(block: Link, means: Means) -> Cleaned:
    scheme = _scheme_of(block.uri)
    if not block.served and (scheme not in _LINK_SCHEMES or not _has_host(block.uri)):
        return _left_out("a link: only http and https links are passed on")
    name, spans = clean_text(block.name, _PLAIN, means)
    description, more = clean_text(block.description, _PLAIN, means)
    media_type = None if block.media_type is None else bare_media_type(block.media_type)
    uri, changed = _clean_uri(block.uri)
    link = Link(uri=uri, name=name, description=description, media_type=media_type, served=block.served)
    return link, [*spans, *more, *changed]


def _resource(block: Resource, means: Means) -> Cleaned:
    body, spans = _text(block.body, means) if isinstance(block.body, Text) else _blob(block.body)
    if _scheme_of(block.uri) in _SCRIPT_SCHEMES:
        return body, [*spans, Span(start=0, end=0, rule="sanitizer/left-out")]
    uri, changed = _clean_uri(block.uri)
    return Resource(uri=uri, body=body), [*spans, *changed]


def _left_out(what: str) -> tuple[Text, list[Span]]:
    return Text(text=f"[left out: {what}]"), [Span(start=0, end=0, rule="sanitizer/left-out")]


def _scheme_of(uri: str) -> str:
    """The scheme a browser would see: it skips spaces and controls before and inside it."""
    visible = "".join(char for char in uri[:256] if "!" <= char <= "~")
    scheme, colon, _ = visible.partition(":")
    return scheme.lower() if colon and _SCHEME.fullmatch(scheme) else ""


def _has_host(uri: str) -> bool:
    try:
        return bool(urlsplit(uri.strip()).hostname)
    except ValueError:
        return False


def _clean_uri(uri: str) -> tuple[str, list[Span]]:
    """Percent-encode what no URI holds, so that nothing in it shows as something else."""
    encoded = _NOT_IN_URI.sub(_percent, uri)
    return encoded, [] if encoded == uri else [Span(start=0, end=0, rule="sanitizer/hidden-character")]


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
