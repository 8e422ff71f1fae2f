"""Confirms what a pattern found: checksums, entropy, whether a value looks like a secret. It keeps none of it."""

import base64
import binascii
import json
import re
import zlib
from typing import Final, assert_never
from urllib.parse import unquote

from ..checksums import holds_base58check, holds_bech32
from ..expressions import expression
from ..gated import Gated
from ..placeholders import bits, is_gibberish, is_made_of_words, is_placeholder
from .rules import Checksum, Judge, LeakRule

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC_LENGTH: Final = 6
_WORD_BEGINS: Final = r"(?-i:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
_WORD_ENDS: Final = r"(?-i:(?![a-z]))"
"""Where a word begins and ends within a name: `maxmind_key` has no `max` in it, `cachedToken` no `cache`."""
_NOT_SECRET_KEYS: Final = Gated(
    rf"public|foreign|primary|partition|sort_?key|{_WORD_BEGINS}(?:home)?page{_WORD_ENDS}|next_|nextpage|continu|prompt|completion|"
    rf"{_WORD_BEGINS}(?:total|max|min|cache){_WORD_ENDS}|idempot|csrf|xsrf|bypass|compass|passive|passenger|passes|passed|passing|"
    rf"{_WORD_BEGINS}(?:label|placeholder|mandatory|tooltip|caption|advice|matching|forgot|forgotten|repeat|author){_WORD_ENDS}|"
    r"complexity|token(?:s|izer|_?type|_?count)|"
    r"key_?(?:board|word|frame|code|id|name|path|file|pair|size|length|usage|vault)(?![a-z_.-]*(?:pass|pwd|secret|token))|"
    r"(?:file|path|name|id|salt|fqdn|type|url|uri|field|label|hint|policy|length|count|error|message|header|hash|digest|checksum|"
    r"expir\w*|ttl|timeout|enabled|required|reset|version|format|algorithm|class|func|method|env|var)$",
    ignore_case=True,
)
_CODE: Final = Gated(
    r"[(){};<>|]|\[\]|->|=>|::|\.\.|^[./~]|^\w:\\|://|^@|\\$|&&|^-{1,2}[a-z]|^[*&]\w|^[A-Za-z_]+\d*(?:\.[A-Za-z_-]+\d*)+\.?$|^\d+\.[a-z]+$|^\d{1,14}$|^\d[\d.]*\.[\d.]*$|"
    r"^[A-Za-z_]\w*\[|,\s|^[\w.-]+@[\w-]+\.\w+$|^\d{4}-\d\d-\d\d|^0x[0-9a-fA-F]{1,8}$|^[A-Za-z_]\w+(?:\.(?:[A-Z]+[a-z]+\d{0,5}){2,})+$|\s|&[\w-]+="
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|[A-Z]+(?:_[A-Z0-9]+)+|:\w+")
_NAME_IN_CODE: Final = re.compile(
    r"_*[A-Za-z]+\d{0,5}(?:[_-](?:[A-Za-z]+\d{0,5}|\d{1,4}))+|(?:[A-Z]+[a-z]+\d{0,5}){2,}"
)
"""`load_key_from_pkcs12`, `Ed25519PrivateKey`: words with a number here and there."""
_CONSTANT: Final = re.compile(r"[A-Z]{1,12}\d{0,4}(?:_(?:[A-Z]{1,12}\d{0,3}|\d{1,4}|[a-z]{1,8}))+")
"""`X509_PUBKEY`, `EC_PUBKEY_fp`."""
_KEY_BODY: Final = re.compile(
    r"""KEY[A-Z ]*-{2,5}(?:[\s"',]|\\[nrt])*[0-9A-Za-z+/=]{4,}(?:[\s"',]|\\[nrt])*-{2}|[0-9A-Za-z+/]{20}"""
)
"""What was encoded, between the dashes or on a line; code and prose that only name them have words there."""
_POINTER: Final = re.compile(r"[A-Za-z_]\s\*$")
"""`EVP_PKEY *name`."""
_LISTED: Final = re.compile(r"""["'`],\s*[bru]?["'`]$""")
_DIGEST: Final = Gated(
    rf"{_WORD_BEGINS}(?:sha\d*|md5|sri|etag|hash){_WORD_ENDS}|integrity|digest|checksum|commit|fingerprint|revision",
    ignore_case=True,
)
_ENVIRONMENT: Final = re.compile(r"(?:PASS\w*|PWD|SECRET\w*|TOKEN|KEY)[\"']?\s?[:=]")
_SETTING: Final = re.compile(r"(?:[A-Z0-9]_|^|[ \t])(?:PASSWORD|PASSWD|PWD)=$|[a-z0-9]\.(?:password|passwd|pwd)=$")
"""Where a setting is given as files and shells give it: what follows is a value, never a name of code."""
_PROSE: Final = Gated(
    r"^[)\]]|^--[a-z]|^[~^<>=]{1,2}\s?v?\d+\.\d|\s|://|^[./~]\S*/|\(\)|^\$|^:\w+$|^&|^[A-Za-z_]\w*(?:\.[A-Za-z_][\w-]*)+\.?$|^[\d.]+$"
)
_SIGNS: Final = re.compile(r"[^0-9A-Za-z]")
_LONG_WORD: Final = re.compile(r"[0-9A-Za-z_-]{16,}")
_PASSWORD: Final = re.compile(r"pass|pwd", re.IGNORECASE)
_RUNS_OF_CASE: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""Words of a name average four letters and more; letters drawn at random change case every second."""
_DIGITS: Final = b"0123456789"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FEW: Final = 2
_CHANGES: Final = 4
_DRAWN_BITS: Final = 2.8
"""Sixteen characters drawn from sixteen or more seldom fall below it; words of that length often do."""
_LITERAL_BITS: Final = 3.2
_SHORTEST_PASSWORD: Final = 4
_SHORTEST_WORD: Final = 5
_SHORTEST_MIXED: Final = 6
_SHORTEST: Final = 8
_SHORTEST_LETTERS: Final = 12
_LAST_WORD: Final = expression(r"([\w.$-]*[\w$])[^\w]*$")


def passes(rule: LeakRule, secret: str, before: str) -> bool:
    """Whether *secret*, matched by *rule* after the text *before* within the same match, counts as one."""
    return counts(rule, secret) and belongs(rule.judge, secret, before)


def counts(rule: LeakRule, secret: str) -> bool:
    """Whether *secret*, matched by *rule*, could count as one, whatever stands before it."""
    # What says no most often and soonest comes first: of a flood of near misses each is another.
    return _suits(rule, secret) and not is_placeholder(secret)


def _suits(rule: LeakRule, secret: str) -> bool:
    match rule.judge:
        case Judge.RANDOM | Judge.KEYED:
            said = _unquoted(secret) if rule.judge is Judge.KEYED else secret
            enough = said is secret or bits(secret) >= rule.entropy
            return enough and looks_random(said, max(_DRAWN_BITS, rule.entropy if said is secret else 0))
        case Judge.FORM:
            suits = True
        case Judge.ASSIGNED:
            suits = _could_be_bare(secret)
        case Judge.QUOTED:
            suits = _could_be_quoted(secret)
        case Judge.STRING:
            suits = not is_made_of_words(secret) and not secret.startswith(("$", "%", "@", ":", "&", "#"))
        case Judge.USERINFO:
            suits = not is_made_of_words(secret) and re.search(r"[{}$*]|%[sdv]|^:?\d{1,5}$", secret) is None
        case Judge.PEM:
            suits = _KEY_BODY.search(secret) is not None
        case Judge.BASIC:
            suits = _basic(secret)
        case _:
            assert_never(rule.judge)
    return suits and (not rule.entropy or bits(secret) >= rule.entropy)


def belongs(judge: Judge, secret: str, before: str) -> bool:
    """Whether *secret*, which could count, does so after *before*."""
    match judge:
        case Judge.KEYED:
            return not names_no_secret(before) and not _POINTER.search(before)
        case Judge.ASSIGNED:
            return not names_no_secret(before) and _is_bare_after(secret, before)
        case Judge.QUOTED:
            return not names_no_secret(before) and _is_quoted_after(secret, before)
        case _:
            return True


def holds(checksum: Checksum, secret: str) -> bool:
    """Whether *secret* carries a correct *checksum*."""
    match checksum:
        case Checksum.CRC32_BASE62:
            return _crc32_base62(secret)
        case Checksum.NKEY_CRC16:
            return _nkey(secret)
        case Checksum.JWT_HEADER:
            return _jwt(secret)
        case Checksum.BASE58CHECK:
            return holds_base58check(secret)
        case Checksum.BECH32:
            return holds_bech32(secret)
        case Checksum.SNOWFLAKE:
            return _snowflake(secret)
        case _:
            assert_never(checksum)


def looks_random(value: str, least: float = _DRAWN_BITS) -> bool:
    """Whether *value* mixes letters, digits and cases as drawn material does, and is neither words nor a path.

    It has *least* bits of entropy a character.
    """
    digits, letters = _digits_and_letters(value)
    if letters < _FEW:
        return False
    if digits < _FEW:
        runs = len(_RUNS_OF_CASE.findall(value))
        if runs < _CHANGES or letters >= 3 * runs:
            return False
    if bits(value) < least:
        return False
    if _CONSTANT.fullmatch(value) or (_NAME_IN_CODE.fullmatch(value) and not is_gibberish(value)):
        return False
    return not _CODE.search(value) and not is_made_of_words(value)


def _digits_and_letters(value: str) -> tuple[int, int]:
    if not value.isascii():
        return sum(map(str.isdigit, value)), sum(map(str.isalpha, value))
    raw = value.encode("ascii")
    return len(raw) - len(raw.translate(None, _DIGITS)), len(raw) - len(raw.translate(None, _LETTERS))


def _unquoted(value: str) -> str:
    """*value* as its percent escapes say it, or nothing if that is words: escapes make any sentence look drawn."""
    said = unquote(value) if "%" in value else value
    return "" if any(map(str.isspace, said)) else said


def names_no_secret(before: str) -> bool:
    """Whether the name that ends *before* a value only sounds secret: a page token, a key's file, a digest."""
    key = _last_word(before) or before
    return _NOT_SECRET_KEYS.search(key) or _DIGEST.search(key)


def is_bare_literal(value: str, before: str) -> bool:
    """Whether *value*, without quotes after the name that ends *before*, is a literal and not a name of code."""
    return _could_be_bare(value) and _is_bare_after(value, before)


def _could_be_bare(value: str) -> bool:
    return value.isascii() and not _CODE.search(value) and not is_made_of_words(value)


def _is_bare_after(value: str, before: str) -> bool:
    if _names(before, value):
        return False
    if any(char.isdigit() for char in value):
        return len(value) >= _SHORTEST_MIXED
    if _SETTING.search(before):
        return len(value) >= _SHORTEST_WORD
    if _ENVIRONMENT.search(before) or _PASSWORD.search(before):
        return is_gibberish(value) or (re.search(r"[^\w.-]", value) is not None and len(value) >= _SHORTEST)
    return len(value) >= _SHORTEST_LETTERS and is_gibberish(value)


def _could_be_quoted(value: str) -> bool:
    if "\\" in value:
        return any(looks_random(word) for word in _LONG_WORD.findall(value))
    return not _PROSE.search(value) and not _reads_as_text(value) and not is_made_of_words(value)


def is_quoted_literal(value: str, before: str) -> bool:
    """Whether *value*, in quotes after the name that ends *before*, is a secret's literal and not a word or a path."""
    return _could_be_quoted(value) and _is_quoted_after(value, before)


def _is_quoted_after(value: str, before: str) -> bool:
    if "\\" in value:
        return True
    if _is_named_after(value, before):
        return False
    if "/" in value and _LISTED.search(
        before
    ):  # `"/etc/passwd", "a/b"`: two paths more often than a name and its value
        return False
    if _PASSWORD.search(before):
        listed = _LISTED.search(before) and re.fullmatch(r"[A-Za-z]+\d?", value) and not is_gibberish(value)
        return not listed and len(value) >= _SHORTEST_PASSWORD
    if _IDENTIFIER.fullmatch(value) and not is_gibberish(value):
        return False
    varied = any(char.isdigit() for char in value) or bits(value) >= _LITERAL_BITS or is_gibberish(value)
    return varied and len(value) >= _SHORTEST


def _reads_as_text(value: str) -> bool:
    """Whether *value* is letters of a script that passwords are seldom written in: a label in somebody's language."""
    return not value.isascii() and not any(char.isdigit() for char in value)


def _is_named_after(value: str, before: str) -> bool:
    """Whether a constant's *value* is its own name, written another way: `NOT_AUTHORIZED = "not-authorized"`."""
    name = _SIGNS.sub("", _last_word(before) or "").lower()
    return bool(name) and name == _SIGNS.sub("", value).lower()


def _names(before: str, value: str) -> bool:
    """Whether the name that ends *before* is *value* again: a parameter handed on, not a literal."""
    return _last_word(before) == value


def _last_word(before: str) -> str | None:
    raw = before.encode("utf-8", "surrogatepass")
    found = _LAST_WORD.search(raw)
    return None if found is None else raw[slice(*found.span(1))].decode("utf-8", "replace")


def base62(number: int) -> str:
    """*number* in the six base-62 digits, padded with zeros, that GitHub and npm put at the end of a token."""
    digits = ""
    for _ in range(_CRC_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM, as NATS takes it over its keys."""
    return binascii.crc_hqx(data, 0)


def _basic(value: str) -> bool:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    name, colon, password = decoded.partition(":")
    return bool(colon and decoded.isprintable() and (password or name) and not is_placeholder(password or name))


def _crc32_base62(value: str) -> bool:
    body = value.rpartition("_")[2]
    drawn, check = body[:-_CRC_LENGTH], body[-_CRC_LENGTH:]
    return base62(zlib.crc32(drawn.encode("utf-8"))) == check


def _nkey(value: str) -> bool:
    try:
        raw = base64.b32decode(value + "=" * (-len(value) % 8))
    except binascii.Error:
        return False
    return int.from_bytes(raw[-2:], "little") == crc16(raw[:-2])


def _jwt(value: str) -> bool:
    head = value.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def _snowflake(value: str) -> bool:
    head = value.partition(".")[0]
    try:
        return re.fullmatch(rb"\d{17,20}", base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))) is not None
    except binascii.Error:
        return False
