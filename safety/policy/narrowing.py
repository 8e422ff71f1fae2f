"""Leaves out of a question the policies that would answer `does not apply`. It never leaves out one that might matter.

1. A policy is left out only if one of its conditions is false and nothing evaluated before it can fail.
2. Such a condition is looked up rather than tried: by the value it compares with, or four letters of its pattern.
3. What is missing, untyped or not understood here keeps the policy in. Cedar evaluates whatever is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cedarpy import pst

from holdfast.contracts import Json

from .rules import Policy

Way: TypeAlias = tuple[str, ...]
"""From a root to a value: `("context", "input", "path")`."""
Key: TypeAlias = tuple[str, Way, str | int | bool]
"""`is`, `holds` (a set), `gram` (a text), `has` or `lacks`; of what; and which."""
Offer: TypeAlias = frozenset[frozenset[Key]]
"""Alternatives; in each all keys are active if it holds. With no alternative left, the policy is false."""

_GRAM: Final = 4
_ROOTS: Final = frozenset({"context", "principal", "resource"})
_SAFE_PAIRS: Final = frozenset(
    {
        *("and", "or", "eq", "not_eq", "less", "less_eq", "greater", "greater_eq", "in"),
        *("contains", "contains_all", "contains_any"),
        *("decimal_less", "decimal_less_eq", "decimal_greater", "decimal_greater_eq"),
    }
)
"""Of these none can fail on operands of their types; sums can, and functions of extensions may."""
PRINCIPAL: Final[Way] = ("principal", "")
TENANT: Final[Way] = ("tenant", "")
"""Ways to the names of the two entities; no attribute has an empty name."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the conditions that must all hold, in the order they are evaluated in."""

    node: pst.Expr
    wanted: bool


class Narrowing:
    """An index over policies that were checked against the tools."""

    __slots__ = ("_always", "_index", "_ways")

    def __init__(self, policies: Sequence[Policy], unchecked: frozenset[str]) -> None:
        offers = {policy.id: tuple(_offers(policy)) for policy in policies if policy.id not in unchecked}
        popular = Counter(key for each in offers.values() for offer in each for keys in offer for key in keys)
        self._always = frozenset(policy.id for policy in policies if not offers.get(policy.id))
        self._index: dict[Key, list[str]] = {}
        for name, each in offers.items():
            if each:
                offer = min(each, key=lambda one: sum(min(popular[key] for key in keys) for keys in one))
                for keys in offer:
                    rarest = min(keys, key=lambda key: (popular[key], str(key[2])))
                    self._index.setdefault(rarest, []).append(name)
        self._ways = tuple(dict.fromkeys((kind, way) for kind, way, _ in self._index))

    @property
    def always(self) -> frozenset[str]:
        """The policies that cannot be left out."""
        return self._always

    def hits(self, facts: Mapping[str, Json]) -> frozenset[str]:
        """Answer which of the others may matter for *facts*: `context`, `principal`, `resource` and `tenant`."""
        found: list[str] = []
        for kind, way in self._ways:
            for value in _active(kind, _at(facts, way)):
                found.extend(self._index.get((kind, way, value), ()))
        return frozenset(found)


def _offers(policy: Policy) -> Iterator[Offer]:
    """Yield offers; if no alternative of one of them is active, *policy* is false, and evaluating it does not fail."""
    match policy.template.principal:
        case pst.ScopeEq(entity=pst.EntityUid(id=name)):
            yield _one("is", PRINCIPAL, value=name)
        case pst.ScopeIn(entity=pst.EntityUid(id=name, type=kind)) if str(kind) == "Tenant":
            yield _one("is", TENANT, value=name)
        case _:
            pass
    sure = set[Way]()
    lacking = set[Way]()
    for part in parts(policy.template.clauses):
        read = _reads(part.node)
        if read is None:
            return
        lacking |= read - sure
        offer = _offer(part)
        if offer is not None:
            yield offer.union(*(_one("lacks", way, value=True) for way in lacking))
        if part.wanted and isinstance(part.node, pst.HasAttr):
            sure |= set(_had(part.node))


def parts(clauses: Iterable[pst.Clause]) -> Iterator[Part]:
    """Yield the conditions that must all hold, in the order they are evaluated in."""
    for clause in clauses:
        yield from _conjuncts(clause.expr, wanted=isinstance(clause, pst.When))


def _conjuncts(node: pst.Expr, *, wanted: bool) -> Iterator[Part]:
    match node:
        case pst.UnaryOp(op="not", arg=inner):
            yield from _conjuncts(inner, wanted=not wanted)
        case pst.BinaryOp(op=op, left=left, right=right) if op == ("and" if wanted else "or"):
            yield from _conjuncts(left, wanted=wanted)
            yield from _conjuncts(right, wanted=wanted)
        case _:
            yield Part(node, wanted)


def _offer(part: Part) -> Offer | None:
    """Answer what must be active for *part* to hold; None when there is no telling."""
    node = part.node
    match node:
        case pst.BinaryOp() if part.wanted:
            return _pair(node)
        case pst.Like(base=base, pattern=pattern) if part.wanted:
            return _pattern(way_of(base), pattern)
        case pst.HasAttr() if part.wanted:
            had = _had(node)
            return _one("has", had[-1], value=True) if had else None
        case _:
            way = way_of(node)
            return None if way is None else _one("is", way, value=part.wanted)


def _pair(node: pst.BinaryOp) -> Offer | None:
    left, right = node.left, node.right
    match node:
        case pst.BinaryOp(op="or"):
            one, other = _offer(Part(left, wanted=True)), _offer(Part(right, wanted=True))
            return None if one is None or other is None else one | other
        case pst.BinaryOp(op="and"):
            return _offer(Part(left, wanted=True)) or _offer(Part(right, wanted=True))
        case pst.BinaryOp(op="eq"):
            return _any_of("is", way_of(left), (right,)) or _any_of("is", way_of(right), (left,))
        case pst.BinaryOp(op="contains", left=pst.Set(elements=elements)):
            return _any_of("is", way_of(right), elements)
        case pst.BinaryOp(op="contains"):
            return _any_of("holds", way_of(left), (right,))
        case pst.BinaryOp(op="contains_any", right=pst.Set(elements=elements)):
            return _any_of("holds", way_of(left), elements)
        case pst.BinaryOp(op="contains_all", right=pst.Set(elements=(first, *_))):
            return _any_of("holds", way_of(left), (first,))
        case _:
            return None


def _one(kind: str, way: Way, *, value: str | bool) -> Offer:
    return frozenset({frozenset({(kind, way, value)})})


def _any_of(kind: str, way: Way | None, elements: Iterable[pst.Expr]) -> Offer | None:
    found = set[frozenset[Key]]()
    for one in elements:
        if way is None or not isinstance(one, pst.StringLit | pst.LongLit | pst.BoolLit):
            return None
        found.add(frozenset({(kind, way, one.value)}))
    return frozenset(found) or None


def _pattern(way: Way | None, pattern: Sequence[pst.PatternElem]) -> Offer | None:
    """Answer every four letters that stand together in *pattern*: all of them are in a text that it matches."""
    if way is None:
        return None
    runs: list[str] = [""]
    for one in pattern:
        if isinstance(one, pst.Char):
            runs[-1] += one.value
        else:
            runs.append("")
    keys = frozenset[Key](("gram", way, gram) for run in runs for gram in _grams(run))
    return frozenset({keys}) if keys else None


def _grams(text: str) -> set[str]:
    return {text[place : place + _GRAM] for place in range(len(text) - _GRAM + 1)}


def _active(kind: str, value: Json | type[KeyError]) -> Iterable[str | int | bool]:
    """Yield what of *kind* is active at *value*."""
    if value is KeyError:
        return (True,) if kind == "lacks" else ()
    match kind:
        case "has":
            return (True,)
        case "is" if isinstance(value, str | int):
            return (value,)
        case "holds" if isinstance(value, list):
            return [one for one in value if isinstance(one, str | int)]
        case "gram" if isinstance(value, str):
            return _grams(value)
        case _:
            return ()


def _at(facts: Mapping[str, Json], way: Way) -> Json | type[KeyError]:
    value: Json = dict(facts)
    for name in way:
        if not isinstance(value, Mapping) or name not in value:
            return KeyError
        value = value[name]
    return value


def way_of(node: pst.Expr) -> Way | None:
    """Answer the way that *node* is, if it is nothing but attributes of a root."""
    names: list[str] = []
    while isinstance(node, pst.GetAttr):
        names.append(node.attr)
        node = node.base
    if not isinstance(node, pst.Var) or node.name not in _ROOTS or not names:
        return None
    return (node.name, *reversed(names))


def _had(node: pst.HasAttr) -> tuple[Way, ...]:
    """The ways that are there if *node* holds, the farthest last."""
    base = (node.base.name,) if isinstance(node.base, pst.Var) else way_of(node.base)
    if base is None:
        return ()
    return tuple((*base, *node.attrs[: depth + 1]) for depth in range(len(node.attrs)))


def _reads(node: pst.Expr) -> frozenset[Way] | None:
    """Answer the attributes *node* fails without; None when it may fail for another reason."""
    match node:
        case pst.GetAttr():
            way = way_of(node)
            return None if way is None else frozenset({way})
        case pst.Var() | pst.BoolLit() | pst.LongLit() | pst.StringLit() | pst.EntityLit():
            return frozenset()
        case _:
            operands = _operands(node)
            return None if operands is None else _all_reads(operands)


def _operands(node: pst.Expr) -> Sequence[pst.Expr] | None:
    """Answer what *node* evaluates; None when it may fail whatever they are."""
    match node:
        case pst.HasAttr(base=inner) | pst.Like(base=inner) | pst.UnaryOp(op="not" | "is_empty", arg=inner):
            return (inner,)
        case pst.UnaryOp(op="decimal", arg=pst.StringLit()):
            return ()
        case pst.BinaryOp(op=op, left=left, right=right) if op in _SAFE_PAIRS:
            return (left, right)
        case pst.Set(elements=elements):
            return elements
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            return (cond, then, other)
        case _:
            return None


def _all_reads(nodes: Iterable[pst.Expr]) -> frozenset[Way] | None:
    found = frozenset[Way]()
    for node in nodes:
        read = _reads(node)
        if read is None:
            return None
        found |= read
    return found
