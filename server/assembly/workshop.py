"""The built-in tools with the ports each needs: workspace, egress, confined children. Nothing is there unconfigured."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from holdfast.contracts import (
    Entry,
    Handler,
    OperatorError,
    Outputs,
    Reason,
    Refusal,
    Scrubber,
    SecretValues,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.sandbox.children import Launcher, Unavailable, probe
from holdfast.sandbox.egress import EgressBroker
from holdfast.sandbox.shell import Shell
from holdfast.sandbox.workspace import PROTECTED_NAMES, ProtectedNames, WorkspaceBroker, refuse_overlap
from holdfast.tools.builtin import (
    echo,
    file_grep,
    file_list,
    file_read,
    file_write,
    hash_tool,
    http_fetch,
    javascript_tool,
    json_tool,
    output_read,
    python_tool,
    shell,
    time_tool,
)

from ..config import Settings, WorkspaceSettings
from ..guarding import Guarded
from ..interpreting import python_sources

NO_WORKSPACE = Reason(
    code="workspace/not-configured",
    layer="workspace",
    message="no workspace is configured, so there are no files",
    remedy='[workspace]\nroot = "/path/to/folder"',
)
_FILE_SPECS = (file_read.SPEC, file_write.SPEC, file_list.SPEC, file_grep.SPEC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The built-in tools of this house, and what others need of their parts."""

    specs: tuple[ToolSpec, ...]
    handlers: dict[ToolName, Handler]
    launcher: Launcher | None
    """Starts confined children, or None where nothing can be confined."""
    off: dict[str, Reason]
    files: WorkspaceBroker | None
    egress: EgressBroker


class NoWorkspace:
    """The `Workspace` port where none is configured: refuses everything."""

    def read(self, path: str, *, offset: int = 0, limit: int | None = None) -> tuple[bytes, int]:  # noqa: ARG002 -- the port's
        """Refuse."""
        raise Refusal(NO_WORKSPACE)

    def write(self, path: str, data: bytes, /) -> int:  # noqa: ARG002 -- the port's
        """Refuse."""
        raise Refusal(NO_WORKSPACE)

    def entries(self, path: str, *, depth: int, limit: int) -> tuple[tuple[Entry, ...], bool]:  # noqa: ARG002 -- the port's
        """Refuse."""
        raise Refusal(NO_WORKSPACE)


def builtin_specs() -> tuple[ToolSpec, ...]:
    """Every built-in tool as it is with its usual limits, whether or not it is on here."""
    return (
        echo.SPEC,
        time_tool.SPEC,
        json_tool.SPEC,
        hash_tool.SPEC,
        *_FILE_SPECS,
        output_read.SPEC,
        http_fetch.SPEC,
        shell.SPEC,
        python_tool.spec(python_sources().modules),
        javascript_tool.SPEC,
    )


async def open_workshop(
    stack: AsyncExitStack,
    settings: Settings,
    outputs: Outputs,
    scrubber: Scrubber,
    guarded: Guarded,
    vault: SecretValues,
) -> Workshop:
    """Build the handlers; what must be closed goes onto *stack*. *guarded* may not lie in the workspace.

    *vault* is what requests are given secrets from.

    Raises: OperatorError when the workspace cannot be opened or overlaps what is guarded.
    """
    workspace = _workspace(stack, settings, guarded.governing)
    files: Workspace = workspace or NoWorkspace()
    handlers: dict[ToolName, Handler] = {
        echo.SPEC.name: echo.echo,
        time_tool.SPEC.name: time_tool.TimeTool(lambda: datetime.now(UTC)),
        json_tool.SPEC.name: json_tool.json_tool,
        hash_tool.SPEC.name: hash_tool.HashTool(files),
        output_read.SPEC.name: output_read.OutputRead(outputs),
        file_read.SPEC.name: file_read.FileRead(files, scrubber),
        file_write.SPEC.name: file_write.FileWrite(files),
        file_list.SPEC.name: file_list.FileList(files),
        file_grep.SPEC.name: file_grep.FileGrep(files, scrubber),
    }
    egress = _egress(settings, vault)
    handlers[http_fetch.SPEC.name] = http_fetch.HttpFetch(egress, tuple(one.grant() for one in settings.egress))
    launcher, why = await _launcher(stack)
    off: dict[str, Reason] = {}
    if why is not None:
        off["shell"] = off["stdio upstreams"] = why
    elif workspace is None:
        off["shell"] = off["file tools"] = NO_WORKSPACE
    if launcher is not None and settings.workspace.root is not None:
        runner = Shell(launcher, settings.workspace.root, protected=_protected(settings.workspace))
        handlers[shell.SPEC.name] = shell.ShellTool(runner)
    specs = tuple(_limited(spec, settings) for spec in builtin_specs() if spec.name in handlers)
    return Workshop(specs=specs, handlers=handlers, launcher=launcher, off=off, files=workspace, egress=egress)


def _workspace(stack: AsyncExitStack, settings: Settings, guarded: Sequence[Path]) -> WorkspaceBroker | None:
    root = settings.workspace.root
    if root is None:
        return None
    refuse_overlap(root, guarded)
    broker = WorkspaceBroker(
        root,
        write_denied=frozenset(settings.workspace.write_denied),
        released=frozenset(settings.workspace.released),
    )
    stack.callback(broker.close)
    return broker


def _protected(workspace: WorkspaceSettings) -> frozenset[str]:
    """The names a command may not write: by the same reading of `write_denied` and `released` as the file tools'."""
    denied = frozenset(name.removesuffix("/") for name in workspace.write_denied)
    names = ProtectedNames.of(added=denied, released=frozenset(workspace.released))
    return frozenset(name for name in PROTECTED_NAMES | denied if names.covers(name))


def _egress(settings: Settings, vault: SecretValues) -> EgressBroker:
    rows = tuple(row for row in settings.egress if row.unsafe_allow_network is not None)
    return EgressBroker(
        vault=vault,
        unsafe_allow_for={
            grant: tuple(row.unsafe_allow_network for row in rows if row.unsafe_allow_network and row.grant() == grant)
            for grant in (row.grant() for row in rows)
        },
    )


async def _launcher(stack: AsyncExitStack) -> tuple[Launcher | None, Reason | None]:
    """The launcher, if a child can really be confined here: asked of a real one, not of a version number."""
    try:
        launcher = await Launcher.open()
    except OperatorError as error:
        return None, _unconfined(error.message)
    stack.push_async_callback(launcher.close)
    found = await probe(launcher)
    if isinstance(found, Unavailable):
        return None, _unconfined(found.reason)
    return launcher, None


def _unconfined(why: str) -> Reason:
    return Reason(
        code="children/unconfined",
        layer="children",
        message="commands cannot be confined on this machine",
        remedy=f"{why}; `holdfast doctor` shows each probe",
    )


def _limited(spec: ToolSpec, settings: Settings) -> ToolSpec:
    """*spec* under the configured limits."""
    limits = replace(spec.limits, output_bytes=settings.limits.output_bytes)
    if spec.name == shell.SPEC.name:
        limits = replace(limits, memory_bytes=settings.limits.shell_memory_bytes, wall_ms=settings.limits.shell_wall_ms)
    return replace(spec, limits=limits)
