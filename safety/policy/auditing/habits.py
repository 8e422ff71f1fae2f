"""Finds conditions that say something else than they seem to. It reads the text of a policy and asks nobody."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from cedarpy import pst

from ..decisions import Effect
from ..facts import NAMED, Trust
from ..mentions import nodes
from ..narrowing import Way, parts, way_of
from ..paths import names_path
from ..rules import Policy
from .leaves import Leaf, argument, compared, frees, leaves, texts_in, ways_in
from .remarks import Remark, about

_SUMS: Final = frozenset({"add", "sub", "mul", "neg"})
_DECIMALS: Final = frozenset({"decimal_less", "decimal_less_eq", "decimal_greater", "decimal_greater_eq"})
_INEXACT: Final[Way] = ("context", "facts", "inexact")
_FOLDED: Final[Way] = ("context", "paths", "text")
_ADVICE: Final[frozenset[Way]] = frozenset(
    tuple(path.split(".")) for path, fact in NAMED.items() if fact.trust is Trust.ADVICE
)
_CLAIMS: Final[frozenset[Way]] = frozenset(
    tuple(path.split(".")) for path, fact in NAMED.items() if fact.trust is Trust.CLAIM
)
_ANY_CASE: Final = frozenset(
    {
        *("method", "verb", "host", "hostname", "domain", "url", "uri", "scheme", "protocol"),
        *("email", "mail", "to", "cc", "bcc", "recipient", "recipients", "header", "content_type"),
    }
)
"""Arguments whose letters mostly mean the same in either case to who reads them."""
_COMMANDS: Final = frozenset({"command", "cmd", "script", "commandline", "command_line", "shell", "code"})
_OPEN_HOST: Final = re.compile(r"https?://[^/*]*[^/*:]\*")
_FIRST_WORD: Final = re.compile(r"[^*\s]+\s?\*")

Habit = Callable[[Policy], Iterator[tuple[str, str]]]


def habits(policies: tuple[Policy, ...]) -> tuple[Remark, ...]:
    """Look for each habit in each of *policies*; the same thing is said once for a policy."""
    found: dict[tuple[str, str, str], Remark] = {}
    for policy in policies:
        for habit in _HABITS:
            for rule, what in habit(policy):
                found.setdefault((policy.id, rule, what), about(policy, rule, what))
    return tuple(found.values())


def _overflow(policy: Policy) -> Iterator[tuple[str, str]]:
    for node in nodes(policy.template.clauses):
        if isinstance(node, pst.BinaryOp | pst.UnaryOp) and node.op in _SUMS:
            yield "arithmetic-overflow", "adds or multiplies; where that overflows, the whole call is denied"


def _paths(policy: Policy) -> Iterator[tuple[str, str]]:
    for leaf in leaves(policy):
        for name in sorted(compared(leaf)):
            if names_path(name) and any(True for _ in texts_in(leaf.node)):
                yield (
                    "unfolded-path",
                    (
                        f"compares the path `context.input.{name}` as it was written, where `..`, case, `%2e` and"
                        " look-alikes make other spellings of the same file"
                    ),
                )


def _kept_in(policy: Policy) -> Iterator[tuple[str, str]]:
    for leaf in leaves(policy):
        match leaf.node:
            case pst.Like(base=base, pattern=(pst.Char(), *_)) if way_of(base) == _FOLDED and frees(policy, leaf):
                yield (
                    "path-allowlist",
                    (
                        "lets a call through by how `context.paths.text` begins, where `..` leads out again and"
                        " a second path may follow"
                    ),
                )
            case _:
                pass


def _letters(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.effect is Effect.PERMIT:
        return
    for leaf in leaves(policy):
        texts = " ".join(texts_in(leaf.node))
        for name in sorted(compared(leaf) & _ANY_CASE):
            if leaf.wanted and any(char.isalpha() for char in texts) and not _both_cases(leaf):
                yield "case-sensitive", f"forbids spellings of `context.input.{name}`, and one in other case passes"


def _lifted(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.effect is Effect.PERMIT:
        return
    read = frozenset(name for leaf in leaves(policy) for name in compared(leaf))
    for leaf in leaves(policy):
        if not frees(policy, leaf):
            continue
        name = _bare(leaf)
        if name is not None and name not in read:
            yield "caller-lifts-forbid", f"is lifted by `context.input.{name}`, which whoever calls can set"


def _claims(policy: Policy) -> Iterator[tuple[str, str]]:
    for leaf in leaves(policy):
        advice = _ADVICE if isinstance(leaf.node, pst.GetAttr) else frozenset[Way]()
        for way in sorted(ways_in(leaf.node) & (_CLAIMS | advice)) if frees(policy, leaf) else ():
            yield "claim-frees", f"lets a call through on the word of `{'.'.join(way)}`, which must free none"


def _rounded(policy: Policy) -> Iterator[tuple[str, str]]:
    read = frozenset(way for clause in policy.template.clauses for way in ways_in(clause.expr))
    if _INEXACT in read:
        return
    for leaf in leaves(policy):
        if isinstance(leaf.node, pst.BinaryOp) and leaf.node.op in _DECIMALS:
            for name in sorted(compared(leaf)):
                yield (
                    "rounded-number",
                    (f"compares `context.input.{name}`, which is kept to four decimal places, without `facts.inexact`"),
                )


def _absent(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.effect is Effect.FORBID:
        return
    for part in parts(policy.template.clauses):
        if not part.wanted and isinstance(part.node, pst.BinaryOp) and part.node.op == "and":
            for name in sorted(_had(part.node)):
                yield "absent-permits", f"permits a call that has no `context.input.{name}` at all"


def _hosts(policy: Policy) -> Iterator[tuple[str, str]]:
    for leaf in leaves(policy):
        if frees(policy, leaf) and isinstance(leaf.node, pst.Like):
            for text in texts_in(leaf.node):
                if _OPEN_HOST.match(text):
                    yield "open-host", "lets a host through that only begins like the one it names"


def _commands(policy: Policy) -> Iterator[tuple[str, str]]:
    for leaf in leaves(policy):
        begins = isinstance(leaf.node, pst.Like) and any(_FIRST_WORD.fullmatch(text) for text in texts_in(leaf.node))
        if begins and frees(policy, leaf) and compared(leaf) & _COMMANDS:
            yield "command-prefix", "lets a command through for how it begins; `;`, `&&` or `$(…)` may follow"


def _both_cases(leaf: Leaf) -> bool:
    """Whether each text is also there in the other case."""
    texts = set(texts_in(leaf.node))
    return all(text.upper() in texts and text.lower() in texts for text in texts)


def _bare(leaf: Leaf) -> str | None:
    """The argument whose mere truth or presence *leaf* is."""
    match leaf.node:
        case pst.GetAttr():
            way = way_of(leaf.node)
            return None if way is None else argument(way)
        case pst.HasAttr():
            return next(iter(_had(leaf.node)), None)
        case _:
            return None


def _had(node: pst.Expr) -> frozenset[str]:
    """The arguments whose presence *node* asks for."""
    found = set[str]()
    for one in nodes(node):
        if isinstance(one, pst.HasAttr):
            base = (one.base.name,) if isinstance(one.base, pst.Var) else way_of(one.base)
            name = None if base is None else argument((*base, *one.attrs))
            if name is not None:
                found.add(name)
    return frozenset(found)


_HABITS: Final[tuple[Habit, ...]] = (
    _overflow,
    _paths,
    _kept_in,
    _letters,
    _lifted,
    _claims,
    _rounded,
    _absent,
    _hosts,
    _commands,
)
