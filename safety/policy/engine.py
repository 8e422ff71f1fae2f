"""Asks Cedar one question and reads its answer; the only place that evaluates. Any error makes the answer no.

Cedar skips a forbid that fails to evaluate, and may then say Allow. Here an answer with an error is never allowed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cedarpy

from holdfast.contracts import Json, Principal

from .decisions import Broken
from .facts import Parties, of_party

_POLICY_ERROR: Final = re.compile(r"error while evaluating policy `([^`]*)`: (.*)", re.DOTALL)
_KINDS: Final = (
    ("integer overflow", "integer overflow"),
    ("type error", "type error"),
    ("does not have the attribute", "missing attribute"),
    ("does not exist", "missing entity"),
    ("extension function", "extension function failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Cedar said."""

    allowed: bool
    """Allow, and nothing failed."""
    matched: tuple[str, ...]
    """The policies that decided, in no order: forbids if any matched, else permits."""
    errors: tuple[Broken, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """Who asks for which tool, in the engine's form. Reused between calls."""

    principal: str
    tool: str
    entities: cedarpy.Entities
    facts: Mapping[str, Json]
    """The attributes of `principal` and `resource`, as the entities have them, and the name of the `tenant`."""


def asker(parties: Parties, given: Mapping[str, Json]) -> Asker:
    """Write who asks for what as entities; facts of *given* instead of those that are read.

    Raises: ValueError when a name cannot be written, for example for a lone surrogate.
    """
    principal, spec = parties.principal, parties.spec
    who = principal_id(principal)
    person, attributes = _attributes("principal", parties, given), _attributes("resource", parties, given)
    entities = [
        _entity("Principal", who, person, _uid("Tenant", principal.tenant)),
        _entity("Tool", spec.name, attributes),
        _entity("Action", spec.name, {}),
    ]
    held = cedarpy.Entities.from_json_str(json.dumps(entities))  # pyright: ignore[reportUnknownMemberType] -- cedarpy leaves its dicts untyped
    facts: dict[str, Json] = {
        "principal": {**person, "": who},
        "resource": attributes,
        "tenant": {"": principal.tenant},
    }
    return Asker(who, spec.name, held, facts)


def _attributes(holder: str, parties: Parties, given: Mapping[str, Json]) -> dict[str, Json]:
    return {fact.name: given[fact.path] if fact.path in given else fact.read(parties) for fact in of_party(holder)}


def principal_id(principal: Principal) -> str:
    """Answer the id of *principal*'s entity, `tenant/subject`: one subject in two tenants is two principals."""
    tenant = principal.tenant.replace("%", "%25").replace("/", "%2F")
    return f"{tenant}/{principal.subject}"


def principal_named(name: str) -> tuple[str, str] | None:
    """Tenant and subject of the principal whose entity's id is *name*; None where nobody's is."""
    tenant, slash, subject = name.partition("/")
    plain = tenant.replace("%2F", "/").replace("%25", "%")
    is_written_so = plain.replace("%", "%25").replace("/", "%2F") == tenant
    return (plain, subject) if slash and is_written_so else None


def ask(sets: Sequence[cedarpy.PolicySet], who: Asker, context: str) -> Answer:
    """Evaluate the policies of all *sets* as one set, for a call by *who* with *context*, a JSON text.

    Total: what Cedar cannot read is an answer with an error.
    """
    request = {
        "principal": _uid("Principal", who.principal),
        "action": _uid("Action", who.tool),
        "resource": _uid("Tool", who.tool),
        "context": context,
    }
    permits, forbids, errors = list[str](), list[str](), set[str]()
    for policies in sets:
        try:
            result = cedarpy.is_authorized(request, policies, who.entities)  # pyright: ignore[reportUnknownMemberType] -- cedarpy leaves its dicts untyped
        except ValueError:  # a string that cannot cross into the engine
            return Answer(allowed=False, matched=(), errors=(Broken(policy="", kind="unreadable request"),))
        (permits if result.allowed else forbids).extend(result.diagnostics.reasons)
        errors.update(result.diagnostics.errors)
    return Answer(
        allowed=bool(permits) and not forbids and not errors,
        matched=tuple(forbids or permits),
        errors=tuple(_broken(text) for text in sorted(errors)),
    )


def _broken(text: str) -> Broken:
    """Keep the policy and the kind of an error; its text may hold values of the call."""
    found = _POLICY_ERROR.match(text)
    if found is None:
        return Broken(policy="", kind="unreadable request")
    kind = next((kind for sign, kind in _KINDS if sign in found[2]), "evaluation failed")
    return Broken(policy=found[1], kind=kind)


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _entity(kind: str, name: str, attributes: Mapping[str, Json], *parents: dict[str, str]) -> dict[str, object]:
    return {"uid": _uid(kind, name), "attrs": attributes, "parents": list(parents)}
