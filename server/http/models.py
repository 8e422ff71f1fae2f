"""The bodies that are taken and given, as pydantic models: strict, closed, and the source of the OpenAPI text.

What is taken is checked with them. What is given is only described by them: the values write themselves.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.limits import SHELL_CEILING
from holdfast.sandbox.building import MOST_SOURCES
from holdfast.tools.cases import MOST_CASES

from ..store.leases import MAX_COUNT, MAX_FORBIDS
from ..store.leases import MAX_TTL_S as MAX_LEASE_S
from ..store.session_rows import MAX_REQUEST_BYTES
from ..store.sessions import MAX_TTL_S, MIN_TTL_S

JsonObjectField = dict[str, Any]
Id = Annotated[str, Field(min_length=1, max_length=64)]
LabelName = Literal["private", "untrusted"]
StatusName = Literal["ok", "error", "denied", "stopped", "pending"]
ApprovalStateName = Literal["pending", "approved", "denied", "spent", "expired"]


class _Taken(BaseModel):
    """A body of a request."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class CallBody(_Taken):
    """One call."""

    tool: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: JsonObjectField
    session: Id | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    approval: Id | None = None
    deadline_ms: Annotated[int, Field(ge=1, le=SHELL_CEILING.wall_ms)] | None = None
    dry_run: bool = False


class ScanBody(_Taken):
    """Text to look at: `in` as arguments on their way to a tool, `out` as output on its way to a model."""

    text: str
    direction: Literal["in", "out"] = "out"
    clean: bool = False


class RegisterBody(_Taken):
    """A tool: its manifest in TOML, its module in base64, its `tool.sig` if it is signed."""

    manifest: Annotated[str, Field(min_length=1, max_length=1 << 20)]
    module: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
    signature: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class BuildBody(_Taken):
    """Source to build: files by name, a manifest whose digest is put in, and cases as in `cases.toml`."""

    language: Literal["python", "js", "c", "zig", "wat"]
    source: Annotated[dict[str, str], Field(min_length=1, max_length=MOST_SOURCES)]
    manifest: Annotated[str, Field(min_length=1, max_length=1 << 16)]
    cases: Annotated[list[JsonObjectField], Field(min_length=1, max_length=MOST_CASES)]


class RegisterSourceBody(_Taken):
    """A tool that is source text: its manifest is drafted from it, under what `manifest` says."""

    source: Annotated[str, Field(min_length=1, max_length=1 << 20)]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$")]
    """What it is called, `weather.py`: its ending says the language."""
    manifest: Annotated[str, Field(max_length=1 << 18)] = ""
    """TOML, as `tool.toml`, with whatever is to be otherwise than drafted: limits, grants, effects, names."""


class DecisionBody(_Taken):
    """A decision. `arguments` replace the call's, which must then be made with them."""

    decision: Literal["approve", "deny"]
    note: Annotated[str, Field(max_length=1000)] | None = None
    arguments: JsonObjectField | None = None


class LeaseBody(_Taken):
    """A lease to make: `arguments` is the pattern of what the calls are made with (docs/approvals.md)."""

    tool: Annotated[str, Field(min_length=1, max_length=64)]
    principal: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: JsonObjectField
    forbids: Annotated[list[str], Field(min_length=1, max_length=MAX_FORBIDS)]
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    ttl_s: Annotated[int, Field(ge=1, le=MAX_LEASE_S)]


class HeardBody(_Taken):
    """What the user said further on in the conversation that a session is for."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_REQUEST_BYTES)]


class SessionBody(_Taken):
    """A session to open. With `principal`, it is that agent's, and a token for it comes back."""

    principal: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")] | None = None
    parent: Id | None = None
    user_request: Annotated[str, Field(max_length=100_000)] | None = None
    labels: Annotated[list[LabelName], Field(max_length=2)] | None = None
    ttl_s: Annotated[int, Field(ge=MIN_TTL_S, le=MAX_TTL_S)] | None = None


class FieldErrorAnswer(BaseModel):
    """One field and its rule."""

    pointer: str
    detail: str


class ProblemAnswer(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldErrorAnswer] | None = None
    remedy: str | None = None
    instance: str | None = None


class ReasonAnswer(BaseModel):
    """Why a call was refused or stopped. `remedy` needs scope `policy:read`."""

    code: str
    layer: str
    message: str
    remedy: str | None = None


class FindingAnswer(BaseModel):
    """One finding; never the text itself."""

    rule: str
    layer: str
    severity: Literal["low", "medium", "high", "critical"]
    action: Literal["annotate", "remove", "redact", "deny"]
    where: Literal["arguments", "output"]
    part: int
    start: int
    end: int


class DecisionAnswer(BaseModel):
    """What one layer said."""

    layer: str
    verdict: Literal["rewrite", "deny", "review", "pass"]
    micros: int
    would: Literal["rewrite", "deny", "review"] | None = None
    """What it would have been, where `rules` are only observed."""
    rules: list[str] | None = None


class UsageAnswer(BaseModel):
    """What the call used."""

    wall_ms: float
    fuel: int
    memory_bytes: int
    host_calls: int
    output_bytes: int


class ApprovalNoticeAnswer(BaseModel):
    """The approval a call waits for."""

    id: str
    expires_at: str
    forbids: list[str]


class ReceiptAnswer(BaseModel):
    """Where the record of the call stands."""

    chain: str
    seq: int
    hash: str


class CallAnswer(BaseModel):
    """A ToolResult."""

    call_id: str
    tool: str
    status: StatusName
    output: str
    content: list[JsonObjectField]
    structured: Any
    reason: ReasonAnswer | None
    findings: list[FindingAnswer]
    decisions: list[DecisionAnswer]
    usage: UsageAnswer
    isolation: list[str]
    approval: ApprovalNoticeAnswer | None
    audit: ReceiptAnswer | None


class ToolsAnswer(BaseModel):
    """The tools a principal may know of, in the form it asked for."""

    tools: list[JsonObjectField]


class RegistrationAnswer(BaseModel):
    """A tool that was taken in."""

    name: str
    version: str
    module: str
    definition: str
    state: str
    notes: list[str]
    manifest: str | None = None
    """Only of source text: what was drafted from it."""
    signer: str | None


class UsedAnswer(BaseModel):
    """How one case of a build went."""

    name: str
    passed: bool
    why: str | None
    status: Literal["ok", "error", "stopped", "denied"]
    answered: str
    fuel: int
    memory_bytes: int
    wall_ms: float


class MeasuredAnswer(BaseModel):
    """What was built, and how it did."""

    digest: str
    bytes: int
    abi: str
    imports: list[str]
    capabilities: list[str]
    notes: list[str]
    build_ms: float
    cases: list[UsedAnswer]


class BuildAnswer(BaseModel):
    """What came of a build. `said` is the compiler's; with a `registration` there is a new pending tool."""

    state: Literal["pending", "failed", "refused"]
    reason: str | None
    said: str
    measured: MeasuredAnswer | None
    registration: RegistrationAnswer | None


class RemovedAnswer(BaseModel):
    """The tools that are gone, by name."""

    removed: list[str]


class ScanAnswer(BaseModel):
    """What was found, and the cleaned text if it was asked for."""

    findings: list[FindingAnswer]
    text: str | None = None


class SourceAnswer(BaseModel):
    """What taught a session labels."""

    call_id: str
    tool: str
    labels: list[LabelName]
    places: list[str]
    at: str


class ApprovalAnswer(BaseModel):
    """One approval. Whoever made the call is shown nothing from `tenant` on."""

    id: str
    call_id: str
    tool: str
    principal: str
    session: str
    arguments: JsonObjectField
    digest: str
    forbids: list[str]
    labels: list[LabelName]
    level: str
    created_at: str
    expires_at: str
    state: ApprovalStateName
    tenant: str | None = None
    lineage: str | None = None
    definition: str | None = None
    policy: str | None = None
    references: list[JsonObjectField] | None = None
    unresolved: list[str] | None = None
    carried: str | None = None
    flow: list[SourceAnswer] | None = None
    facts: JsonObjectField | None = None
    ran_before: str | None = None
    reasons: dict[str, str] | None = None


class ApprovalsAnswer(BaseModel):
    """Approvals, newest first."""

    approvals: list[ApprovalAnswer]


class LeaseAnswer(BaseModel):
    """One lease."""

    id: str
    tenant: str
    principal: str
    tool: str
    definition: str
    arguments: JsonObjectField
    forbids: list[str]
    count: int
    used: int
    created_by: str
    created_at: str
    expires_at: str
    revoked_at: str | None


class LeasesAnswer(BaseModel):
    """Leases, newest first; those that are over too."""

    leases: list[LeaseAnswer]


class MintedAnswer(BaseModel):
    """A session that was opened. `token` is shown this once."""

    id: str
    expires_at: str
    token: str | None = None


class SessionAnswer(BaseModel):
    """One session. Only a host is shown what taught it its labels."""

    id: str
    principal: str
    labels: list[LabelName]
    parent: str | None
    expires_at: str | None
    flow: list[SourceAnswer] | None = None


class SessionsAnswer(BaseModel):
    """The caller's sessions, newest first."""

    sessions: list[SessionAnswer]


class StateAnswer(BaseModel):
    """Alive, or ready."""

    status: str
    observing: bool | None = None
    """There, and true, while some rules are only observed."""
