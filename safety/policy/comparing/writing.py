"""Writes a call as a case that `explain --call` and `policy test` read, with every fact that some policies look at."""

from holdfast.contracts import Json, ToolSpec, Upstream

from ..facts import NAMED
from ..inputs import PolicyInput
from ..rules import Policy
from ..varying import facts_read


def case_of(given: PolicyInput, policies: tuple[Policy, ...], spec: ToolSpec | None = None) -> dict[str, Json]:
    """*given* as a file of one case; its tool among the samples if *spec* is given."""
    facts: dict[str, Json] = {}
    for way in facts_read(policies):
        path = ".".join(way)
        value = given.at(way)
        if way[0] == "context" and path in NAMED and value is not None:
            facts[path] = value
    labels = given.at(("context", "session", "labels"))
    case: dict[str, Json] = {
        "call": given.tool,
        "with": dict(given.arguments),
        "as": {
            "subject": given.principal.subject,
            "tenant": given.principal.tenant,
            "scopes": [scope.value for scope in sorted(given.principal.scopes)],
        },
        **({"session": labels} if labels else {}),
        **({"facts": facts} if facts else {}),
    }
    return {"tools": [_sample(spec)], "cases": [case]} if spec is not None else case


def _sample(spec: ToolSpec) -> Json:
    server = {"upstream": spec.runtime.server} if isinstance(spec.runtime, Upstream) else {}
    return {
        "name": spec.name,
        **server,
        "effects": [effect.value for effect in sorted(spec.effects)],
        "input": dict(spec.input_schema),
    }
