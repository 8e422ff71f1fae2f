"""Reads leak rules from TOML text into values. It opens no file and never repairs a rule."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from holdfast.contracts import OperatorError, Severity

from . import grammar


class Tier(StrEnum):
    """How sure a match is."""

    DENY = "deny"
    """A prefix, a structure or a checksum says it; nothing else looks like this."""
    REDACT = "redact"
    """Its surroundings say it."""
    NOTE = "note"
    """It is made to be known, or only names a credential: worth knowing, nothing is taken out for it."""


class Checksum(StrEnum):
    """Checks built into a format. A match that fails its check stays a finding, with tier `redact`."""

    CRC32_BASE62 = "crc32-base62"
    """The last six characters are the CRC-32 of the characters between the last `_` and them."""
    NKEY_CRC16 = "nkey-crc16"
    """Base32 whose last two bytes are the CRC-16/XMODEM of the bytes before them."""
    JWT_HEADER = "jwt-header"
    """The first segment is a base64url JSON object that names `alg`."""
    BASE58CHECK = "base58check"
    """Base58 whose last four bytes begin the SHA-256, taken twice, of the bytes before them."""
    BECH32 = "bech32"
    """The last six letters are the BCH code of what stands before (BIP-173)."""
    SNOWFLAKE = "snowflake"
    """The first segment is the base64url of a number of 17 to 20 digits: who the token is for."""


class Judge(StrEnum):
    """How a matched value is judged before it counts. Placeholders never count."""

    FORM = "form"
    """The pattern has said enough."""
    RANDOM = "random"
    """It must look drawn at random: letters, digits and cases mixed, not made of words."""
    KEYED = "keyed"
    """As `random`, and the name before it must not be one of a thing that only sounds secret, like a page token."""
    ASSIGNED = "assigned"
    """It must look like a literal that somebody gave to a secret-named key, not like code."""
    QUOTED = "quoted"
    """As `assigned`, for a value that stands in quotes: code is out of the question, words are not."""
    STRING = "string"
    """It must be a literal: neither words nor a variable."""
    USERINFO = "userinfo"
    """It must look like the password of a URL."""
    PEM = "pem"
    """There must be base64 between the lines of dashes."""
    BASIC = "basic"
    """Base64 that decodes to printable `user:password`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRule:
    """One form of credential."""

    id: str
    issuer: str
    why: str
    source: str
    """Where its issuer or its standard describes it: a document and the site it stands on."""
    severity: Severity
    tier: Tier
    pattern: str
    """What both engines search for: ASCII, no `^` or `$`, texts are padded with line ends."""
    trigger: str | None
    """A cheaper expression for the database; the pattern is then searched within `width` on both sides of it."""
    peek: tuple[tuple[int, str], ...]
    """How the secret reads, so many bytes before the end of the trigger; where none of these does, there is none.

    The group that takes part is the whole secret or as much of it as is judged; where none does, all is left to the
    search. `re` reads these.
    """
    keywords: tuple[str, ...]
    """Lower-case literals of which every match holds at least one."""
    width: int
    """The longest match, in bytes of UTF-8."""
    secret: int
    """The secret is the first group from this one on that took part; 0 is the whole match."""
    checksum: Checksum | None
    judge: Judge
    entropy: float
    """Shannon bits a character the secret needs at least; 0 asks for none."""
    across: bool
    """Also searched across the seam between two texts."""
    examples: tuple[str, ...]
    """Templates for `specimens.expand`; each must be found by this rule."""
    near_misses: tuple[str, ...]
    """Templates; none may be found by this rule."""


RULE_ID: Final = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_WIDTH: Final = 16_384
MAX_PEEK: Final = 16
"""Bytes before the end of a trigger at which a secret may be read off."""
_MAX_RULES: Final = 4_000
_BITS_IN_BYTE: Final = 8
_FORMS: Final = ("pattern", "token", "named")
_KEYS: Final = frozenset(
    {"id", "issuer", "why", "source", "severity", "tier", "pattern", "token", "named", "value", "trigger", "keywords"}
    | {"peek", "width", "secret", "checksum", "judge", "entropy", "across", "examples", "near_misses"}
)

E_ = TypeVar("E_", bound=StrEnum)


def load_rules(sources: Mapping[str, str]) -> tuple[LeakRule, ...]:
    """Read every rule of *sources*, a mapping from file name to TOML text, in order of file name.

    Raises: OperatorError naming file, rule and key for anything unknown, missing, ill-formed or defined twice.
    """
    rules: list[LeakRule] = []
    seen: dict[str, str] = {}
    for name in sorted(sources):
        for rule in _file(name, sources[name]):
            if rule.id in seen:
                raise OperatorError(f"`{name}`: rule `{rule.id}` is already defined in `{seen[rule.id]}`")
            seen[rule.id] = name
            rules.append(rule)
    if not rules:
        raise OperatorError("there is no leak rule: name at least one rule file")
    if len(rules) > _MAX_RULES:
        raise OperatorError(f"there are more than {_MAX_RULES} leak rules: remove some")
    return tuple(rules)


def _file(name: str, text: str) -> Iterator[LeakRule]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`{name}` is not TOML: {str(error).lower()}") from None
    unknown = sorted(set(document) - {"rule"})
    if unknown:
        raise OperatorError(f"`{name}`: unknown key `{unknown[0]}`: rules stand in [[rule]] tables")
    tables = cast("list[Any]", document["rule"]) if isinstance(document.get("rule"), list) else []
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise OperatorError(f"`{name}`: `rule` must be a list of [[rule]] tables")
    for number, table in enumerate(tables, 1):
        yield _Table(name, number, table).rule()


class _Table:
    """One [[rule]] table, read key by key so that every complaint names its place."""

    def __init__(self, file: str, number: int, table: Mapping[str, Any]) -> None:
        self._table = table
        self._place = f"`{file}`: rule {number}"
        rule_id = self._text("id")
        self._place = f"`{file}`: rule `{rule_id}`"
        if not RULE_ID.fullmatch(rule_id):
            raise OperatorError(f"{self._place}: key `id` must be kebab-case, at most 64 characters")

    def rule(self) -> LeakRule:
        unknown = sorted(set(self._table) - _KEYS)
        if unknown:
            raise OperatorError(f"{self._place}: unknown key `{unknown[0]}`")
        rule = LeakRule(
            id=self._text("id"),
            issuer=self._text("issuer"),
            why=self._text("why"),
            source=self._text("source"),
            severity=self._choice("severity", Severity, None),
            tier=self._choice("tier", Tier, None),
            pattern="",
            trigger=None,
            peek=(),
            keywords=(),
            width=0,
            secret=0,
            checksum=self._choice("checksum", Checksum, None) if "checksum" in self._table else None,
            judge=self._choice("judge", Judge, Judge.FORM),
            entropy=self._entropy(),
            across=False,
            examples=self._texts("examples"),
            near_misses=self._texts("near_misses"),
        )
        return self._formed(rule)

    def _formed(self, rule: LeakRule) -> LeakRule:
        present = [form for form in _FORMS if form in self._table]
        match present:
            case ["token"]:
                self._refuse("value", "trigger", "peek", "secret")
                return self._checked(
                    replace(
                        rule,
                        pattern=self._expanded("token", grammar.token),
                        keywords=self._keywords(),
                        width=self._whole("width", 1, MAX_WIDTH) + grammar.MARGIN,
                        secret=1,
                        across=self._flag("across", fallback=rule.tier is Tier.DENY),
                    )
                )
            case ["named"]:
                self._refuse("trigger", "peek", "secret", "keywords", "across")
                names = self._texts("named")
                return self._checked(
                    replace(
                        rule,
                        pattern=self._expanded("value", lambda value: grammar.named(names, value)),
                        trigger=grammar.sighted(names),
                        keywords=tuple(grammar.literal(name) for name in names),
                        width=self._whole("width", 1, MAX_WIDTH) + grammar.NAMED_MARGIN,
                        secret=1,
                    )
                )
            case ["pattern"]:
                self._refuse("value")
                return self._checked(
                    replace(
                        rule,
                        pattern=self._expanded("pattern", grammar.expand),
                        trigger=self._expanded("trigger", grammar.expand) if "trigger" in self._table else None,
                        peek=tuple(self._peek()) if "peek" in self._table else (),
                        keywords=self._keywords(),
                        width=self._whole("width", 1, MAX_WIDTH),
                        secret=self._whole("secret", 0, 9) if "secret" in self._table else 0,
                        across=self._flag("across", fallback=False),
                    )
                )
            case _:
                raise OperatorError(f"{self._place}: give exactly one of `pattern`, `token` and `named`")

    def _checked(self, rule: LeakRule) -> LeakRule:
        written = "value" if "named" in self._table else "token" if "token" in self._table else "pattern"
        for key, pattern, secret in ((written, rule.pattern, rule.secret), ("trigger", rule.trigger or "x", 0)):
            complaint = grammar.complaint(pattern, secret)
            if complaint:
                raise OperatorError(f"{self._place}: key `{key}` {complaint}")
        return rule

    def _expanded(self, key: str, build: Callable[[str], str]) -> str:
        try:
            return build(self._text(key))
        except KeyError as error:
            raise OperatorError(f"{self._place}: key `{key}` uses an unknown piece {error}") from None

    def _peek(self) -> Iterator[tuple[int, str]]:
        table = self._table["peek"]
        if not isinstance(table, dict) or not table or "trigger" not in self._table:
            raise OperatorError(f"{self._place}: key `peek` goes with a `trigger` and is a table that is not empty")
        for back, value in cast("dict[str, object]", table).items():
            if not back.isdecimal() or int(back) > MAX_PEEK:
                raise OperatorError(
                    f"{self._place}: key `peek` counts bytes before the trigger's end, from 0 to {MAX_PEEK}"
                )
            if not isinstance(value, str) or not value.isascii() or not _is_read(value):
                raise OperatorError(f"{self._place}: key `peek` must say in ASCII a pattern that `re` reads")
            yield int(back), value

    def _keywords(self) -> tuple[str, ...]:
        words = self._texts("keywords")
        if any(word != word.lower() or not word.isascii() for word in words):
            raise OperatorError(f"{self._place}: key `keywords` must be lower-case ASCII")
        return words

    def _refuse(self, *keys: str) -> None:
        for key in keys:
            if key in self._table:
                raise OperatorError(f"{self._place}: key `{key}` does not go with this form of rule")

    def _text(self, key: str) -> str:
        value = self._table.get(key)
        if not isinstance(value, str) or not value:
            raise OperatorError(f"{self._place}: key `{key}` must be a text that is not empty")
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        items = self._table.get(key)
        if not isinstance(items, list) or not items or not all(_is_text(item) for item in cast("list[object]", items)):
            raise OperatorError(f"{self._place}: key `{key}` must be a list of texts that is not empty")
        return tuple(cast("list[str]", items))

    def _whole(self, key: str, least: int, most: int) -> int:
        value = self._table.get(key)
        if type(value) is not int or not least <= value <= most:
            raise OperatorError(f"{self._place}: key `{key}` must be a whole number from {least} to {most}")
        return value

    def _flag(self, key: str, *, fallback: bool) -> bool:
        value = self._table.get(key, fallback)
        if type(value) is not bool:
            raise OperatorError(f"{self._place}: key `{key}` must be true or false")
        return value

    def _entropy(self) -> float:
        value = self._table.get("entropy", 0.0)
        if type(value) not in (int, float) or not 0 <= value <= _BITS_IN_BYTE:
            raise OperatorError(f"{self._place}: key `entropy` must be a number from 0 to 8")
        return float(value)

    def _choice(self, key: str, kind: type[E_], fallback: E_ | None) -> E_:
        value = self._table.get(key, fallback)
        for member in kind:
            if value == member.value:
                return member
        choices = ", ".join(member.value for member in kind)
        raise OperatorError(f"{self._place}: key `{key}` must be one of {choices}")


def _is_read(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _is_text(item: object) -> bool:
    return isinstance(item, str) and item != ""
