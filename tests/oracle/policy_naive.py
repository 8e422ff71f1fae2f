"""Policy decided the slow and obvious way: all policies, the whole context, parsed anew, nothing remembered."""

import re
from typing import Any

import cedarpy

from holdfast.safety.policy import PolicyRequest
from holdfast.safety.policy.paths import path_arguments, path_fact, paths_within
from holdfast.safety.policy.shapes import input_shape
from holdfast.safety.policy.values import Written, write_arguments

_ID = re.compile(r'@id\("([^"]*)"\)')


def whole_request(request: PolicyRequest) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The Cedar request with everything in it, and its entities."""
    written = write_arguments(input_shape(request.spec.input_schema), request.arguments, request.around.seal)
    assert isinstance(written, Written)
    who, spec, found, flow = request.principal, request.spec, request.facts, request.flow
    action = {"type": "Action", "id": spec.name}
    resource = {"type": "Tool", "id": spec.name}
    principal = {"type": "Principal", "id": f"{who.tenant}/{who.subject}"}
    context = {
        "input": written.input,
        "effects": sorted(flow.effects),
        "flow": {
            "sink": flow.sink.value,
            "args_from_user": flow.args_from_user,
            "all_from_user": flow.all_from_user,
            "repeated": flow.repeated,
            "receivers_listed": flow.receivers_listed,
            "receivers_from_user": flow.receivers_from_user,
            "args_contain_private": flow.args_contain_private,
            "args_from_untrusted": flow.args_from_untrusted,
        },
        "session": {
            "id": request.session.id,
            "labels": sorted(request.session.labels),
            "private": flow.private,
            "untrusted": flow.untrusted,
        },
        "facts": {
            "leaks": found.leaks,
            "credentials": found.credentials,
            "injection": found.injection,
            "pii": found.pii,
            "rules": sorted(found.rules),
            "inexact": written.inexact,
            "unseen": written.unseen,
        },
        "paths": {**path_fact(request.arguments), "within": paths_within(request.arguments)},
        "autonomy": "",
        "approval": "none",
        "rate": dict.fromkeys(
            ("tool_minute", "tool_hour", "tool_day", "minute", "hour", "day", "spends_hour", "spends_day"), 0
        ),
        "egress": {"schemes": [], "hosts": [], "ports": [], "classes": [], "count": 0, "unread": False},
        "shell": {"programs": [], "risks": [], "risk": "none", "count": 0},
        "workspace": {"text": "", "count": 0, "outside": bool(path_arguments(request.arguments))},
        "time": {"hour": 0, "weekday": "thursday", "unix": 0},
    }
    entities = [
        {
            "uid": principal,
            "attrs": {"subject": who.subject, "tenant": who.tenant, "scopes": sorted(who.scopes)},
            "parents": [{"type": "Tenant", "id": who.tenant}],
        },
        {
            "uid": resource,
            "attrs": {
                "name": spec.name,
                "effects": sorted(spec.effects),
                "runtime": "builtin",
                "server": "",
                "state": "approved",
                "digest": str(spec.digest),
                "isolation": [],
                "hints": [],
            },
            "parents": [],
        },
        {"uid": action, "attrs": {}, "parents": []},
    ]
    return {"principal": principal, "action": action, "resource": resource, "context": context}, entities


def decide(policies: tuple[str, ...], request: PolicyRequest, lifted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """Answer verdict and the policies behind it; `error` or `no-permit` stand for those without."""
    left = tuple(text for text in policies if not ("@approval" in text and _id(text) in lifted))
    allowed, reasons, errors = _ask(left, request)
    if errors:
        return "deny", frozenset({"error"})
    if allowed:
        return "allow", reasons
    asking = frozenset(_id(text) for text in left if "@approval" in text and _id(text) in reasons)
    rest = tuple(text for text in left if _id(text) not in asking)
    again, _, broken = _ask(rest, request)
    if asking and again and not broken:
        return "ask", asking
    firm = reasons - asking
    return "deny", reasons if firm else reasons | {"no-permit"}


def _ask(policies: tuple[str, ...], request: PolicyRequest) -> tuple[bool, frozenset[str], list[str]]:
    asked, entities = whole_request(request)
    answer = cedarpy.is_authorized(asked, "\n".join(policies), entities)
    names = answer.diagnostics.id_annotations_by_reason
    return answer.allowed, frozenset(names[reason] for reason in answer.diagnostics.reasons), answer.diagnostics.errors


def _id(text: str) -> str:
    found = _ID.search(text)
    assert found is not None
    return found[1]
