"""What persists: the store and its desks, the audit chain, the keys that sign. It judges and runs nothing."""

import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from holdfast.contracts import Digest, JsonObject
from holdfast.contracts.json_values import canonical

from ..audit import AuditLog, ChainWriter, Durability, FileAnchor
from ..auth import Authenticator, TokenIssuer
from ..config import Settings
from ..data_dir import DataDir
from ..recording import Recorder
from ..store import (
    Approvals,
    DecisionInputs,
    Idempotency,
    Kept,
    Leases,
    Places,
    Sessions,
    Store,
    Tokens,
    Tools,
    Upstreams,
    UpstreamTokens,
    Uses,
    Vault,
)

LOCAL_ISSUER = "holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that outlives the process, opened."""

    store: Store
    audit: AuditLog
    sessions: Sessions
    approvals: Approvals
    leases: Leases
    places: Places
    uses: Uses
    vault: Vault
    upstream_tokens: UpstreamTokens
    kept: Kept
    idempotency: Idempotency
    tokens: Tokens
    tools: Tools
    upstreams: Upstreams
    issuer: TokenIssuer
    authenticator: Authenticator
    arguments_key: bytes
    inputs: DecisionInputs
    """What policy saw of calls, where that is kept."""
    recorder: Recorder | None
    """Keeps it, if the operator wants it kept."""


async def open_state(stack: AsyncExitStack, settings: Settings, data: DataDir) -> State:
    """Open it; what must be closed goes onto *stack*.

    Raises: OperatorError when the store, a key or the chain is not whole.
    """
    store = await Store.open(settings.store.url or f"sqlite:///{data.database}", key=data.key("texts"))
    stack.push_async_callback(store.close)
    audit = await _open_audit(stack, settings, data)
    tokens = await Tokens.open(store)
    inputs = DecisionInputs(store, key=data.key("decision-inputs"))
    key, arguments_key = data.key("tokens"), data.key("arguments")

    def digest(arguments: JsonObject) -> Digest:
        return Digest.keyed(arguments_key, canonical(arguments))

    return State(
        store=store,
        audit=audit,
        sessions=Sessions(store),
        approvals=Approvals(store, key=arguments_key, digest=digest),
        leases=Leases(store),
        places=Places(store),
        uses=Uses(store),
        vault=Vault(store, key=data.key("secrets")),
        upstream_tokens=UpstreamTokens(store, key=data.key("upstream-tokens")),
        kept=Kept(store),
        idempotency=await Idempotency.open(store),
        tokens=tokens,
        tools=Tools(store),
        upstreams=Upstreams(store),
        issuer=TokenIssuer(key=key, issuer=LOCAL_ISSUER, tokens=tokens),
        authenticator=Authenticator(key=key, issuer=LOCAL_ISSUER, tokens=tokens),
        arguments_key=arguments_key,
        inputs=inputs,
        recorder=_recorder(stack, settings, inputs),
    )


def _recorder(stack: AsyncExitStack, settings: Settings, inputs: DecisionInputs) -> Recorder | None:
    if settings.policy.record == "off":
        return None
    recorder = Recorder(inputs)
    stack.push_async_callback(recorder.flush)
    return recorder


async def _open_audit(stack: AsyncExitStack, settings: Settings, data: DataDir) -> AuditLog:
    durability = Durability(settings.audit.durability)
    log = AuditLog(_free_chain(data, durability))
    stack.push_async_callback(log.chain.aclose)
    if settings.audit.anchor is not None:
        anchor = FileAnchor(log.chain, Path(settings.audit.anchor.removeprefix("file:")), data.key("audit-sign"))
        stack.push_async_callback(anchor.aclose)
    return log


def _free_chain(data: DataDir, durability: Durability) -> ChainWriter:
    """Continue the newest chain that nobody else writes, or begin one."""
    key = data.key("audit")
    chains = [one for one in data.audit.iterdir() if one.is_dir()]
    for folder in sorted(chains, key=lambda one: one.stat().st_mtime, reverse=True):
        try:
            return ChainWriter(folder, key=key, durability=durability)
        except BlockingIOError:
            continue
    return ChainWriter(data.audit / secrets.token_hex(8), key=key, durability=durability)
