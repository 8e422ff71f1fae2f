"""The interpreters of a house: the tools `python` and `javascript`, and tools of source text. It builds nothing yet."""

from contextlib import AsyncExitStack
from dataclasses import replace

from holdfast.contracts import Reason, ToolSpec, Workspace
from holdfast.sandbox.wasm.abi import JAVASCRIPT, PYTHON
from holdfast.sandbox.wasm.interpreter.sessions import SessionBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.builtin import javascript_tool, python_tool
from holdfast.tools.registry import Registry

from ..config import Settings
from ..data_dir import DataDir
from ..interpreting import adopt, javascript_sources, open_interpreter, python_sources
from .workshop import NoWorkspace, Workshop


def add_python(
    stack: AsyncExitStack,
    settings: Settings,
    data: DataDir,
    runtime: WasmRuntime,
    workshop: Workshop,
    registry: Registry | None,
) -> None:
    """Give *runtime* the interpreter, and *registry* the tool `python` with its handler; or the reason why not.

    Raises: OperatorError as `open_interpreter` does.
    """
    limits = settings.limits
    sessions = SessionBounds(
        total=limits.python_sessions,
        each=limits.python_sessions_each,
        idle_seconds=limits.python_session_idle_ms / 1000,
    )
    opened = open_interpreter(stack, runtime, data, sessions=sessions)
    adopt(runtime, PYTHON, opened)
    if isinstance(opened, Reason):
        workshop.off["python"] = opened
        return
    if registry is None:
        return
    spec = python_tool.spec(python_sources().modules)
    workshop.handlers[spec.name] = python_tool.PythonTool(opened, _files(workshop))
    bounded = _bounded(spec, settings, memory_bytes=limits.python_memory_bytes, wall_ms=limits.python_wall_ms)
    registry.add_builtin(bounded)


def add_javascript(
    stack: AsyncExitStack,
    settings: Settings,
    data: DataDir,
    runtime: WasmRuntime,
    workshop: Workshop,
    registry: Registry | None,
) -> None:
    """Give *runtime* the interpreter, and *registry* the tool `javascript` with its handler; or the reason why not.

    Raises: OperatorError as `open_interpreter` does.
    """
    limits, spec = settings.limits, javascript_tool.SPEC
    opened = open_interpreter(stack, runtime, data, sources=javascript_sources)
    adopt(runtime, JAVASCRIPT, opened)
    if isinstance(opened, Reason):
        workshop.off["javascript"] = opened
        return
    if registry is None:
        return
    workshop.handlers[spec.name] = javascript_tool.JavaScriptTool(opened, _files(workshop))
    bounded = _bounded(spec, settings, memory_bytes=limits.javascript_memory_bytes, wall_ms=limits.javascript_wall_ms)
    registry.add_builtin(bounded)


def _files(workshop: Workshop) -> Workspace:
    return workshop.files or NoWorkspace()


def _bounded(spec: ToolSpec, settings: Settings, *, memory_bytes: int, wall_ms: int) -> ToolSpec:
    output_bytes = settings.limits.output_bytes
    return replace(
        spec, limits=replace(spec.limits, output_bytes=output_bytes, memory_bytes=memory_bytes, wall_ms=wall_ms)
    )
