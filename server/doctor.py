"""Looks at this machine: versions against a floor, kernel features, live probes in real confined processes."""

import asyncio
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from holdfast.contracts import Json, OperatorError
from holdfast.sandbox.children import Launcher, Unavailable
from holdfast.sandbox.children import probe as probe_children
from holdfast.sandbox.confinement.support import support
from holdfast.sandbox.wasm.compiling import Compiler
from holdfast.sandbox.wasm.probes import run_probes
from holdfast.sandbox.wasm.runtime import UNPRIVILEGED

from .config import Settings
from .grant_probes import probe_grants
from .observing import observing_of

FLOORS = {
    "wasmtime": (50, 0, 1),
    "mcp": (2, 3, 0),
    "pyjwt": (2, 12, 0),
    "cedarpy": (4, 12, 0),
    "sandlock": (0, 9, 0),
    "hyperscan": (0, 9, 0),
}
"""The oldest versions without an advisory that touches us, as known when this version was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the table."""

    part: str
    name: str
    held: bool
    detail: str


async def examine(settings: Settings | None = None) -> tuple[Check, ...]:
    """Everything, in the order it is shown; of *settings*, whether every rule counts."""
    wasm, children = await asyncio.gather(_wasm_probes(), _child_probes())
    grants = await _grant_probes() if all(check.held for check in wasm) else ()
    return (*_versions(), _kernel(), *_enforcement(settings), *wasm, *grants, *children)


def _enforcement(settings: Settings | None) -> tuple[Check, ...]:
    if settings is None:
        return ()
    observed = observing_of(settings.policy.mode, settings.policy.observe).names
    said = "nothing is only observed" if not observed else f"only observed, and let pass: {', '.join(observed)}"
    return (Check(part="policy", name="every rule counts", held=not observed, detail=said),)


def drift(status: Json) -> tuple[Check, ...]:
    """What a running server says of tools that its policies no longer fit, and of those they name in vain."""
    drifted, missing = _rows(status, "drift"), _rows(status, "missing")
    if not drifted and not missing:
        return (Check(part="policy", name="every tool fits", held=True, detail=""),)
    return (
        *(
            Check(part="policy", name=f"drift: {row['tool']}", held=False, detail=f"{row['change']}: {row['why']}")
            for row in drifted
        ),
        *(Check(part="policy", name=f"missing: {row['tool']}", held=False, detail=str(row["why"])) for row in missing),
    )


def _rows(status: Json, name: str) -> list[dict[str, Json]]:
    found = status.get(name) if isinstance(status, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _versions() -> tuple[Check, ...]:
    python = Check(part="versions", name="python", held=True, detail=platform.python_version())
    return (python, *(_version(name, floor) for name, floor in FLOORS.items()))


def _version(name: str, floor: tuple[int, ...]) -> Check:
    wanted = ".".join(str(part) for part in floor)
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(part="versions", name=name, held=False, detail=f"not installed; {wanted} or newer is needed")
    digits = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
    held = digits >= floor
    return Check(part="versions", name=name, held=held, detail=found if held else f"{found} is older than {wanted}")


def _kernel() -> Check:
    here = support()
    detail = here.missing or f"Landlock ABI {here.landlock}, seccomp; {platform.system()} {platform.release()}"
    return Check(part="kernel", name="confinement", held=here.missing is None, detail=detail)


async def _wasm_probes() -> tuple[Check, ...]:
    if support().missing is not None:
        return ()
    probes = await run_probes(Compiler(unprivileged=UNPRIVILEGED), unprivileged=UNPRIVILEGED)
    return tuple(Check(part="wasm worker", name=one.name, held=one.passed, detail=one.detail) for one in probes)


async def _grant_probes() -> tuple[Check, ...]:
    if support().missing is not None:
        return ()
    return tuple(Check(part="grant", name=one.name, held=one.held, detail=one.detail) for one in await probe_grants())


async def _child_probes() -> tuple[Check, ...]:
    try:
        launcher = await Launcher.open()
    except OperatorError as error:
        return (Check(part="confined child", name="start", held=False, detail=error.message),)
    try:
        found = await probe_children(launcher)
    finally:
        await launcher.close()
    probes = found.probes if isinstance(found, Unavailable) else found
    checks = tuple(
        Check(part="confined child", name=f"{one.name} from the {one.thread} thread", held=one.held, detail=one.how)
        for one in probes
    )
    if isinstance(found, Unavailable):
        return (Check(part="confined child", name="start", held=False, detail=found.reason), *checks)
    return checks
