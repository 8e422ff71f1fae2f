"""What a caller gets back (DESIGN section 4.2), field by field."""

import base64
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import assert_never

from .calls import ApprovalId, CallId
from .digests import Digest
from .json_values import Json
from .limits import Usage
from .outcomes import Blob, Content, Link, Resource, Text
from .specs import ToolName
from .verdicts import Decision, Finding, Reason


class Status(StrEnum):
    """How a call ended."""

    OK = "ok"
    ERROR = "error"
    DENIED = "denied"
    STOPPED = "stopped"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalNotice:
    """What a caller learns of the approval its call waits for."""

    id: ApprovalId
    expires_at: str
    """RFC 3339, UTC."""
    forbids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReceipt:
    """Where the record of this call stands."""

    chain: str
    seq: int
    hash: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The answer to one call. `output` is for the model; `content` and `structured` are clean but not wrapped.

    `texts`, where there are any, are for the model too: the texts of `content` in order, each in an envelope of its own
    (or in none, if the operator took it off). Resources and prompts have them, which hosts take apart.
    """

    call_id: CallId
    tool: ToolName
    status: Status
    output: str
    content: tuple[Content, ...] = ()
    texts: tuple[str, ...] = ()
    structured: Json = None
    fits: bool = True
    """False: the tool has an output schema, and `structured` as it may be shown does not fit it."""
    reason: Reason | None = None
    findings: tuple[Finding, ...] = ()
    decisions: tuple[Decision, ...] = ()
    usage: Usage = field(default_factory=Usage)
    isolation: tuple[str, ...] = ()
    approval: ApprovalNotice | None = None
    audit: AuditReceipt | None = None

    def to_json(self) -> dict[str, Json]:
        """The wire form for a caller. Remedy and timings are left out: they would tell how it was judged."""
        reason: Json = None
        if self.reason is not None:
            reason = {"code": self.reason.code, "layer": self.reason.layer, "message": self.reason.message}
        return {
            "call_id": self.call_id,
            "tool": self.tool,
            "status": self.status.value,
            "output": self.output,
            "content": [content_json(block) for block in self.content],
            "structured": self.structured,
            "reason": reason,
            "findings": [finding_json(finding) for finding in self.findings],
            "decisions": [_decision_json(one, 0) for one in self.decisions],
            "usage": asdict(self.usage),
            "isolation": list(self.isolation),
            "approval": None
            if self.approval is None
            else {
                "id": self.approval.id,
                "expires_at": self.approval.expires_at,
                "forbids": list(self.approval.forbids),
            },
            "audit": None
            if self.audit is None
            else {"chain": self.audit.chain, "seq": self.audit.seq, "hash": str(self.audit.hash)},
        }

    def operator_json(self) -> dict[str, Json]:
        """The wire form with remedy and timings, for whoever may read policy."""
        written = self.to_json()
        written["decisions"] = [_decision_json(one, one.micros) for one in self.decisions]
        reason = written["reason"]
        if self.reason is not None and isinstance(reason, dict):
            reason["remedy"] = self.reason.remedy
        return written


def finding_json(finding: Finding) -> dict[str, Json]:
    """The wire form of *finding*."""
    return {
        "rule": finding.rule,
        "layer": finding.layer,
        "severity": finding.severity.value,
        "action": finding.action.value,
        "where": finding.where.value,
        "part": finding.part,
        "start": finding.start,
        "end": finding.end,
        "seen_by": list(finding.seen_by),
    }


def content_json(block: Content) -> dict[str, Json]:
    """The wire form of *block*, which is MCP's."""
    match block:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Blob(data=data, media_type=media_type):
            kind = "audio" if media_type.startswith("audio/") else "image"
            return {"type": kind, "data": base64.b64encode(data).decode("ascii"), "mimeType": media_type}
        case Link(uri=uri, name=name, description=description, media_type=media_type):
            link: dict[str, Json] = {"type": "resource_link", "uri": uri, "name": name}
            if description:
                link["description"] = description
            if media_type is not None:
                link["mimeType"] = media_type
            return link
        case Resource(uri=uri, body=body):
            return {"type": "resource", "resource": {"uri": uri, "mimeType": body.media_type, **_body_json(body)}}
        case _:
            assert_never(block)


def _body_json(body: Text | Blob) -> dict[str, Json]:
    match body:
        case Text(text=text):
            return {"text": text}
        case Blob(data=data):
            return {"blob": base64.b64encode(data).decode("ascii")}
        case _:
            assert_never(body)


def _decision_json(one: Decision, micros: int) -> Json:
    """The wire form; what would have been decided only where it is observed."""
    said: dict[str, Json] = {"layer": one.layer, "verdict": one.verdict.value, "micros": micros}
    return said if one.would is None else {**said, "would": one.would.value, "rules": [*one.rules]}
