"""Cedar's expressions computed the slow and obvious way, and what our rules make of them. Uses Cedar only to parse.

Written from Cedar's reference, not from its code: `&&`, `||` and `if` look no further than they must, numbers have 64
bits, `==` never fails, and whatever else does not fit fails.
"""

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cedarpy import pst


class Failure(Exception):
    """The expression cannot be computed; the argument is the kind of failure."""


@dataclass(frozen=True)
class Long:
    value: int


@dataclass(frozen=True)
class Fraction:
    value: Decimal


@dataclass(frozen=True)
class Entity:
    type: str
    id: str


@dataclass(frozen=True)
class Record:
    fields: frozenset[tuple[str, Any]]

    def get(self, name: str) -> Any:
        return dict(self.fields).get(name)


@dataclass(frozen=True)
class Call:
    """What a policy is asked about."""

    principal: Entity
    action: Entity
    resource: Entity
    context: Record
    entities: Mapping[Entity, Record]
    parents: Mapping[Entity, Entity]


@dataclass(frozen=True)
class Rule:
    """One policy."""

    id: str
    effect: str
    approval: str | None
    template: pst.Template


def call_of(asked: Mapping[str, Any], entities: Sequence[Mapping[str, Any]]) -> Call:
    """A request and its entities in Cedar's JSON form."""

    def uid(written: Mapping[str, Any]) -> Entity:
        return Entity(written["type"], written["id"])

    return Call(
        principal=uid(asked["principal"]),
        action=uid(asked["action"]),
        resource=uid(asked["resource"]),
        context=value_of(asked["context"]),
        entities={uid(one["uid"]): value_of(one["attrs"]) for one in entities},
        parents={uid(one["uid"]): uid(one["parents"][0]) for one in entities if one["parents"]},
    )


def value_of(json: Any) -> Any:
    """A value in Cedar's JSON form."""
    if isinstance(json, bool | str):
        return json
    if isinstance(json, int):
        return Long(json)
    if isinstance(json, list):
        return frozenset(map(value_of, json))
    if "__extn" in json:
        return Fraction(Decimal(json["__extn"]["arg"]))
    return Record(frozenset((name, value_of(value)) for name, value in json.items()))


def decide(rules: Sequence[Rule], call: Call, lifted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The verdict, and the policies behind it; `error` or `no-permit` stand for those without."""
    rules = [rule for rule in rules if rule.approval is None or rule.id not in lifted]
    try:
        matching = [rule for rule in rules if applies(rule, call)]  # all of them: each failure counts
    except Failure:
        return "deny", frozenset({"error"})
    permits = {rule.id for rule in matching if rule.effect == "permit"}
    forbids = {rule.id: rule.approval for rule in matching if rule.effect == "forbid"}
    if not forbids:
        return ("allow", frozenset(permits)) if permits else ("deny", frozenset({"no-permit"}))
    if None in forbids.values():
        return "deny", frozenset(forbids)
    if not permits:
        return "deny", frozenset(forbids) | {"no-permit"}
    return ("deny" if "lease" in forbids.values() else "ask"), frozenset(forbids)


def applies(rule: Rule, call: Call) -> bool:
    """Whether the scope and every clause of *rule* hold."""
    template = rule.template
    scopes = ((template.principal, call.principal), (template.action, call.action), (template.resource, call.resource))
    if not all(_in_scope(scope, entity, call) for scope, entity in scopes):
        return False
    return all(_truth(compute(clause.expr, call)) is isinstance(clause, pst.When) for clause in template.clauses)


def _in_scope(scope: Any, entity: Entity, call: Call) -> bool:
    match scope:
        case pst.ScopeAny():
            return True
        case pst.ScopeEq(entity=uid) | pst.ActionEq(entity=uid):
            return entity == _entity(uid)
        case pst.ScopeIn(entity=uid):
            return _is_in(entity, _entity(uid), call)
        case pst.ActionIn(entities=several):
            return entity in [_entity(uid) for uid in several]
        case pst.ScopeIs(entity_type=kind):
            return entity.type == str(kind)
        case pst.ScopeIsIn(entity_type=kind, entity=uid):
            return entity.type == str(kind) and _is_in(entity, _entity(uid), call)
    raise AssertionError(scope)


def compute(expr: Any, call: Call) -> Any:  # noqa: C901, PLR0911, PLR0912 -- one arm for each thing there is
    """The value of *expr*.

    Raises: Failure.
    """
    match expr:
        case pst.BoolLit(value=value) | pst.StringLit(value=value):
            return value
        case pst.LongLit(value=value):
            return Long(value)
        case pst.EntityLit(value=uid):
            return _entity(uid)
        case pst.Var(name=name):
            return getattr(call, name)
        case pst.BinaryOp(op="and", left=left, right=right):
            return _truth(compute(left, call)) and _truth(compute(right, call))
        case pst.BinaryOp(op="or", left=left, right=right):
            return _truth(compute(left, call)) or _truth(compute(right, call))
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            return compute(then if _truth(compute(cond, call)) else other, call)
        case pst.UnaryOp(op=op, arg=arg):
            return _unary(op, compute(arg, call))
        case pst.BinaryOp(op=op, left=left, right=right):
            return _binary(op, compute(left, call), compute(right, call), call)
        case pst.GetAttr(base=base, attr=name):
            return _attribute(compute(base, call), name, call)
        case pst.HasAttr(base=base, attrs=names):
            return _has(compute(base, call), names, call)
        case pst.Like(base=base, pattern=pattern):
            written = "".join(re.escape(one.value) if isinstance(one, pst.Char) else ".*" for one in pattern)
            return re.fullmatch(written, _of(str, compute(base, call)), re.DOTALL) is not None
        case pst.Is(base=base, entity_type=kind, in_expr=within):
            entity = _of(Entity, compute(base, call))
            inside = within is None or entity.type != str(kind) or _is_in(entity, compute(within, call), call)
            return entity.type == str(kind) and inside
        case pst.Set(elements=elements):
            return frozenset(compute(element, call) for element in elements)
        case pst.Record(fields=fields):
            return Record(frozenset((name, compute(value, call)) for name, value in fields.items()))
    raise AssertionError(expr)


def _unary(op: str, value: Any) -> Any:
    match op:
        case "not":
            return not _truth(value)
        case "neg":
            return _long(-_of(Long, value).value)
        case "is_empty":
            return not _of(frozenset, value)
        case "decimal":
            text = _of(str, value)
            if not re.fullmatch(r"-?[0-9]+\.[0-9]{1,4}", text) or not _fits(int(Decimal(text) * 10_000)):
                raise Failure("extension function failed")
            return Fraction(Decimal(text))
    raise AssertionError(op)


_ARITHMETIC = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
_ORDER = {"less": operator.lt, "less_eq": operator.le, "greater": operator.gt, "greater_eq": operator.ge}
_FRACTION_ORDER = {
    "decimal_less_than": operator.lt,
    "decimal_less_eq": operator.le,
    "decimal_greater": operator.gt,
    "decimal_greater_eq": operator.ge,
}


def _binary(op: str, left: Any, right: Any, call: Call) -> Any:  # noqa: PLR0911 -- as above
    if op in _ARITHMETIC:
        return _long(_ARITHMETIC[op](_of(Long, left).value, _of(Long, right).value))
    if op in _ORDER:
        return _ORDER[op](_of(Long, left).value, _of(Long, right).value)
    if op in _FRACTION_ORDER:
        return _FRACTION_ORDER[op](_of(Fraction, left).value, _of(Fraction, right).value)
    match op:
        case "eq":
            return left == right
        case "not_eq":
            return left != right
        case "contains":
            return right in _of(frozenset, left)
        case "contains_all":
            return _of(frozenset, left) >= _of(frozenset, right)
        case "contains_any":
            return bool(_of(frozenset, left) & _of(frozenset, right))
        case "in":
            return _is_in(_of(Entity, left), right, call)
    raise AssertionError(op)


def _is_in(entity: Entity, holder: Any, call: Call) -> bool:
    holders = [_of(Entity, one) for one in holder] if isinstance(holder, frozenset) else [_of(Entity, holder)]
    return entity in holders or call.parents.get(entity) in holders


def _attribute(holder: Any, name: str, call: Call) -> Any:
    if isinstance(holder, Entity):
        if holder not in call.entities:
            raise Failure("missing entity")
        holder = call.entities[holder]
    value = _of(Record, holder).get(name)
    if value is None:
        raise Failure("missing attribute")
    return value


def _has(holder: Any, names: Sequence[str], call: Call) -> bool:
    for name in names:
        if not isinstance(holder, Entity | Record):
            raise Failure("type error")
        attributes = call.entities.get(holder) if isinstance(holder, Entity) else holder
        holder = None if attributes is None else attributes.get(name)
        if holder is None:
            return False
    return True


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Failure("type error")
    return value


def _truth(value: Any) -> bool:
    return bool(_of(bool, value))


def _long(value: int) -> Long:
    if not _fits(value):
        raise Failure("integer overflow")
    return Long(value)


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _entity(uid: Any) -> Entity:
    return Entity(str(uid.type), uid.id)
