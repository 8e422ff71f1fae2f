"""Steps 11 and 13: what a tool said becomes what a model may read. Scan whole, then cut, then wrap."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import assert_never

from holdfast.contracts import (
    Authorized,
    Blob,
    Content,
    Finding,
    Json,
    Link,
    Method,
    Reason,
    Resource,
    Status,
    Text,
    ToolResult,
    ToolSpec,
    Upstream,
    VerdictKind,
)
from holdfast.contracts.json_values import canonical
from holdfast.safety.truncation import note, truncate

from ..aside import aside
from .endings import Ending
from .outbound import Cleaned, Outbound, counts
from .outputs import KeptOutputs
from .trail import Trail

DETAIL_BYTES = 2_000
"""Kept of what a guest says about its own failure."""

Envelope = Callable[[str, str, str, str], str]
"""(body, tool name, call id, status) -> wrapped text."""

Mismatch = Callable[[Mapping[str, Json], Json], str | None]
"""(output schema, structured) -> why it does not fit, or None."""


class Wrapping:
    """Cleans, cuts and wraps."""

    def __init__(
        self,
        outbound: Outbound,
        envelope: Envelope,
        kept: KeptOutputs,
        *,
        mismatch: Mismatch,
        lets: Callable[[Finding], bool] = counts,
    ) -> None:
        """*lets* says which findings are only looked at."""
        self._lets = lets
        self._outbound = outbound
        self._envelope = envelope
        self._kept = kept
        self._mismatch = mismatch

    async def clean(self, ending: Ending, trail: Trail) -> Ending:
        """Step 11 over every text of *ending*: content, structured, failure detail and log."""
        began = time.perf_counter_ns()
        ending, out = await aside(partial(self._clean, ending), characters=_weight(ending))
        trail.findings.extend(out.findings)
        if out.looked_at:
            rules = tuple(sorted({one.rule for one in out.looked_at}))
            trail.observe(out.looked_at[0].layer, VerdictKind.REWRITE, rules)
        trail.note("output", VerdictKind.REWRITE if out.findings else VerdictKind.PASS, began)
        return ending

    def _clean(self, ending: Ending) -> tuple[Ending, Cleaned]:
        out = self._outbound.clean(ending.content, ending.structured, lets=self._lets)
        reason, findings = ending.reason, out.findings
        if reason is not None and ending.detail:
            detail, more = self._outbound.clean_text(ending.detail)
            shown, _missing = truncate(detail, limit_bytes=DETAIL_BYTES)
            reason = replace(reason, message=f"{reason.message}: {shown}")
            findings = (*findings, *more)
        log, _findings = self._outbound.clean_text(ending.log) if ending.log else ("", ())
        ending = replace(
            ending, content=out.content, structured=out.structured, reason=reason, detail="", log=log, body=out.text()
        )
        return ending, out if findings is out.findings else replace(out, findings=findings)

    def cut(self, ending: Ending, call: Authorized) -> Ending:
        """Step 13, first half: cut what goes to the model; the whole stays behind `output_read`."""
        limit = call.limits.output_bytes
        whole = ending.body
        written = b"" if ending.structured is None else canonical(ending.structured)
        size = max(_bytes(whole), len(written))
        usage = ending.usage if ending.usage.output_bytes == size else replace(ending.usage, output_bytes=size)
        if size <= limit:
            return ending if usage is ending.usage else replace(ending, usage=usage)
        # Structured values cannot be cut and stay what they are: over the limit they are left out, whole.
        structured = ending.structured if len(written) <= limit else None
        if _bytes(whole) <= limit:
            return replace(ending, usage=usage, structured=structured)
        self._kept.keep(call.call_id, call.principal, call.session, whole)
        shown, missing = truncate(whole, limit_bytes=limit)
        cut = note(missing, call.call_id)
        content = _cut_content(ending.content, limit)
        return replace(ending, body=f"{shown}\n{cut}", cut=cut, content=content, structured=structured, usage=usage)

    def wrap(self, ending: Ending, trail: Trail) -> ToolResult:
        """Step 13: the envelope, and every other field of the result but the receipt."""
        body = ending.body if ending.reason is None else _refusal_text(ending.reason, ending.body)
        runtime = None if trail.spec is None else trail.spec.runtime
        wrapped = not isinstance(runtime, Upstream) or runtime.enveloped
        apart = isinstance(runtime, Upstream) and (runtime.method is not Method.TOOL or not wrapped)
        usage = ending.usage if ending.usage.wall_ms else replace(ending.usage, wall_ms=trail.wall_ms)
        return ToolResult(
            call_id=trail.call_id,
            tool=trail.tool,
            status=ending.status,
            output=self._enclose(body, ending, trail) if wrapped else body,
            content=ending.content,
            texts=self._texts(ending, trail, wrapped=wrapped) if apart else (),
            structured=ending.structured,
            fits=self._fits(ending, trail.spec),
            reason=ending.reason,
            findings=tuple(trail.findings),
            decisions=tuple(trail.decisions),
            usage=usage,
            isolation=ending.isolation,
            approval=ending.approval,
        )

    def _enclose(self, text: str, ending: Ending, trail: Trail) -> str:
        return self._envelope(text, trail.tool, trail.call_id, ending.status.value)

    def _texts(self, ending: Ending, trail: Trail, *, wrapped: bool) -> tuple[str, ...]:
        """Every text of the content for itself: hosts take resources and prompts apart."""
        bodies = [block.body if isinstance(block, Resource) else block for block in ending.content]
        texts = [body.text for body in bodies if isinstance(body, Text)]
        if ending.cut and texts:
            texts[-1] = f"{texts[-1]}\n{ending.cut}"
        return tuple(self._enclose(text, ending, trail) if wrapped else text for text in texts)

    def _fits(self, ending: Ending, spec: ToolSpec | None) -> bool:
        """Whether the structured value is still what the tool promised: cleaning and cutting may have changed it."""
        if spec is None or spec.output_schema is None or ending.status is not Status.OK:
            return True
        return self._mismatch(spec.output_schema, ending.structured) is None


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refusal_text(reason: Reason, body: str) -> str:
    line = f"{reason.code}: {reason.message}"
    return f"{line}\n{body}" if body else line


def _weight(ending: Ending) -> int:
    structured = 0 if ending.structured is None else len(canonical(ending.structured))
    return structured + len(ending.detail) + len(ending.log) + sum(map(_characters, ending.content))


def _characters(block: Content) -> int:
    match block:
        case Text(text=text):
            return len(text)
        case Link(uri=uri, name=name, description=description):
            return len(uri) + len(name) + len(description)
        case Resource(uri=uri, body=body):
            return len(uri) + _characters(body)
        case Blob():
            return 0
        case _:
            assert_never(block)


def _cut_content(content: tuple[Content, ...], limit: int) -> tuple[Content, ...]:
    """Keep blocks while their text fits in *limit* bytes together; the one that crosses it is cut, later texts go."""
    kept: list[Content] = []
    room = limit
    for block in content:
        body = block.body if isinstance(block, Resource) else block
        if not isinstance(body, Text):
            kept.append(block)
            continue
        if room <= 0:
            continue
        text, _missing = truncate(body.text, limit_bytes=room)
        room -= _bytes(text)
        cut = replace(body, text=text)
        kept.append(replace(block, body=cut) if isinstance(block, Resource) else cut)
    return tuple(kept)
