"""Puts facts into words for somebody who did not write the policies. It redacts nothing and adds nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from cedarpy import pst

from holdfast.contracts import Json

from ..decisions import Allowed, Asks, Denied, PolicyDecision
from ..facts import NAMED
from ..rules import Policy
from ..varying import TENANT, WHO, Option

_SHOWN: Final = 120
_TRUTHS: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("context", "session", "private"): (
        "private data is in the session, or goes along with the call",
        "no private data is in the session, and none goes along with the call",
    ),
    ("context", "session", "untrusted"): (
        "the session has read a stranger's text, or the call acts on some",
        "the session has read no stranger's text",
    ),
    ("context", "flow", "args_from_user"): (
        "the user's request or the operator's list names every decisive argument",
        "some decisive argument is neither in the user's request nor on the operator's list",
    ),
    ("context", "flow", "all_from_user"): (
        "the user's request or the operator's list names every argument",
        "some argument is neither in the user's request nor on the operator's list",
    ),
    ("context", "flow", "repeated"): (
        "the same call was made in this conversation before",
        "the same call was not made in this conversation before",
    ),
    ("context", "flow", "receivers_listed"): (
        "everybody who gets it is on the operator's list (`trusted` in `[[labels]]`)",
        "somebody who gets it is not on the operator's list (`trusted` in `[[labels]]`)",
    ),
    ("context", "flow", "receivers_from_user"): (
        "the user named everybody who gets it, and nothing was sent there before",
        "the user did not name everybody who gets it, or something was sent there before",
    ),
    ("context", "facts", "inexact"): (
        "a number in the arguments is beyond what Cedar holds exactly",
        "every number in the arguments is exact",
    ),
    ("context", "facts", "unseen"): (
        "the arguments hold something the tool's schema does not type",
        "the tool's schema types all of the arguments",
    ),
}
_NAMED: Final[Mapping[tuple[str, ...], str]] = {
    ("context", "flow", "sink"): "the gravest thing the call does (`context.flow.sink`)",
    ("context", "effects"): "what the call may do (`context.effects`)",
    ("context", "facts", "leaks"): "the number of secrets that the leak detector finds in the arguments",
    ("context", "facts", "credentials"): "the number of secrets that the credential detector finds in the arguments",
    ("context", "facts", "injection"): "how much the arguments try to steer a model, 0 to 100",
    ("context", "facts", "pii"): "the number of notes of personal data in the arguments",
    ("context", "paths", "count"): "the number of paths that the arguments name",
    ("principal", "subject"): "the name of the caller",
    ("principal", "tenant"): "the caller's tenant",
}
_HOLDS: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("principal", "scopes"): ("the caller's token", "scope"),
    ("context", "session", "labels"): ("the session", "label"),
}
"""Sets of words: who has them, and what one of them is called."""
_PATHS: Final = ("context", "paths", "text")
_RULES: Final = ("context", "facts", "rules")


def sentence(way: tuple[str, ...], value: Json) -> str:
    """The fact at *way* being *value*, in words; None is its absence."""
    truths = _TRUTHS.get(way)
    if truths is not None and isinstance(value, bool):
        return truths[0] if value else truths[1]
    if (said := _plural(way, value)) is not None:
        return said
    name = _NAMED.get(way)
    if name is None:
        name = f"the argument `{'.'.join(way[2:])}`" if way[:2] == ("context", "input") else _declared(".".join(way))
    return f"{name} is not given" if value is None else f"{name} is {written(value)}"


def _plural(way: tuple[str, ...], value: Json) -> str | None:
    """What is several things, said so."""
    if way in _HOLDS and isinstance(value, list):
        who, one = _HOLDS[way]
        return f"{who} has {_several(value, one)}"
    if way == _RULES and isinstance(value, list):
        return f"the detectors found something by {_several(value, 'rule')}"
    if way == _PATHS and isinstance(value, str):
        return f"the arguments name {_several(value.splitlines(), 'path')}"
    return None


def _several(words: Sequence[Json], one: str) -> str:
    if not words:
        return f"no {one}"
    return f"the {one if len(words) == 1 else f'{one}s'} {_cut(', '.join(f'`{word}`' for word in words))}"


def _declared(path: str) -> str:
    """A fact by its path, and what the reference says of it."""
    known = NAMED.get(path)
    return f"`{path}`" if known is None else f"`{path}` ({known.says})"


def written(value: Json) -> str:
    """*value* for people, cut where it is long."""
    if isinstance(value, Mapping) and "__extn" in value:
        inner = value["__extn"]
        return str(inner.get("arg")) if isinstance(inner, Mapping) else "?"
    if value in ([], ""):
        return "empty"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return _cut(", ".join(f"`{one}`" for one in value))
    return _cut(json.dumps(value, ensure_ascii=False, sort_keys=True))


def changed(options: tuple[Option, ...]) -> str:
    """What would be different."""
    return ", and ".join(_change(option) for option in options)


def _change(option: Option) -> str:
    """Of a set of words, only what comes or goes."""
    value, was = option.value, option.was
    if option.way == WHO and dict(option.along).keys() == {TENANT}:
        return f"the caller is `{value}` of the tenant `{dict(option.along)[TENANT]}`"
    if option.way in _HOLDS and isinstance(value, list) and isinstance(was, list):
        who, one = _HOLDS[option.way]
        gained, lost = [word for word in value if word not in was], [word for word in was if word not in value]
        has = [f"has {_several(gained, one)}"] if gained else []
        lacks = [f"does not have {_several(lost, one)}"] if lost else []
        return f"{who} {' and '.join((*has, *lacks))}"
    return sentence(option.way, value)


def covered(policy: Policy) -> str:
    """Whom and what *policy* is about, as its scope says; empty where that is everybody and everything."""
    template = policy.template
    return ", and ".join(said for said in (_callers(template.principal), _tools(template)) if said)


def _callers(scope: pst.PrincipalOrResourceConstraint) -> str:
    match scope:
        case pst.ScopeEq(entity=uid) | pst.ScopeIn(entity=uid) | pst.ScopeIsIn(entity=uid) if isinstance(
            uid, pst.EntityUid
        ):
            return f"callers of the tenant `{uid.id}`" if str(uid.type) == "Tenant" else f"the caller `{uid.id}`"
        case _:
            return ""


def _tools(template: pst.Template) -> str:
    match template.action, template.resource:
        case pst.ActionEq(entity=uid), _:
            return f"the tool `{uid.id}`"
        case pst.ActionIn(entities=uids), _:
            return _several([uid.id for uid in uids], "tool")
        case _, (pst.ScopeEq(entity=uid) | pst.ScopeIn(entity=uid) | pst.ScopeIsIn(entity=uid)) if isinstance(
            uid, pst.EntityUid
        ):
            return f"the tool `{uid.id}`"
        case _:
            return ""


def outcome(decision: PolicyDecision) -> str:
    """What would be decided."""
    match decision:
        case Allowed(permits=permits):
            return f"it would be allowed (by {_listed(permits)})"
        case Asks(forbids=forbids):
            return f"somebody would be asked (because of {_listed(forbids)})"
        case Denied(reason=reason):
            return f"it would be denied (`{reason.code}`)"


def _listed(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in ids)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
