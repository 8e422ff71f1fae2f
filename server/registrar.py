"""Sandboxed tools from registration to the catalogue: pending until an operator approves them. It runs none of them.

1. A manifest and a module come in together; the module must be the one the manifest's digest names.
2. Registering scans and compiles in a confined process, and stores both under `pending`. Nothing may call it yet.
3. Approving puts exactly the pending definition into the registry, if policy and names allow it; else nothing changes.
4. At every start signatures are checked again, at every load the module's bytes; so are both before anything is served
   that was not. What does not hold is in quarantine: it stays there, named with the reason, until an operator approves
   it with what is wrong put right, or a newer one.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from holdfast.contracts import (
    Conflict,
    Digest,
    Forbidden,
    IntegrityError,
    NotFound,
    OperatorError,
    Principal,
    Secrets,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.drafting import language_of
from holdfast.tools.manifest import USUAL_CEILINGS, Ceilings, Manifest, load_manifest
from holdfast.tools.registry import Registry

from .answers import Registration
from .audit import AuditLog
from .looking import completed_by_module, drafted, look
from .principals import OPERATOR
from .store import Kept, RegisteredTool, Tools, ToolState
from .trust import Trust

_log = structlog.get_logger("holdfast.registrar")

Refit = Callable[[Sequence[ToolSpec]], None]
"""Fits policy to the tools there would be. Raises OperatorError when it does not fit."""


class ModuleFiles:
    """Module bytes by digest in one folder, content-addressed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, digest: Digest) -> bytes:
        """The bytes kept under *digest*, unverified: whoever runs them compares them. Raises: OSError."""
        return (self._folder / digest.hex).read_bytes()

    def holds(self, digest: Digest) -> bool:
        """Whether what is kept under *digest* is what it says."""
        try:
            return Digest.of(self.read(digest)) == digest
        except FileNotFoundError:
            return False

    def keep(self, digest: Digest, module: bytes) -> None:
        """Store *module* under *digest*, whole or not at all."""
        path = self._folder / digest.hex
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(module)
        draft.replace(path)


class Registrar:
    """The `Registrar` port, and what operators do with what was registered."""

    def __init__(  # noqa: PLR0913 -- one value for each part it works on
        self,
        *,
        tools: Tools,
        files: ModuleFiles,
        registry: Registry,
        runtime: WasmRuntime,
        refit: Refit,
        audit: AuditLog,
        kept: Kept,
        secrets: Secrets,
        trust: Trust,
        ceilings: Ceilings = USUAL_CEILINGS,
    ) -> None:
        self._tools = tools
        self._files = files
        self._registry = registry
        self._runtime = runtime
        self._refit = refit
        self._audit = audit
        self._kept = kept
        self._secrets = secrets
        self._ceilings = ceilings
        self._trust = trust

    async def open(self) -> None:
        """Put every approved tool into the registry; one that does not hold is quarantined, and the rest serve."""
        for kept in await self._tools.list(ToolState.QUARANTINED):
            self._registry.withhold(kept.name)
        for kept in await self._tools.list(ToolState.APPROVED):
            try:
                self.signer(kept)
                self._registry.add(self._spec(kept))
            except OperatorError as error:
                await self._quarantine(kept, error.message)

    async def register(
        self, manifest: str, module: bytes, principal: Principal, /, *, signature: str | None = None
    ) -> Registration:
        """Take a tool in as pending. What its manifest leaves out and its module says of itself is written into it.

        Raises: OperatorError naming what is wrong with manifest, module or signature; Conflict when it is there.
        """
        if signature is None:  # what is signed is what its author wrote, and nothing is written into it
            manifest = await completed_by_module(self._runtime, manifest, module)
        read = self._read(manifest)
        if Digest.of(module) != read.digest:
            raise OperatorError(
                "`tool.digest` is not the digest of this module", remedy=f'digest = "{Digest.of(module)}"'
            )
        signer = self._trust.signer(manifest, read.digest, signature)
        specs = read.specs()
        _report, seen = await look(self._runtime, read, module, partial(self._files.keep, read.digest, module))
        notes = dict.fromkeys(seen)
        notes |= dict.fromkeys(await self._missing_secrets(specs, principal.tenant))
        first, *others = await self._add_pending(specs, manifest, principal, signature)
        also = (f"has several functions, each a tool to approve: {', '.join(one.name for one in (first, *others))}",)
        return Registration(
            name=first.name,
            version=first.version,
            module=first.module,
            definition=first.definition,
            state=first.state.value,
            notes=(*(also if others else ()), *notes),
            signer=signer,
        )

    async def _missing_secrets(self, specs: tuple[ToolSpec, ...], tenant: TenantId) -> list[str]:
        """A warning for each secret that a grant names and *tenant* has not: calls that need it will be refused."""
        uses = [grant.secret for spec in specs for grant in spec.grants.http]
        names = sorted({use.name for use in uses if use is not None})
        return [
            f"`grants.http.secret`: the secret `{name}` is not set; `holdfast secrets set {name}`"
            for name in names
            if not await self._secrets.exists(tenant, name)
        ]

    async def register_source(
        self, source: bytes, file: str, principal: Principal, /, *, written: str = "", grants: Sequence[str] = ()
    ) -> Registration:
        """Take in the tools that the text *source* offers, as pending. *written* is what its author says beside it.

        Raises: InvalidRequest, OperatorError naming what is wrong, with the line; Conflict when they are there already.
        """
        report = await self._runtime.describe(language_of(file).value, source, file=file)
        manifest = drafted(report, source, file=file, written=written, grants=grants)
        return replace(await self.register(manifest, source, principal), manifest=manifest)

    def _read(self, manifest: str) -> Manifest:
        return load_manifest(manifest, ceilings=self._ceilings)

    async def _add_pending(
        self, specs: tuple[ToolSpec, ...], manifest: str, principal: Principal, signature: str | None
    ) -> tuple[RegisteredTool, ...]:
        """Keep each of *specs*, operations of one *manifest*, under its own name. Those that are there stay.

        Raises: Conflict when every one is there already.
        """
        added: list[RegisteredTool] = []
        conflict: Conflict | None = None
        for spec in specs:
            try:
                kept = await self._tools.add_pending(
                    name=spec.name,
                    version=spec.version,
                    manifest=manifest,
                    module=_module(spec),
                    definition=spec.digest,
                    registered_by=principal.subject,
                    tenant=principal.tenant,
                    signature=signature,
                )
            except Conflict as error:
                conflict = error
                continue
            added.append(kept)
            self._audit.event("tool", {"tool": kept.name, "definition": str(spec.digest), "decision": "registered"})
        if conflict is not None and not added:
            raise conflict
        return tuple(added)

    async def approve(self, name: ToolName, by: Principal, *, seen: Digest | None = None) -> RegisteredTool:
        """Let the tool *name* be called that is pending, or else in quarantine, if its definition is what was *seen*.

        Without *seen* only what *by* registered itself: anything else could have been replaced since it was looked at.

        Raises: NotFound; Conflict; OperatorError when its name is taken, policy does not fit it, its signature is not
        trusted, or its module is not the one that was registered.
        """
        pending = await self._waiting(name)
        if pending is None:
            raise NotFound("no tool of that name is pending or in quarantine")
        if seen is None and pending.registered_by != by.subject:
            raise Conflict(
                "somebody else registered this tool; say which definition you looked at",
                remedy=f"holdfast tools show {name}; holdfast tools approve {name} --definition blake3:…",
            )
        if seen is not None and seen != pending.definition:
            raise Conflict("the pending tool is not the one with that definition", remedy=f"holdfast tools show {name}")
        keep = self._tools.release if pending.state is ToolState.QUARANTINED else self._tools.approve
        approved = await self._serve_and_keep(pending, lambda: keep(name, pending.definition, by=by.subject))
        self._audit.event("tool", {"tool": name, "definition": str(pending.definition), "decision": "approved"})
        return approved

    async def rollback(self, name: ToolName, by: Principal, *, version: str | None = None) -> RegisteredTool:
        """Serve the version of *name* that was approved before, or the newest approved one called *version*.

        Raises: NotFound; OperatorError when it no longer holds.
        """
        before = [
            one
            for one in await self.versions(name)
            if one.state is ToolState.REMOVED and one.approved_at and version in (None, one.version)
        ]
        if not before:
            raise NotFound(
                "no such earlier version of the tool was approved", remedy=f"holdfast tools show {name} --versions"
            )
        newest = max(before, key=lambda one: one.approved_at or 0.0)
        earlier = await self._serve_and_keep(
            newest, lambda: self._tools.rollback(name, newest.definition, by=by.subject)
        )
        self._audit.event("tool", {"tool": name, "definition": str(earlier.definition), "decision": "rolled back"})
        return earlier

    async def remove(self, name: ToolName) -> None:
        """Take *name* away, pending or approved.

        Raises: NotFound.
        """
        await self._tools.remove(name)
        await self._kept.forget(name)
        if self._registry.remove(name):
            self._refit(self._registry.specs())
        self._audit.event("tool", {"tool": name, "decision": "removed"})

    async def withdraw(self, source: str, by: Principal, /) -> tuple[ToolName, ...]:
        """Take away everything that *source* registered, earlier versions too; answers the names, sorted.

        An operator may name anybody, any other principal itself.

        Raises: Forbidden.
        """
        operator = by == OPERATOR
        if not operator and source != by.subject:
            raise Forbidden(
                "only what you registered yourself can be removed here", remedy="holdfast tools remove --source WHO"
            )
        gone = await self._tools.withdraw(source, None if operator else by.tenant)
        for name in sorted({one.name for one in gone if one.state is ToolState.APPROVED}):
            await self._kept.forget(name)
            self._registry.remove(name)
        for name in {one.name for one in gone if one.state is ToolState.QUARANTINED}:
            if await self._tools.get(name, ToolState.APPROVED) is None:
                self._registry.remove(name)
        for one in gone:
            fields = {"tool": one.name, "definition": str(one.definition), "decision": "withdrawn", "source": source}
            self._audit.event("tool", dict(fields))
        self._refit(self._registry.specs())
        return tuple(sorted({one.name for one in gone}))

    async def quarantine(self, module: Digest, reason: str) -> None:
        """Withhold every tool of *module* because *reason*."""
        for kept in await self._tools.list(ToolState.APPROVED):
            if kept.module == module:
                await self._quarantine(kept, reason)

    async def list(self) -> tuple[RegisteredTool, ...]:
        """Every version there is or was."""
        return await self._tools.list()

    async def versions(self, name: ToolName) -> tuple[RegisteredTool, ...]:
        """Every version of *name* there is or was, oldest first."""
        return tuple(one for one in await self._tools.list() if one.name == name)

    async def found(self, name: ToolName) -> RegisteredTool | None:
        """What an operator looks at under *name*: what waits for approval, else what is served."""
        return await self._waiting(name) or await self._tools.get(name, ToolState.APPROVED)

    async def pending(self, name: ToolName) -> ToolSpec | None:
        """The pending tool *name* as it would be served."""
        kept = await self._tools.get(name, ToolState.PENDING)
        return None if kept is None else self._spec(kept)

    def signer(self, kept: RegisteredTool) -> str | None:
        """The trusted key that signed *kept*, or None where it needs none. Raises: OperatorError when it does."""
        return self._trust.signer(kept.manifest, kept.module, kept.signature)

    def spec(self, kept: RegisteredTool) -> ToolSpec:
        """*kept* as it would be served. Raises: OperatorError when it cannot be any more."""
        return self._spec(kept)

    async def _waiting(self, name: ToolName) -> RegisteredTool | None:
        return await self._tools.get(name, ToolState.PENDING) or await self._tools.get(name, ToolState.QUARANTINED)

    async def _quarantine(self, kept: RegisteredTool, reason: str) -> None:
        _log.error("tool.quarantined", tool=kept.name, why=reason)
        served = self._registry.withhold(kept.name)
        with contextlib.suppress(NotFound):  # another call of it was faster, or it was removed meanwhile
            await self._tools.quarantine(kept.name, reason)
            fields = {"tool": kept.name, "definition": str(kept.definition), "decision": "quarantined", "why": reason}
            self._audit.event("tool", dict(fields))
        if served:
            with contextlib.suppress(OperatorError):  # a policy that misses it judges the others as before
                self._refit(self._registry.specs())

    def _serve(self, spec: ToolSpec) -> None:
        """Put *spec* into the registry if policy fits, in one step as far as a caller can see."""
        others = [one for one in self._registry.specs() if one.name != spec.name]
        self._refit([*others, spec])
        try:
            if self._registry.get(spec.name) is None:
                self._registry.add(spec)
            else:
                self._registry.replace(spec)
        except OperatorError:
            self._refit(self._registry.specs())
            raise

    async def _serve_and_keep(
        self, wanted: RegisteredTool, keep: Callable[[], Awaitable[RegisteredTool]]
    ) -> RegisteredTool:
        """Serve *wanted* if it holds, and names and policy allow it, and have that kept; else all is as it was."""
        self.signer(wanted)
        if not await asyncio.to_thread(self._files.holds, wanted.module):
            raise IntegrityError("the module is not the one that was registered", remedy="holdfast tools add DIR")
        self._serve(self._spec(wanted))
        try:
            kept = await keep()
        except BaseException:  # cancelled, or no room on the disk: what is served is what is kept
            await self._restore(wanted.name)
            raise
        if kept.definition != wanted.definition:  # somebody else approved one meanwhile
            await self._restore(wanted.name)
        return kept

    async def _restore(self, name: ToolName) -> None:
        kept = await self._tools.get(name, ToolState.APPROVED)
        if kept is not None:
            self._serve(self._spec(kept))
        elif self._registry.remove(name):
            self._refit(self._registry.specs())

    def _spec(self, kept: RegisteredTool) -> ToolSpec:
        """The operation that was registered under this name, if it still has the digest it was registered with."""
        manifest = self._read(kept.manifest)
        spec = next((one for one in manifest.specs() if one.name == kept.name), None)
        if spec is None or spec.digest != kept.definition:
            raise OperatorError("the stored manifest is not the one that was registered")
        return spec


def _module(spec: ToolSpec) -> Digest:
    if not isinstance(spec.runtime, Wasm):
        raise OperatorError("this is not a WebAssembly tool")
    return spec.runtime.module
