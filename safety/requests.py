"""Takes the arguments of a call apart as the requests they may be: what stands under which name. It judges nothing.

1. Objects, lists of pairs, lists of {name, value}: a value has the name beside it.
2. Texts that are header lines, URLs, forms, JSON, multipart bodies or commands: each of their values has its own name.
3. A value is answered as whoever receives the request reads it; its place is that of its spelling in the text.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, unquote_plus

from holdfast.contracts import Json

from .expressions import expression

_WORTH: Final = expression(
    r"(?i:pass|pwd|secret|token|key|cred|auth|bearer|cookie|dsn|connection|session)|://[^\s/@]{1,200}@|-u|-p|%[2-7][0-9A-Fa-f]|\\u00"
)
"""What a text holds before it is taken apart: part of a name that says secret or an escape in one, userinfo, flags."""
_HEADER: Final = re.compile(r"^[ \t]*([A-Za-z][\w-]{1,60})[ \t]*:[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_HEADER_NAME: Final = re.compile(r"(?i:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]+|api-?key|private-token)")
_URL: Final = re.compile(r"[A-Za-z][\w+.-]{0,20}://[^\s\"'<>]{1,4096}")
_USERINFO: Final = re.compile(r"://(?:([^/?#@:]*):)?([^/?#@]*)@")
_PAIR: Final = re.compile(r"(?:^|(?<=[?&#;]))([^=&#?;\s]{1,100})=([^&#;\s]*)")
_FORM: Final = re.compile(r"[^\s=&?:/]{1,100}=[^\s&]*(?:&[^\s=&]{1,100}=[^\s&]*)*")
_FIELD: Final = re.compile(r'name="([^"\r\n]{1,100})"[^\r\n]{0,200}(?:\r?\n[^\r\n]{1,200}){0,4}\r?\n\r?\n([^\r\n]+)')
_WORD: Final = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
_ASSIGNED: Final = re.compile(r"([A-Za-z_]\w{0,60})=(.+)", re.DOTALL)
_LONG: Final = re.compile(r"--?([A-Za-z][\w-]{1,60})(?:=(.*))?", re.DOTALL)
_GLUED: Final = re.compile(r"-p(.+)", re.DOTALL)
_TAKES_GLUED: Final = re.compile(r"(?:.*/)?(?:mysql\w*|mariadb[\w-]*|sshpass|7z\w?|unrar|mongo\w*)")
_HEADERS: Final = frozenset({"headers", "header", "http_headers", "httpheaders", "extra_headers", "request_headers"})
_COMMANDS: Final = frozenset({"argv", "args", "script", "command", "cmd", "arguments", "commandline", "command_line"})
_LABELS: Final = ("name", "key", "header")
_JSON: Final = 64 * 1024
"""Characters of a text that is read as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A value and the name it stands under."""

    part: int
    start: int
    end: int
    name: str
    value: str


def strings_and_pieces(arguments: Mapping[str, Json]) -> tuple[list[str], list[Piece]]:
    """Every string of *arguments*, as `json_values.strings` counts them, and every value that has a name."""
    texts: list[str] = []
    found = list(_walk(arguments, "", texts))
    return texts, found


def _walk(value: Json | Mapping[str, Json], name: str, texts: list[str]) -> Iterator[Piece]:
    if isinstance(value, str):
        part = len(texts)
        texts.append(value)
        yield Piece(part=part, start=0, end=len(value), name=name, value=value)
        yield from _pieces(part, value, name)
    elif isinstance(value, Mapping):
        label = next((item for key, item in value.items() if key.lower() in _LABELS), None)
        for key, item in value.items():
            texts.append(key)
            paired = key.lower() == "value" and isinstance(label, str)
            yield from _walk(item, label if paired and isinstance(label, str) else key, texts)
    elif isinstance(value, list):
        begun = len(texts)
        for item in value:
            match item:
                case [str(label), str(said)]:
                    texts.append(label)
                    yield from _walk(said, label, texts)
                case _:
                    yield from _walk(item, name, texts)
        if len(texts) - begun == len(value) and all(isinstance(item, str) for item in value):
            yield from _command([(begun + at, 0, word) for at, word in enumerate(texts[begun:])])


def _pieces(part: int, text: str, name: str) -> Iterator[Piece]:
    """What stands in *text*, which stands under *name*."""
    if _WORTH.search(text.encode("utf-8", "surrogatepass")) is None:
        return
    lowered = name.lower().replace("-", "_")
    for found in _HEADER.finditer(text):
        if lowered in _HEADERS or _HEADER_NAME.fullmatch(found[1]):
            yield _group(part, found, found[1], found[2])
    for url in _URL.finditer(text):
        yield from _in_url(part, url.start(), url[0])
    if _FORM.fullmatch(text):
        yield from _pairs(part, 0, text)
    for found in _FIELD.finditer(text):
        yield _group(part, found, found[1], found[2])
    if text.lstrip()[:1] in ("{", "[") and len(text) <= _JSON:
        yield from _in_json(part, text)
    if lowered in _COMMANDS:
        yield from _command([(part, word.start(), word[0]) for word in _WORD.finditer(text)])


def _in_url(part: int, offset: int, url: str) -> Iterator[Piece]:
    userinfo = _USERINFO.match(url, url.index("://"))
    if userinfo is not None and userinfo[2]:
        start, end = (offset + place for place in userinfo.span(2))
        yield Piece(
            part=part,
            start=start,
            end=end,
            name="password" if userinfo[1] is not None else "",
            value=unquote(userinfo[2]),
        )
    begin = min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url))
    yield from _pairs(part, offset + begin, url[begin:])


def _pairs(part: int, offset: int, text: str) -> Iterator[Piece]:
    for found in _PAIR.finditer(text):
        start, end = (offset + place for place in found.span(2))
        yield Piece(part=part, start=start, end=end, name=unquote_plus(found[1]), value=unquote_plus(found[2]))


def _in_json(part: int, text: str) -> Iterator[Piece]:
    try:
        read: Json = json.loads(text)
    except (ValueError, RecursionError):
        return
    end = 0
    for piece in _walk({"": read} if not isinstance(read, Mapping) else read, "", []):
        if piece.name and _WORTH.search(piece.name.encode("utf-8", "surrogatepass")):
            start, end = _place(text, piece.value, end)
            yield Piece(part=part, start=start, end=end, name=piece.name, value=piece.value)


def _place(text: str, value: str, behind: int) -> tuple[int, int]:
    """Where *value* is spelled in the JSON *text*: all of it when it is spelled in a way that nobody would choose."""
    for spelled in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        for at in (text.find(spelled, behind), text.find(spelled)):
            if at >= 0:
                return at, at + len(spelled)
    return 0, len(text)


def _command(words: Sequence[tuple[int, int, str]]) -> Iterator[Piece]:
    """The values that a command is given: part, first character and text of each of its *words*."""
    before, takes_glued = "", False
    for part, offset, word in words:
        bare = word.strip("'\"")
        inner = offset + word.find(bare)
        if before in ("-H", "--header"):
            for found in _HEADER.finditer(bare):
                yield _shifted(part, inner, found, found[1])
        elif before in ("-u", "--user") and ":" in bare:
            at = bare.index(":") + 1
            yield Piece(part=part, start=inner + at, end=inner + len(bare), name="password", value=bare[at:])
        elif before and not bare.startswith("-"):
            yield Piece(part=part, start=inner, end=inner + len(bare), name=before.lstrip("-"), value=bare)
        yield from _in_word(part, inner, bare, takes_glued=takes_glued)
        takes_glued = takes_glued or _TAKES_GLUED.fullmatch(bare) is not None
        before = bare if bare.startswith("-") and "=" not in bare else ""


def _in_word(part: int, offset: int, word: str, *, takes_glued: bool) -> Iterator[Piece]:
    long, assigned, glued = _LONG.fullmatch(word), _ASSIGNED.fullmatch(word), _GLUED.fullmatch(word)
    if long is not None and long[2]:
        yield _shifted(part, offset, long, long[1])
    elif assigned is not None:
        yield _shifted(part, offset, assigned, assigned[1])
    elif glued is not None and takes_glued:
        yield Piece(part=part, start=offset + 2, end=offset + len(word), name="password", value=glued[1])


def _shifted(part: int, offset: int, found: re.Match[str], name: str) -> Piece:
    """Group 2 of *found* under *name*."""
    value = found[2].strip("'\"")
    start = offset + found.start(2) + found[2].find(value)
    return Piece(part=part, start=start, end=start + len(value), name=name, value=value)


def _group(part: int, found: re.Match[str], name: str, value: str) -> Piece:
    value = value.rstrip()
    return Piece(part=part, start=found.start(2), end=found.start(2) + len(value), name=name, value=value)
