"""Idempotency keys as the dispatcher uses them: the same key, the same answer, never a second run. It runs nothing."""

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from typing import Any, cast

from holdfast.contracts import (
    Action,
    ApprovalId,
    ApprovalNotice,
    AuditReceipt,
    Blob,
    CallerError,
    CallId,
    Content,
    Decision,
    Digest,
    Finding,
    Json,
    Link,
    Principal,
    Reason,
    Resource,
    RuleId,
    Severity,
    Status,
    Text,
    ToolCall,
    ToolName,
    ToolResult,
    Usage,
    VerdictKind,
    Where,
)

from ..store import Begun, Idempotency


class Once:
    """Takes a key before a call, and gives it its answer after."""

    def __init__(self, keys: Idempotency) -> None:
        self._keys = keys

    async def begin(self, call: ToolCall, principal: Principal, arguments: Digest) -> ToolResult | Reason | None:
        """Take the key of *call*: None when it is new, its result when it was answered, or why it cannot be used."""
        if call.idempotency_key is None:
            return None
        key = call.idempotency_key
        taking = asyncio.ensure_future(self._keys.begin(principal, key, tool=call.tool, arguments=arguments))
        try:
            taken = await asyncio.shield(taking)
        except CallerError as error:
            return Reason(code="admit/idempotency", layer="admit", message=error.message, remedy=error.remedy)
        except asyncio.CancelledError:
            # The key may be taken all the same, and nobody would ever give it back.
            with contextlib.suppress(CallerError):
                if isinstance(await taking, Begun):
                    await self.release(key, principal)
            raise
        return None if isinstance(taken, Begun) else result_of(taken.result)

    async def end(self, key: str, principal: Principal, result: ToolResult) -> None:
        """Keep *result* under its key: asking again gives it again."""
        await self._keys.finish(principal, key, result.operator_json())

    async def release(self, key: str, principal: Principal) -> None:
        """Free the key of a call that never reached a runtime, and so had no effect."""
        await self._keys.abandon(principal, key)

    async def lose(self, key: str, principal: Principal) -> None:
        """The call was cut off and may have had its effect."""
        await self._keys.lose(principal, key)


def result_of(kept: Mapping[str, Any]) -> ToolResult:
    """The result that `ToolResult.operator_json` wrote as *kept*. Only for what we stored ourselves."""
    reason, approval, audit = kept["reason"], kept["approval"], kept["audit"]
    return ToolResult(
        call_id=CallId(kept["call_id"]),
        tool=ToolName(kept["tool"]),
        status=Status(kept["status"]),
        output=kept["output"],
        content=tuple(_content(block) for block in kept["content"]),
        structured=cast("Json", kept["structured"]),
        reason=None if reason is None else Reason(**reason),
        findings=tuple(_finding(one) for one in kept["findings"]),
        decisions=tuple(
            Decision(layer=one["layer"], verdict=VerdictKind(one["verdict"]), micros=one["micros"])
            for one in kept["decisions"]
        ),
        usage=Usage(**kept["usage"]),
        isolation=tuple(kept["isolation"]),
        approval=None
        if approval is None
        else ApprovalNotice(
            id=ApprovalId(approval["id"]), expires_at=approval["expires_at"], forbids=tuple(approval["forbids"])
        ),
        audit=None
        if audit is None
        else AuditReceipt(chain=audit["chain"], seq=audit["seq"], hash=Digest.parse(audit["hash"])),
    )


def _finding(kept: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=RuleId(kept["rule"]),
        layer=kept["layer"],
        severity=Severity(kept["severity"]),
        action=Action(kept["action"]),
        where=Where(kept["where"]),
        start=kept["start"],
        end=kept["end"],
        part=kept["part"],
        seen_by=tuple(kept.get("seen_by", ())),
    )


def _content(kept: Mapping[str, Any]) -> Content:
    match kept["type"]:
        case "text":
            return Text(text=kept["text"])
        case "resource_link":
            return Link(
                uri=kept["uri"],
                name=kept["name"],
                description=kept.get("description", ""),
                media_type=kept.get("mimeType"),
            )
        case "resource":
            inner = kept["resource"]
            media_type = inner["mimeType"]
            if "text" in inner:
                return Resource(uri=inner["uri"], body=Text(text=inner["text"], media_type=media_type))
            return Resource(uri=inner["uri"], body=Blob(data=base64.b64decode(inner["blob"]), media_type=media_type))
        case _:
            return Blob(data=base64.b64decode(kept["data"]), media_type=kept["mimeType"])
