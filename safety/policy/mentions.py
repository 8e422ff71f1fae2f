"""Finds what a policy looks at: argument names, context attributes, tools; and words it compares with closed lists.

Knowing it lets the bundle hand Cedar only what some policy reads, and refuse a misspelt word that would never match.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Final, cast

from cedarpy import pst

from holdfast.contracts import OperatorError

from .facts import FACTS
from .rules import Policy

_CONTEXT: Final = pst.Var("context")
_ROOTS: Final[Mapping[str, pst.Var]] = {
    "principal": pst.Var("principal"),
    "resource": pst.Var("resource"),
    "context": _CONTEXT,
}
_TOOL_TYPES: Final = frozenset({"Action", "Tool"})
_ACTION_TYPES: Final = frozenset({"Action"})
_LEAVES: Final = frozenset({"op", "name", "attr", "attrs", "id", "effect", "annotations", "namespace", "pattern"})
"""Fields that hold no node worth a look: a pattern has one for each letter."""
_PARTS: Final[Mapping[type, tuple[str, ...]]] = {
    kind: tuple(one.name for one in fields(kind) if one.name not in _LEAVES)
    for kind in vars(pst).values()
    if isinstance(kind, type) and is_dataclass(kind)
}


def _expression(path: str) -> pst.Expr:
    first, *rest = path.split(".")
    found: pst.Expr = _ROOTS[first]
    for name in rest:
        found = pst.GetAttr(found, name)
    return found


_WORDS: Final[Mapping[pst.Expr, tuple[str, frozenset[str]]]] = {
    _expression(fact.path): (fact.word, fact.words) for fact in FACTS if fact.words is not None
}
"""The facts whose words are a closed list."""
_COMPARING: Final = frozenset({"contains", "contains_all", "contains_any", "eq", "not_eq"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a set of policies reads of a request's context."""

    parts: frozenset[tuple[str, str]]
    """`("input", "path")` for `context.input.path`."""
    whole: frozenset[str]
    """Attributes of `context` that are used as one value."""
    everything: bool
    """Whether `context` itself is used as one value."""
    attributes: frozenset[str]
    """Attributes of `context` of which anything is read."""

    @property
    def reads_input(self) -> bool:
        """Whether any argument matters."""
        return self.sees("input")

    @property
    def inputs(self) -> frozenset[str]:
        """The arguments read by name."""
        return frozenset(name for attribute, name in self.parts if attribute == "input")

    def of(self, attribute: str) -> frozenset[str] | None:
        """The names read of `context`'s *attribute*; None: all of them."""
        if self.everything or attribute in self.whole:
            return None
        return frozenset(name for group, name in self.parts if group == attribute)

    def sees(self, attribute: str) -> bool:
        """Whether anything of `context`'s *attribute* matters."""
        return self.everything or attribute in self.attributes

    def takes(self, attribute: str, name: str) -> bool:
        """Whether *name* of `context`'s *attribute* matters."""
        return (attribute, name) in self.parts or self.everything or attribute in self.whole


def wanted(policies: tuple[Policy, ...]) -> Wanted:
    """Answer what *policies* read."""
    parts, whole = set[tuple[str, str]](), set[str]()
    everything = False
    for policy in policies:
        for node in _reads(policy.template.clauses):
            match node:
                case pst.GetAttr(base=pst.GetAttr(attr=attribute), attr=name):
                    parts.add((attribute, name))
                case pst.HasAttr(base=pst.GetAttr(attr=attribute), attrs=(name, *_)):
                    parts.add((attribute, name))
                case pst.HasAttr(attrs=(attribute, name, *_)):
                    parts.add((attribute, name))
                case pst.GetAttr(attr=attribute) | pst.HasAttr(attrs=(attribute,)):
                    whole.add(attribute)
                case _:
                    everything = True
    return Wanted(
        parts=frozenset(parts),
        whole=frozenset(whole),
        everything=everything,
        attributes=frozenset(whole | {attribute for attribute, _ in parts}),
    )


def applies(policy: Policy, tool: str) -> bool:
    """Whether the scope of *policy* can match a call of *tool*. Never says no where Cedar might say yes."""
    return _action_covers(policy.template.action, tool) and _resource_covers(policy.template.resource, tool)


def tools_named(policy: Policy) -> frozenset[str]:
    """Every tool that *policy* names, as action or as resource, in its scope or in its conditions."""
    return _named(policy, _TOOL_TYPES)


def actions_named(policy: Policy) -> frozenset[str]:
    """Every tool that *policy* names as an action, in its scope or in its conditions."""
    return _named(policy, _ACTION_TYPES)


def _named(policy: Policy, types: frozenset[str]) -> frozenset[str]:
    uids = (node for node in nodes(policy.template) if isinstance(node, pst.EntityUid))
    return frozenset(uid.id for uid in uids if str(uid.type) in types)


def names_its_tools(policy: Policy) -> bool:
    """Whether the scope of *policy* lists the tools it is for."""
    match policy.template.action:
        case pst.ActionEq() | pst.ActionIn():
            return True
        case _:
            return isinstance(policy.template.resource, pst.ScopeEq)


def check_words(policy: Policy) -> None:
    """Refuse a comparison with a word that does not exist: the policy would silently never match.

    Raises: OperatorError naming the policy's place and the list the word should be from.
    """
    for node in nodes(policy.template.clauses):
        if isinstance(node, pst.BinaryOp) and node.op in _COMPARING:
            for side, other in ((node.left, node.right), (node.right, node.left)):
                listed = _WORDS.get(side) if isinstance(side, pst.GetAttr) else None
                if listed is not None:
                    _check_literals(policy, other, *listed)


def _check_literals(policy: Policy, literals: pst.Expr, kind: str, known: frozenset[str]) -> None:
    for node in nodes(literals):
        if isinstance(node, pst.StringLit) and node.value not in known:
            raise OperatorError(
                f"{policy.source.place}: policy `{policy.id}` compares with `{node.value}`, which is no {kind};"
                f" there are {', '.join(sorted(known))}"
            )


def _reads(value: object) -> Iterator[object]:
    """Yield the outermost nodes that read from `context`, and `context` itself where it is used whole."""
    match value:
        case pst.GetAttr(base=base) | pst.HasAttr(base=base) if _near(base):
            yield value
        case pst.Var(name="context"):
            yield value
        case _:
            for child in children(value):
                yield from _reads(child)


def _near(base: pst.Expr) -> bool:
    return base == _CONTEXT or (isinstance(base, pst.GetAttr) and base.base == _CONTEXT)


def nodes(value: object) -> Iterator[object]:
    """Yield *value* and every node in it, but for the letters of patterns, in the order written."""
    left = [value]
    while left:
        node = left.pop()
        yield node
        left.extend(reversed(children(node)))


def children(value: object) -> tuple[object, ...]:
    """Answer what *value*, a part of a policy, is made of."""
    kind = type(value)
    if kind is tuple:
        return cast("tuple[object, ...]", value)
    if kind in _PARTS:
        return tuple(getattr(value, name) for name in _PARTS[kind])
    if kind is str or kind is int or kind is bool or not isinstance(value, Mapping):
        return ()
    return tuple(cast("Mapping[str, object]", value).values())


def _action_covers(action: pst.ActionConstraint, tool: str) -> bool:
    match action:
        case pst.ActionEq(entity=uid):
            return uid.id == tool
        case pst.ActionIn(entities=entities):
            return any(uid.id == tool for uid in entities)
        case pst.ScopeAny():
            return True


def _resource_covers(resource: pst.PrincipalOrResourceConstraint, tool: str) -> bool:
    match resource:
        case pst.ScopeEq(entity=pst.EntityUid(id=name)):
            return name == tool
        case _:
            return True
