"""Sandboxed tools from registration to the catalogue: pending until an operator approves them. It runs none of them.

1. A manifest and a module come in together; the module must be the one the manifest's digest names.
2. Registering scans and compiles in a confined process, and stores both under `pending`. Nothing may call it yet.
3. Approving puts exactly the pending definition into the registry, if policy and names allow it; else nothing changes.
4. At every start and every load the module's bytes are compared with the digest again.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from holdfast.contracts import Conflict, Digest, NotFound, OperatorError, Principal, ToolName, ToolSpec
from holdfast.contracts.limits import WASM_CEILING, Limits
from holdfast.safety.schemas import check_schema
from holdfast.sandbox.wasm.runtime import WasmRuntime, check_fit
from holdfast.tools.manifest import Manifest, load_manifest
from holdfast.tools.registry import Registry

from .answers import Registration
from .audit import AuditLog
from .store import RegisteredTool, Tools, ToolState

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

    def keep(self, digest: Digest, module: bytes) -> None:
        """Store *module* under *digest*, whole or not at all."""
        path = self._folder / digest.hex
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(module)
        draft.replace(path)


class Registrar:
    """The `Registrar` port, and what operators do with what was registered."""

    def __init__(
        self,
        *,
        tools: Tools,
        files: ModuleFiles,
        registry: Registry,
        runtime: WasmRuntime,
        refit: Refit,
        audit: AuditLog,
        ceiling: Limits = WASM_CEILING,
    ) -> None:
        self._tools = tools
        self._files = files
        self._registry = registry
        self._runtime = runtime
        self._refit = refit
        self._audit = audit
        self._ceiling = ceiling

    async def open(self) -> None:
        """Put every approved tool into the registry; one that does not hold is quarantined, and the rest serve."""
        for kept in await self._tools.list(ToolState.APPROVED):
            try:
                self._registry.add(self._manifest(kept).spec())
            except OperatorError as error:
                _log.error("tool.quarantined", tool=kept.name, why=error.message)
                await self._tools.quarantine(kept.name, error.message)

    async def register(self, manifest: str, module: bytes, principal: Principal, /) -> Registration:
        """Take a tool in as pending.

        Raises: OperatorError naming what is wrong with the manifest or the module; Conflict when it is there already.
        """
        read = load_manifest(manifest, ceiling=self._ceiling)
        if Digest.of(module) != read.digest:
            raise OperatorError(
                "`tool.digest` is not the digest of this module", remedy=f'digest = "{Digest.of(module)}"'
            )
        check_schema(read.input_schema)
        spec = read.spec()
        notes = check_fit(await self._runtime.inspect(module), spec)
        await asyncio.to_thread(self._files.keep, read.digest, module)
        await self._runtime.prepare(read.digest)
        kept = await self._tools.add_pending(
            name=read.name,
            version=read.version,
            manifest=manifest,
            module=read.digest,
            definition=spec.digest,
            registered_by=principal.subject,
        )
        self._audit.event("tool", {"tool": read.name, "definition": str(spec.digest), "decision": "registered"})
        return Registration(
            name=kept.name,
            version=kept.version,
            module=kept.module,
            definition=kept.definition,
            state=kept.state.value,
            notes=notes,
        )

    async def approve(self, name: ToolName, by: Principal, *, seen: Digest | None = None) -> RegisteredTool:
        """Let the pending tool *name* be called, if its definition is the one that was *seen*.

        Without *seen* only what *by* registered itself: anything else could have been replaced since it was looked at.

        Raises: NotFound; Conflict; OperatorError when its name is taken or policy does not fit it.
        """
        pending = await self._tools.get(name, ToolState.PENDING)
        if pending is None:
            raise NotFound("there is no pending tool of that name")
        if seen is None and pending.registered_by != by.subject:
            raise Conflict(
                "somebody else registered this tool; say which definition you looked at",
                remedy=f"holdfast tools show {name}; holdfast tools approve {name} --definition blake3:…",
            )
        if seen is not None and seen != pending.definition:
            raise Conflict("the pending tool is not the one with that definition", remedy=f"holdfast tools show {name}")
        approved = await self._serve_and_keep(
            pending, lambda: self._tools.approve(name, pending.definition, by=by.subject)
        )
        self._audit.event("tool", {"tool": name, "definition": str(pending.definition), "decision": "approved"})
        return approved

    async def rollback(self, name: ToolName, by: Principal) -> RegisteredTool:
        """Serve the version of *name* that was approved before.

        Raises: NotFound; OperatorError.
        """
        before = [one for one in await self._tools.list(ToolState.REMOVED) if one.name == name and one.approved_at]
        if not before:
            raise NotFound("no earlier version of the tool was approved")
        newest = max(before, key=lambda one: one.approved_at or 0.0)
        earlier = await self._serve_and_keep(newest, lambda: self._tools.rollback(name, by=by.subject))
        self._audit.event("tool", {"tool": name, "definition": str(earlier.definition), "decision": "rolled back"})
        return earlier

    async def remove(self, name: ToolName) -> None:
        """Take *name* away, pending or approved.

        Raises: NotFound.
        """
        await self._tools.remove(name)
        if self._registry.remove(name):
            self._refit(self._registry.specs())
        self._audit.event("tool", {"tool": name, "decision": "removed"})

    async def list(self) -> tuple[RegisteredTool, ...]:
        """Every version there is or was."""
        return await self._tools.list()

    async def pending(self, name: ToolName) -> ToolSpec | None:
        """The pending tool *name* as it would be served."""
        kept = await self._tools.get(name, ToolState.PENDING)
        return None if kept is None else self._manifest(kept).spec()

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
        """Serve *wanted* if names and policy allow it, and have that kept; when either fails, all is as it was."""
        self._serve(self._manifest(wanted).spec())
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
            self._serve(self._manifest(kept).spec())
        elif self._registry.remove(name):
            self._refit(self._registry.specs())

    def _manifest(self, kept: RegisteredTool) -> Manifest:
        manifest = load_manifest(kept.manifest, ceiling=self._ceiling)
        if manifest.spec().digest != kept.definition:
            raise OperatorError("the stored manifest is not the one that was registered")
        return manifest
