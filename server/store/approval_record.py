"""One approval as it is kept and shown, and the digest that binds all of it. Decides and spends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, cast

from blake3 import blake3

from holdfast.contracts import (
    ApprovalId,
    CallId,
    Digest,
    Json,
    JsonObject,
    Label,
    SessionId,
    Source,
    TenantId,
    ToolName,
)
from holdfast.contracts.json_values import canonical, parse

from .rows import read_labels, read_object, read_texts, written, written_labels
from .times import rfc3339

_BINDINGS: Final = "holdfast 2026-11 approval bindings v1"
"""Derives their key, so that no other digest under the same key, of values a caller chose, can stand for a binding."""


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    SPENT = "spent"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One record (DESIGN section 4.6). What is None in one that an older version wrote makes it void."""

    id: ApprovalId
    call_id: CallId
    tool: ToolName
    tenant: TenantId
    principal: str
    session: SessionId
    lineage: SessionId | None
    """The root of the session's parents."""
    definition: Digest
    policy: Digest | None
    arguments: JsonObject
    digest: Digest
    """Of the canonical arguments, as the gate computes it."""
    forbids: tuple[str, ...]
    labels: frozenset[Label]
    level: str
    created_at: float
    expires_at: float
    state: ApprovalState
    nonce: str | None
    """128 random bits: the same question asked again has another binding."""
    references: tuple[Json, ...] = ()
    """Workspace files that the call names: `{path, digest, ...}`."""
    references_digest: Digest | None
    carried: Digest | None
    """Of the state inside an upstream that the call would carry along."""
    unresolved: tuple[str, ...] = ()
    """References that could not be resolved, one sentence each."""
    flow: tuple[Source, ...] = ()
    """What taught the session its labels, oldest first."""
    facts: JsonObject
    """What policy was told of the flow."""
    ran_before: str | None = None
    """The call that did the same already."""
    binding: Digest | None = None

    def summary(self) -> dict[str, Json]:
        """The fields of DESIGN section 4.6: for whoever made the call. Facts and flow would tell it what was seen."""
        return {
            "id": self.id,
            "call_id": self.call_id,
            "tool": self.tool,
            "principal": self.principal,
            "session": self.session,
            "arguments": dict(self.arguments),
            "digest": str(self.digest),
            "forbids": list(self.forbids),
            "labels": [label.value for label in sorted(self.labels)],
            "level": self.level,
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at),
            "state": self.state.value,
        }

    def to_json(self) -> dict[str, Json]:
        """The whole record, for whoever decides."""
        rest: dict[str, Json] = {
            "tenant": self.tenant,
            "lineage": self.lineage,
            "definition": str(self.definition),
            "policy": _text(self.policy),
            "references": [*self.references],
            "unresolved": [*self.unresolved],
            "carried": _text(self.carried),
            "flow": [source_json(source) for source in self.flow],
            "facts": dict(self.facts),
            "ran_before": self.ran_before,
        }
        return self.summary() | rest


def binding_key(key: bytes) -> bytes:
    """The key of bindings that *key* (32 bytes) stands for."""
    return blake3(key, derive_key_context=_BINDINGS).digest()


def bound(record: Approval, key: bytes) -> Approval:
    """*record* with the digest over all of it, state included."""
    kept = {name: value for name, value in columns(record).items() if name != "binding"}
    return replace(record, binding=Digest.keyed(key, canonical(cast("JsonObject", kept))))


def is_whole(record: Approval, key: bytes) -> bool:
    """Whether *record* is as it was written: nobody has edited a row in between."""
    return record.binding is not None and record.binding == bound(record, key).binding


def columns(record: Approval) -> dict[str, object]:
    """The row of *record*."""
    return {
        "id": record.id,
        "call_id": record.call_id,
        "tenant": record.tenant,
        "principal": record.principal,
        "session": record.session,
        "lineage": record.lineage,
        "tool": record.tool,
        "definition": str(record.definition),
        "policy": _text(record.policy),
        "arguments": written(record.arguments),
        "digest": str(record.digest),
        "forbids": written(list(record.forbids)),
        "labels": written_labels(record.labels),
        "level": record.level,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "state": record.state.value,
        "nonce": record.nonce,
        "refs": written(list(record.references)),
        "refs_digest": _text(record.references_digest),
        "carried": _text(record.carried),
        "unresolved": written(list(record.unresolved)),
        "flow": written([_kept(source) for source in record.flow]),
        "facts": written(record.facts),
        "ran_before": record.ran_before,
        "binding": _text(record.binding),
    }


def read_approval(row: Mapping[str, Any]) -> Approval:
    """The record of *row*, opened, in the state that was written."""
    return Approval(
        id=ApprovalId(row["id"]),
        call_id=CallId(row["call_id"]),
        tool=ToolName(row["tool"]),
        tenant=TenantId(row["tenant"]),
        principal=row["principal"],
        session=SessionId(row["session"]),
        lineage=None if row["lineage"] is None else SessionId(row["lineage"]),
        definition=Digest.parse(row["definition"]),
        policy=_digest(row["policy"]),
        arguments=read_object(row["arguments"]),
        digest=Digest.parse(row["digest"]),
        forbids=read_texts(row["forbids"]),
        labels=read_labels(row["labels"]),
        level=row["level"],
        created_at=float(row["created_at"]),  # RETURNING of SQLite gives whole numbers as int
        expires_at=float(row["expires_at"]),
        state=ApprovalState(row["state"]),
        nonce=row["nonce"],
        references=_items(row["refs"]),
        references_digest=_digest(row["refs_digest"]),
        carried=_digest(row["carried"]),
        unresolved=() if row["unresolved"] is None else read_texts(row["unresolved"]),
        flow=tuple(_source(one) for one in _items(row["flow"])),
        facts={} if row["facts"] is None else read_object(row["facts"]),
        ran_before=row["ran_before"],
        binding=_digest(row["binding"]),
    )


def as_of(record: Approval, now: float) -> Approval:
    """*record* in the state that it has by *now*: time alone makes it expire."""
    open_still = record.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    return replace(record, state=ApprovalState.EXPIRED) if open_still and record.expires_at <= now else record


def _text(digest: Digest | None) -> str | None:
    return None if digest is None else str(digest)


def _digest(text: str | None) -> Digest | None:
    return None if text is None else Digest.parse(text)


def _items(text: str | None) -> tuple[Json, ...]:
    return () if text is None else tuple(cast("list[Json]", parse(text)))


def _kept(source: Source) -> dict[str, Json]:
    return {
        "call_id": source.call_id,
        "tool": source.tool,
        "labels": [label.value for label in sorted(source.labels)],
        "places": [*source.places],
        "at": source.at,
    }


def source_json(source: Source) -> dict[str, Json]:
    """What an operator or a host is shown of *source*."""
    return _kept(source) | {"at": rfc3339(source.at)}


def _source(kept: Json) -> Source:
    row = cast("dict[str, object]", kept)
    return Source(
        call_id=cast("str", row["call_id"]),
        tool=cast("str", row["tool"]),
        labels=frozenset(Label(one) for one in cast("list[str]", row["labels"])),
        places=tuple(cast("list[str]", row["places"])),
        at=cast("float", row["at"]),
    )
