"""Wraps a tool's output so that a model sees where it begins and ends; it never judges or shortens what it wraps.

1. The boundary is in both tags, fresh for each call and passed in: a tool cannot know it when it writes.
2. The body is not escaped, so JSON and code stay readable.
3. Whatever in the body reads as a `tool_output` tag (look-alike letters, any case, spaces, characters that do not show,
   entities, escapes) gets a `~` after its `<`: nothing inside closes the envelope, whoever reads it.
4. `unwrap(wrap(x)) == x` for every x. A tag that already has k marks gets one more, and unwrapping takes one away.
"""

import re
from functools import cache
from typing import Final

from holdfast.contracts import InternalError, InvalidRequest

from .sanitizer.lookalikes import letterforms, unseen

MARK: Final = "~"
"""Stands where a look-alike tag was broken. Not a letter, space, escape or entity in any notation the pattern reads."""

_BOUNDARY = re.compile(r"[0-9a-f]{16}")
_HEADER = re.compile(
    r'<tool_output_([0-9a-f]{16}) name="[^"<>\n]*" call="[^"<>\n]*" status="[^"<>\n]*" trust="untrusted">\n'
)
_NOT_PLAIN = re.compile(r"[^ !#-%\'-;=?-~]")
_TAG_NAME = "tool_output"

_OPENERS = (
    r"&(?:amp;)*+(?:[lL][tT]|\#0*60|\#[xX]0*3[cC]);?",  # HTML and XML, encoded any number of times
    r"\\u003[cC]",  # JSON, as Go writes it
    r"\\x3[cC]",
    r"%(?:25)*+3[cC]",
)
_ASCII = {
    "t": "Tt",
    "o": "Oo0",
    "oo": "\u221e",
    "l": "LlIi1|!",
    "u": "Uu",
    "p": "Pp",
    "_": r"_\-.:",
    "/": "/",
    "<": "<",
}
_NAMES = {
    ord("!"): ("excl",),
    ord("."): ("period",),
    ord("/"): ("sol",),
    ord(":"): ("colon",),
    ord("_"): ("lowbar", "UnderBar"),
    ord("|"): ("vert", "verbar", "VerticalLine"),
}
"""What HTML calls them."""
_ASCII_UNSEEN = r"\x00-\x20\x7f"
_ASCII_CUES = ("<", "&", "\\", "%")

_GAPS = (
    r"(?<=\\)(?:[nrbf]|(?:u00|x)(?:[01][\da-fA-F]|20|5[cC]|7[fF]|[aA][0dD])|u20[0-6][\da-fA-F]|u[fF][eE][fF][fF])"
    r"|%(?:25)*+(?:[01][\da-fA-F]|20|5[cC]|7[fF]|[cC]2%(?:25)*+[aA][0dD]|[eE]2%(?:25)*+8[01]%(?:25)*+[89abAB][\da-fA-F])"
    r"|&(?:amp;)*+(?:\#(?:0*(?:[12]?\d|3[0-2]|92|127|160|173|8(?:19[2-9]|20[0-7]|23[2-9]|28[89]|29\d|30[0-3])|65279)(?!\d)"
    r"|[xX]0*(?:1?[\da-fA-F]|20|5[cC]|7[fF]|[aA][0dD]|20[0-6][\da-fA-F]|[fF][eE][fF][fF])(?![\da-fA-F]))"
    r"|nbsp|shy|bsol|Tab|NewLine|ZeroWidthSpace|NoBreak|zwn?j|[lr]rm|(?:en|em|thin|hair)sp);?"
)
"""What does not show, or is a backslash, as JSON, a URL or HTML writes it; a gap before it took the backslash."""

_ILLEGAL_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPELLED = re.compile("\u27e6(~*)U\\+([0-9A-F]{1,6})\u27e7")
_XML_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_XML_UNESCAPES = {written: char for char, written in _XML_ESCAPES.items()}
_XML_ESCAPED = re.compile("|".join(_XML_UNESCAPES))


def wrap(body: str, *, name: str, call: str, status: str, boundary: str) -> str:
    """Put *body* between tags that carry *boundary* (16 lower-case hexadecimal digits, fresh for this call).

    Raises: InternalError when the boundary is anything else.
    """
    return _enclose(_neutralise(body), name=name, call=call, status=status, boundary=boundary)


def unwrap(text: str) -> str:
    """The body that `wrap` was given, to the character.

    Raises: InvalidRequest when *text* is not one whole envelope.
    """
    return _restore(_disclose(text))


def wrap_strict(body: str, *, name: str, call: str, status: str, boundary: str) -> str:
    """`wrap` as well-formed XML 1.0: escaped, with characters XML cannot hold spelled out as U+XXXX in white brackets.

    Raises: InternalError when the boundary is not 16 lower-case hexadecimal digits.
    """
    spelled = _SPELLED.sub("\u27e6~\\1U+\\2\u27e7", _neutralise(body))
    legal = _ILLEGAL_IN_XML.sub(lambda found: f"\u27e6U+{ord(found[0]):04X}\u27e7", spelled)
    escaped = re.sub("[&<>\r]", lambda found: _XML_ESCAPES[found[0]], legal)
    return _enclose(escaped, name=name, call=call, status=status, boundary=boundary)


def unwrap_strict(text: str) -> str:
    """The body that `wrap_strict` was given, to the character.

    Raises: InvalidRequest when *text* is not one whole envelope.
    """
    unescaped = _XML_ESCAPED.sub(lambda found: _XML_UNESCAPES[found[0]], _disclose(text))
    return _restore(spelled_back(unescaped))


def spelled_back(text: str) -> str:
    """Undo the spelling of characters that XML cannot hold, in text an XML parser read from `wrap_strict`'s output."""
    return _SPELLED.sub(_spelled_char, text)


def _spelled_char(found: re.Match[str]) -> str:
    if found[1]:
        return f"\u27e6{found[1][1:]}U+{found[2]}\u27e7"
    point = int(found[2], 16)
    return chr(point) if point < 0x110000 else found[0]  # noqa: PLR2004 -- where Unicode ends


def _enclose(body: str, *, name: str, call: str, status: str, boundary: str) -> str:
    if not _BOUNDARY.fullmatch(boundary):
        raise InternalError("the boundary of an envelope is 16 lower-case hexadecimal digits")
    tag = f"{_TAG_NAME}_{boundary}"
    head = (
        f'<{tag} name="{_attribute(name)}" call="{_attribute(call)}" status="{_attribute(status)}" trust="untrusted">'
    )
    return f"{head}\n{body}\n</{tag}>"


def _disclose(text: str) -> str:
    head = _HEADER.match(text)
    if head is None:
        raise InvalidRequest("the text does not begin with an envelope's opening tag")
    tail = f"\n</{_TAG_NAME}_{head[1]}>"
    if not text.endswith(tail) or len(text) < head.end() + len(tail):
        raise InvalidRequest("the text does not end with its envelope's closing tag")
    return text[head.end() : -len(tail)]


def _attribute(value: str) -> str:
    """Write *value* in printable ASCII without quotes, angle brackets or ampersands."""
    return _NOT_PLAIN.sub(lambda found: f"&#{_legal(ord(found[0]))};", value)


def _legal(point: int) -> int:
    return 0xFFFD if _ILLEGAL_IN_XML.match(chr(point)) else point


def _neutralise(body: str) -> str:
    if not _may_hold_a_tag(body):
        return body
    return _pattern_for(body).sub(lambda found: f"{found[1]}{MARK}{found[2]}{found[3]}", body)


def _restore(body: str) -> str:
    if not _may_hold_a_tag(body):
        return body
    return _pattern_for(body).sub(lambda found: f"{found[1]}{found[2][1:]}{found[3]}", body)


def _may_hold_a_tag(body: str) -> bool:
    return not body.isascii() or any(cue in body for cue in _ASCII_CUES)


def _pattern_for(body: str) -> re.Pattern[str]:
    return _ascii_pattern() if body.isascii() else _unicode_pattern()


@cache
def _ascii_pattern() -> re.Pattern[str]:
    return _tag_pattern(_ASCII, _ASCII_UNSEEN)


@cache
def _unicode_pattern() -> re.Pattern[str]:
    """Over every character of Unicode that reads as one of ours; about 50 ms to build, once."""
    return _tag_pattern(letterforms(), r"\s\x00-\x20\x7f-\x9f" + unseen())


def _tag_pattern(forms: dict[str, str], unseen_class: str) -> re.Pattern[str]:
    """Three groups: what opens the tag, the marks after it, and the rest up to the end of the name.

    The sets are disjoint and repetition is possessive, so matching is linear and marks neither make nor break a match.
    """
    gap = rf"(?:[{unseen_class}\\]|{_GAPS})*+"
    tabs = rf"(?:[{unseen_class}\\]|{_GAPS}|(?<=\\)t(?=[{unseen_class}\\]*[tT{forms['t']}]))*+"
    wide_gap = rf"(?:[{unseen_class}\\{forms['_']}]|{_GAPS}|{'|'.join(_spelled('_'))})*+"
    slashes = rf"(?:{tabs[3:-3]}|[{forms['/']}]|{'|'.join(_spelled('/'))})*+"
    one = {char: _letter(char, forms[char]) for char in "toulp"}
    tool = rf"{one['t']}{gap}(?:{one['o']}{gap}{one['o']}|[{forms['oo']}]){gap}{one['l']}"
    output = rf"{one['o']}{gap}{one['u']}{tabs}{one['t']}{gap}{one['p']}{gap}{one['u']}{tabs}{one['t']}"
    opener = "|".join((f"[{forms['<']}]", *_OPENERS))
    return re.compile(f"({opener})({MARK}*+)({slashes}{tool}{wide_gap}{output})")


def _letter(char: str, forms: str) -> str:
    """A backslash's `u` may begin an escape or be the letter: the escape is tried first."""
    escapes, entities = _spelled(char)
    return rf"(?:{escapes}|[{forms}]|{entities})"


def _spelled(char: str) -> tuple[str, str]:
    """Whatever of ASCII reads as *char*: escaped, and as an entity."""
    points = sorted({ord(form) for form in _ASCII[char] if form != "\\"})
    return "|".join(map(_escaped, points)), "|".join(_entity(point, *_NAMES.get(point, ())) for point in points)


def _entity(point: int, *names: str) -> str:
    """*point* as HTML and XML write it, by number or by one of *names*."""
    named = "".join(f"{name}|" for name in names)
    return rf"&(?:amp;)*+(?:{named}\#(?:0*{point}(?!\d)|[xX]0*(?i:{point:x})(?![\da-fA-F])));?"


def _escaped(point: int) -> str:
    """*point* as JSON, a program or a URL writes it; the gap before it has taken the backslash."""
    written = f"{point:02x}"
    high, low = written[0], written[1]
    digit = f"[{low}{low.upper()}]" if low.isalpha() else low
    return rf"(?:(?<=\\)(?:u00|x){high}{digit}|%(?:25)*+{high}{digit})"
