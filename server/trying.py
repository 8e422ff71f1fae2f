"""Calls a tool sealed, for whoever built it or looks at it: its manifest's limits, and nothing of what it grants.

1. The call goes through a gate of its own, whose policy lets everything through: nothing it could reach is there.
2. There is no session, no record and no store. What comes back is the guest's, and untrusted.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts import (
    ApprovalId,
    Authorized,
    CallId,
    Completed,
    Digest,
    Failed,
    FlowFacts,
    Json,
    Outcome,
    Principal,
    Reason,
    Refused,
    Scope,
    Session,
    SessionId,
    Sink,
    Standing,
    TenantId,
    Text,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.json_values import canonical
from holdfast.safety.gate import Gate, GateRequest
from holdfast.safety.policy import Facts, PolicyBundle, supposed
from holdfast.safety.schemas import Valid, compile_schema
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.cases import Answered

_TENANT: Final = TenantId("trying")
_TRYING: Final = Principal(subject="trying", tenant=_TENANT, scopes=frozenset({Scope.CALL}), token_id="trying")  # noqa: S106 -- no secret
_SESSION: Final = Session(id=SessionId("trying"), principal="trying", tenant=_TENANT, labels=frozenset())
_POLICY: Final = {
    "supervised/trying.cedar": """
@id("trying")
@reason("whoever tries a tool may call it: nothing that it could reach is there")
permit (principal, action, resource)
when { principal.subject == "trying" };
"""
}
_CASES: Final = {
    "trying.yaml": """
profiles: [supervised]
tools:
  - {name: sample, effects: [], input: {type: object, properties: {}}}
cases:
  - {name: nobody else may, call: sample, with: {}, expect: deny}
  - {name: whoever tries may, call: sample, with: {}, as: {subject: trying}, expect: allow, by: trying}
"""
}
_FACTS: Final = Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset())
_NOTHING: Final = Digest.of(b"")


class _One:
    """The catalogue of one tool."""

    def __init__(self, spec: ToolSpec) -> None:
        self._spec = spec

    def get(self, name: ToolName, /) -> ToolSpec | None:
        """It, under its name."""
        return self._spec if name == self._spec.name else None

    def quarantined(self, name: ToolName, /) -> bool:  # noqa: ARG002 -- the port's
        """Never."""
        return False

    def standing(self, name: ToolName, /) -> Standing:
        """On trial, and nothing else is there."""
        return Standing.TRIAL if name == self._spec.name else Standing.UNKNOWN


class _NoLedger:
    """Approvals and leases where there are none."""

    async def consume(self, approval: ApprovalId, **_bound: object) -> tuple[str, ...] | None:  # noqa: ARG002 -- the port's
        """None."""
        return None

    async def spend(self, lease: str, /) -> bool:  # noqa: ARG002 -- the port's
        """No."""
        return False


async def try_sealed(runtime: WasmRuntime, spec: ToolSpec, arguments: Mapping[str, Json]) -> tuple[Answered, Outcome]:
    """Call *spec* on *runtime*, which must have been given no powers; answers what it said, and how it went.

    Raises: OperatorError when *spec* cannot be called at all.
    """
    if not isinstance(compile_schema(spec.input_schema).evaluate(arguments), Valid):
        failed = Failed(code="validator/schema", message="the arguments do not match the tool's input schema")
        return Answered(status="denied", text=failed.message), failed
    authorized = await _authorized(spec, arguments)
    if isinstance(authorized, Reason):  # policy cannot see such arguments: a call of it would be denied as well
        return Answered(status="denied", text=authorized.message), Refused(reason=authorized)
    outcome = await runtime.run(authorized)
    return _answered(outcome), outcome


async def _authorized(spec: ToolSpec, arguments: Mapping[str, Json]) -> Authorized | Reason:
    bundle = PolicyBundle.load(_POLICY, _CASES, profile="supervised", specs=[spec])
    ledger = _NoLedger()
    gate = Gate(catalogue=_One(spec), approvals=ledger, leases=ledger, policy=lambda _principal: bundle, digest=_digest)
    request = GateRequest(
        call_id=CallId("trying"),
        spec=spec,
        arguments=arguments,
        arguments_digest=_digest(arguments),
        policy=bundle.digest,
        principal=_TRYING,
        session=_SESSION,
        limits=spec.limits,
        facts=_FACTS,
        flow=_flow(spec),
        around=supposed(Standing.TRIAL),
        references=_NOTHING,
        carried=_NOTHING,
    )
    return await gate.authorize(request)


def _flow(spec: ToolSpec) -> FlowFacts:
    return FlowFacts(
        effects=spec.effects,
        sink=Sink.NONE,
        private=False,
        untrusted=False,
        args_from_user=True,
        all_from_user=True,
        repeated=False,
        receivers_listed=True,
        receivers_from_user=True,
        args_contain_private=False,
        args_from_untrusted=False,
    )


def _digest(arguments: Mapping[str, Json]) -> Digest:
    return Digest.of(canonical(dict(arguments)))


def _answered(outcome: Outcome) -> Answered:
    match outcome:
        case Completed(content=content, structured=structured, is_error=is_error):
            text = "\n".join(one.text for one in content if isinstance(one, Text))
            return Answered(status="error" if is_error else "ok", text=text, structured=structured)
        case Failed(message=message, detail=detail):
            return Answered(status="error", text=f"{message}: {detail}" if detail else message)
        case Refused(reason=reason):
            return Answered(status="error", text=reason.message)
        case _:
            return Answered(status="stopped", text=f"a limit was met: {outcome.limit.value}")
