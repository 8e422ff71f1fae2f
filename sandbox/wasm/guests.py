"""Chooses what runs a tool's module: one maker for each calling convention. It loads nothing that was not asked for."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias, runtime_checkable

from .abi import ASKING, COMPONENT, CORE_JSON, EXTISM, JAVASCRIPT, NEAR_AGENT, PYTHON, WASI_COMMAND
from .birth import Birth
from .engine import CoreJson, Engine, Needs, WasiCommand, load
from .frames import Reply, Request
from .hostcalls import HostCalls


class Guest(Protocol):
    """A loaded tool, ready to be called any number of times, each time fresh."""

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A guest that does part of its next call's work before that call comes."""

    def prepare(self, idle: Callable[[], bool]) -> None:
        """Get ready, as long as *idle* says that nobody waits. Never raises for what a guest does."""
        ...


Maker: TypeAlias = Callable[[Engine, int, Birth, HostCalls], Guest]
"""Loads the artifact in a descriptor, which is the worker's to close, before the worker is confined."""


def make_guest(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    """What runs the artifact in *descriptor* as *birth* says; its host functions go through *host*.

    Raises: ModuleRejected.
    """
    return _MAKERS[birth.abi](running, descriptor, birth, host)


def needs(birth: Birth) -> Needs:
    """What the module of *birth* declares and was granted."""
    return Needs(
        wasi=birth.wasi,
        clock=birth.clock,
        random=birth.random,
        tables=birth.tables,
        table_elements=birth.table_elements,
        memory_bytes=birth.declared_memory_bytes,
    )


def _core_json(running: Engine, descriptor: int, birth: Birth, _host: HostCalls) -> Guest:
    return CoreJson(running, load(running, descriptor), needs(birth))


def _wasi_command(running: Engine, descriptor: int, birth: Birth, _host: HostCalls) -> Guest:
    if birth.component:
        from .components.guest import WasiProgram, load_component  # noqa: PLC0415 -- a worker loads what its tool needs

        return WasiProgram(running, load_component(running, descriptor), birth)
    return WasiCommand(running, load(running, descriptor), needs(birth))


def _extism(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    from .extism.guest import ExtismPlugin  # noqa: PLC0415 -- a worker loads what its tool needs

    return ExtismPlugin(running, load(running, descriptor), needs(birth), host)


def _asking(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    from .asking import Asking  # noqa: PLC0415 -- as above

    return Asking(running, load(running, descriptor), needs(birth), host)


def _component(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    from .components.guest import ComponentTool, load_component  # noqa: PLC0415 -- a worker loads what its tool needs

    return ComponentTool(running, load_component(running, descriptor), birth, host)


def _near_agent(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    from .components.guest import NearTool, load_component  # noqa: PLC0415 -- a worker loads what its tool needs

    return NearTool(running, load_component(running, descriptor), birth, host)


def _sealed(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> Guest:
    from .sealed.guest import make  # noqa: PLC0415 -- as above

    return make(running, descriptor, birth, host)


# Components, plugins and interpreters add their line here; a maker imports its own modules when it is asked for.
_MAKERS: Final[Mapping[str, Maker]] = {
    CORE_JSON: _core_json,
    WASI_COMMAND: _wasi_command,
    COMPONENT: _component,
    NEAR_AGENT: _near_agent,
    EXTISM: _extism,
    PYTHON: _sealed,
    JAVASCRIPT: _sealed,
    ASKING: _asking,
}
