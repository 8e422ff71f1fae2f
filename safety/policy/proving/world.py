"""Everything that may be true of one tool's calls, as terms made when a policy first reads them. It judges nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from cedarpy import pst

from holdfast.contracts import Json, ToolSpec

from ..rules import Policy
from . import kinds, people
from .encoding import Encoder, Verity
from .solver import Logic, Term
from .symbols import Entity, Group, Maker, Odd, One, Outside, Person, Record, Slot, Symbol, Written

Path = tuple[str, ...]
_CONTEXT: Final = ("context",)
_PRINCIPAL: Final = ("principal",)
_RESOURCE: Final = ("resource",)
_UNTYPED: Final = Odd("arguments that nobody knows")
_WHO: Final = (("principal", "tenant"), ("principal", "subject"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy, encoded for one tool."""

    policy: Policy
    matches: Term
    """It applies, and computing it does not fail."""
    fails: Term
    odd: tuple[str, ...]
    """What of it could not be encoded; it counts as anything at all."""
    reads: frozenset[Path]
    """The attributes it reads."""


@final
class World:
    """One tool, its caller and its call."""

    __slots__ = ("_encoder", "_roots", "_rules", "logic", "maker", "spec")

    def __init__(
        self, logic: Logic, spec: ToolSpec, schema: kinds.Schema, known: Mapping[str, Json], *, is_typed: bool = True
    ) -> None:
        """*known* are the attributes of the tool's own entity that are as registered.

        Of a tool that is not typed nobody knows which arguments it takes.
        """
        self.logic = logic
        self.spec = spec
        self.maker = Maker(logic)
        person = Record(self.maker, _PRINCIPAL, schema.entity("Principal"))
        constants = {name: _constant(logic, value) for name, value in known.items()}
        tool = Record(self.maker, _RESOURCE, schema.entity("Tool"), constants)
        self._roots: dict[str, Symbol] = {
            "principal": _person(person),
            "principal's": person,
            "action": Entity("Action", spec.name),
            "resource": Entity("Tool", spec.name),
            "resource's": tool,
            "context": Record(self.maker, _CONTEXT, schema.context(spec.name), {} if is_typed else {"input": _UNTYPED}),
        }
        self._encoder = Encoder(self.maker, self._roots)
        self._rules: dict[pst.Template, Rule] = {}

    def at(self, *path: str) -> Symbol | None:
        """The value at *path*, made if need be; None where there is no such attribute."""
        slot = self.slot(*path)
        return None if slot is None else slot.value

    def slot(self, *path: str) -> Slot | None:
        """The attribute at *path*: `("context", "flow", "sink")`."""
        first, *rest = path
        root = self._roots[first if first == "context" else f"{first}'s"]
        found: Slot | None = Slot(self.logic.true, root)
        for name in rest:
            holder = None if found is None else found.value
            found = holder.slot(name) if isinstance(holder, Record | Written) else None
        return found

    def reading(self, reads: frozenset[Path]) -> None:
        """From now on it is about *reads* only, and about who calls."""
        self.maker.touched = {*reads, *_WHO}

    def has_read(self, *path: str) -> bool:
        """Whether it is about the plain value at *path*."""
        return path in self.maker.touched and path in self.maker.plain

    def rule(self, policy: Policy) -> Rule:
        """Encode *policy* for this tool; the same words are encoded once."""
        template = policy.template
        if template not in self._rules:
            self._encoder.odd.clear()
            self.maker.touched.clear()
            try:
                verity = self._conditions(template)
            except Outside as why:  # in the scope; what is odd in a condition is a free truth there
                verity = Verity(self.maker.free(), self.logic.false)
                self._encoder.odd.append(str(why))
            matches = self.logic.every(verity.holds, self.logic.negated(verity.fails))
            odd = tuple(dict.fromkeys(self._encoder.odd))
            self._rules[template] = Rule(policy, matches, verity.fails, odd, frozenset(self.maker.touched))
        return replace(self._rules[template], policy=policy)

    def truth(self, expr: pst.Expr) -> tuple[Verity, tuple[str, ...]]:
        """Encode an expression, and say what of it could not be."""
        self._encoder.odd.clear()
        verity = self._encoder.truth(expr)
        return verity, tuple(dict.fromkeys(self._encoder.odd))

    def _conditions(self, template: pst.Template) -> Verity:
        logic = self.logic
        holds, fails = self._scope(template), logic.false
        for clause in template.clauses:
            if holds is logic.false:
                break
            said = self._encoder.truth(clause.expr)
            fails = logic.some(fails, logic.every(holds, said.fails))
            met = said.holds if isinstance(clause, pst.When) else logic.negated(said.holds)
            holds = logic.every(holds, met)
        return Verity(holds, fails)

    def _scope(self, template: pst.Template) -> Term:
        action = self._action(template.action)
        principal = self._covers(template.principal, self._roots["principal"])
        return self.logic.every(action, principal, self._covers(template.resource, self._roots["resource"]))

    def _action(self, scope: pst.ActionConstraint) -> Term:
        match scope:
            case pst.ScopeAny():
                return self.logic.true
            case pst.ActionEq(entity=uid):
                return self.logic.a_truth(value=_entity(uid) == self._roots["action"])
            case pst.ActionIn(entities=several):
                return self.logic.a_truth(value=self._roots["action"] in [_entity(uid) for uid in several])

    def _covers(self, scope: pst.PrincipalOrResourceConstraint, value: Symbol) -> Term:
        logic = self.logic
        match scope:
            case pst.ScopeAny():
                return logic.true
            case pst.ScopeEq(entity=uid) | pst.ScopeIn(entity=uid):
                return people.is_in(logic, value, _entity(uid))
            case pst.ScopeIs(entity_type=kind):
                return logic.a_truth(value=people.is_of_type(value, str(kind)))
            case pst.ScopeIsIn(entity_type=kind, entity=uid):
                is_kind = logic.a_truth(value=people.is_of_type(value, str(kind)))
                return logic.every(is_kind, people.is_in(logic, value, _entity(uid)))


def _entity(uid: pst.EntityOrSlot) -> Entity:
    if isinstance(uid, pst.Slot):
        raise Outside("a slot of a template")
    return Entity(str(uid.type), uid.id)


def _person(record: Record) -> Symbol:
    tenant, subject = record.slot("tenant"), record.slot("subject")
    if tenant is None or subject is None or not isinstance(tenant.value, One) or not isinstance(subject.value, One):
        raise Outside("principals without tenant and subject")
    return Person(tenant.value.term, subject.value.term)


def _constant(logic: Logic, value: Json) -> Symbol:
    match value:
        case str():
            return One(kinds.Text(), logic.a_text(value))
        case list():
            texts = [logic.a_text(each) for each in value if isinstance(each, str)]
            return Group(kinds.Text(), logic.gathered(texts, logic.text))
        case _:
            raise Outside("an attribute of the tool that is neither a text nor a list of texts")
