"""Builds tools for agent hosts: source, manifest and cases in, a measured result out, and a pending tool if all held.

1. Whoever wrote the source, often a model, is believed nothing: it is built in confinement, looked at and tried sealed,
   and only what passes every case is registered, as pending, like any other tool.
2. One build at a time, and so many a minute for each principal: a compiler takes a processor for itself.
3. What compiler and tool say goes back cleaned and scanned, as any output does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import (
    Digest,
    Forbidden,
    Json,
    OperatorError,
    Overloaded,
    Principal,
    RateLimited,
    Where,
)
from holdfast.sandbox.building import Builder, BuildRefused, Language
from holdfast.tools.cases import Case
from holdfast.tools.manifest import Ceilings, Manifest, load_manifest
from holdfast.tools.pinning import with_digest

from .answers import Registration
from .audit import AuditLog
from .pace import Pace
from .registrar import Registrar
from .scanning import MAX_TEXT_BYTES, Scanner
from .workbench import SHOWN_CHARACTERS, Built, Made, Workbench, written

_UNBUILT: Final = Digest.of(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """What is to be built, and what it must do."""

    language: Language
    sources: Mapping[str, bytes]
    """By relative name."""
    manifest: str
    """`tool.digest` in it is replaced."""
    cases: Sequence[Case]
    """One at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What came of it. Only with a registration there is a new tool, which is pending."""

    state: str
    """`pending`; `failed` when a case did; `refused` when it never came to that."""
    reason: str | None = None
    said: str = ""
    """What the compiler wrote, cleaned."""
    measured: Mapping[str, Json] | None = None
    registration: Registration | None = None


class BuildDesk:
    """The `Building` port."""

    def __init__(
        self,
        *,
        builder: Builder,
        registrar: Registrar,
        scanner: Scanner,
        audit: AuditLog,
        pace: Pace,
        ceilings: Ceilings,
        signatures_required: bool,
    ) -> None:
        self._builder = builder
        self._registrar = registrar
        self._scanner = scanner
        self._audit = audit
        self._pace = pace
        self._ceilings = ceilings
        self._signatures_required = signatures_required
        self._turn = asyncio.Lock()

    async def build(self, order: BuildOrder, principal: Principal, /) -> BuildResult:
        """Build *order* and register what passes.

        Raises: OperatorError when the manifest is refused; Forbidden where tools must be signed; RateLimited,
        Overloaded; Conflict when exactly this tool is there already.
        """
        if self._signatures_required:
            raise Forbidden(
                "tools must be signed here, and nobody could have signed what is yet to be built",
                remedy="holdfast tools build, sign, and register what was signed",
            )
        manifest = load_manifest(with_digest(order.manifest, _UNBUILT), ceilings=self._ceilings)
        if not self._pace.takes(principal):
            raise RateLimited("too many builds; slow down", remedy="raise `[limits] builds_per_minute`")
        if self._turn.locked():
            raise Overloaded("another tool is being built", remedy="try again")
        async with self._turn, AsyncExitStack() as stack:
            bench = await Workbench.open(stack, ceilings=self._ceilings)
            return await self._built(bench, order, manifest, principal)

    async def _built(
        self, bench: Workbench, order: BuildOrder, manifest: Manifest, principal: Principal
    ) -> BuildResult:
        try:
            built = await bench.build(self._builder, order.language, order.sources, order.manifest)
            made = await bench.prove(built, order.cases)
        except BuildRefused as error:
            self._note(manifest, order, principal, "build refused")
            said = await self._clean(error.said, principal)
            return BuildResult(state="refused", reason=error.message, said=said)
        except OperatorError as error:
            self._note(manifest, order, principal, "build refused")
            return BuildResult(state="refused", reason=await self._clean(error.message, principal))
        measured = await self._measured(made, principal)
        if not made.passed:
            self._note(manifest, order, principal, "case failed", built)
            return BuildResult(state="failed", reason="a case failed, so nothing is registered", measured=measured)
        self._note(manifest, order, principal, "built", built)
        registration = await self._registrar.register(built.manifest, built.module, principal)
        return BuildResult(state=registration.state, measured=measured, registration=registration)

    async def _measured(self, made: Made, principal: Principal) -> Mapping[str, Json]:
        measured = written(made)
        cases: list[Json] = []
        for case, tried in zip(made.cases, _rows(measured["cases"]), strict=True):
            cases.append({**tried, "answered": await self._clean(case.answered.text, principal)})
        return {**measured, "cases": cases}

    async def _clean(self, text: str, principal: Principal) -> str:
        """*text* scanned whole, and cut last."""
        if len(text) > MAX_TEXT_BYTES:
            return f"[{len(text)} characters, which is too long to look through]"
        return (await self._scanner.scan(text, Where.OUTPUT, principal)).text[:SHOWN_CHARACTERS]

    def _note(
        self, manifest: Manifest, order: BuildOrder, principal: Principal, decision: str, built: Built | None = None
    ) -> None:
        fields: dict[str, Json] = {
            "tool": manifest.name,
            "decision": decision,
            "principal": principal.subject,
            "tenant": principal.tenant,
            "language": order.language.value,
            "cases": len(order.cases),
            "module": None if built is None else str(built.digest),
        }
        self._audit.event("tool", fields)


def _rows(value: Json) -> list[Mapping[str, Json]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
