"""The entities of a call: whose they are and what they are in. Of them only the principal is not known."""

from typing import Final

from .solver import LAST_CHARACTER, Logic, Term
from .symbols import Entities, Entity, Outside, Person, Symbol

_PRINCIPAL: Final = "Principal"
_TENANT: Final = "Tenant"


def is_person(logic: Logic, person: Person, entity: Entity) -> Term:
    """Whether *person* is *entity*: its id is `tenant/subject`, with `%25` and `%2F` for `%` and `/` in the tenant."""
    tenant, slash, subject = entity.id.partition("/")
    plain = tenant.replace("%2F", "/").replace("%25", "%")
    written = plain.replace("%", "%25").replace("/", "%2F")
    if entity.type != _PRINCIPAL or not slash or written != tenant:
        return logic.false
    return logic.every(_is_text(logic, person.tenant, plain), _is_text(logic, person.subject, subject))


def is_in(logic: Logic, left: Symbol, right: Symbol) -> Term:
    """Whether *left* is *right* or below it, or in one of *right*.

    Raises: Outside for what cannot be encoded.
    """
    match left, right:
        case _, Entities(of=several):
            return logic.some(*(is_in(logic, left, each) for each in several))
        case Person(), Person():
            return logic.true
        case Person(), Entity(type=kind, id=name) if kind == _TENANT:
            return _is_text(logic, left.tenant, name)
        case Person(), Entity():
            return is_person(logic, left, right)
        case Entity(type=kind), Entity() if kind != _PRINCIPAL or left == right:
            return logic.a_truth(value=left == right)
        case _:
            raise Outside("`in` between these entities")


def is_of_type(value: Symbol, name: str) -> bool:
    """Whether *value* is an entity of the type *name*.

    Raises: Outside for what is no entity.
    """
    match value:
        case Person():
            return name == _PRINCIPAL
        case Entity(type=kind):
            return name == kind
        case _:
            raise Outside("`is` of what is no entity")


def _is_text(logic: Logic, term: Term, text: str) -> Term:
    if any(ord(char) > LAST_CHARACTER for char in text):
        raise Outside(f"a character over U+{LAST_CHARACTER:X}")
    return logic.same(term, logic.a_text(text))
