"""Links a component's imports: WASI with nothing in it, host functions of ours, and a stop for everything else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import wasmtime
from wasmtime import component as wasmtime_component

from .lowering_unsafe import define_host, define_stop
from .shapes import Signature
from .values import Value
from .wasi2 import interface_name, is_wasi, withheld
from .world import Interface, World

_OUR_RESOURCE: Final = 1
_UNANSWERED: Final = "nothing answers this import"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInterface:
    """One imported instance that we answer."""

    name: str
    functions: Mapping[str, tuple[Signature, Callable[..., Value]]]


@dataclass(frozen=True, slots=True)
class Linked:
    """A linker, and what must live as long as it does."""

    linker: wasmtime_component.Linker
    kept: tuple[Any, ...]


def link_world(
    running: wasmtime.Engine,
    world: World,
    *,
    clock: bool,
    random: bool,
    ours: tuple[HostInterface, ...] = (),
) -> Linked:
    """A linker that a component of *world* can be instantiated with. Raises: WasmtimeError."""
    linker = wasmtime_component.Linker(running)
    linker.allow_shadowing = True
    linker.add_wasip2()
    kept: list[Any] = []
    stopped = withheld(clock=clock, random=random)
    answered = {one.name: one for one in ours}
    given = frozenset(name for one in world.imports if is_wasi(one.name) for name in one.resources)
    with linker.root() as root:
        for interface in world.imports:
            if interface.name in answered:
                _answer(root, interface, answered[interface.name], kept)
            elif not is_wasi(interface.name):
                _stop(root, interface, _UNANSWERED, kept, given)
            elif (why := stopped.get(interface_name(interface.name))) is not None:
                _stop(root, interface, why, kept, given)
        kept += [define_stop(root, name, f"{name}: {_UNANSWERED}") for name in world.functions]
    return Linked(linker, tuple(kept))


def _stop(
    root: wasmtime_component.LinkerInstance, interface: Interface, why: str, kept: list[Any], given: frozenset[str]
) -> None:
    """Define *interface* to stop the guest. Resources *given* by WASI are WASI's, if it only has them from there."""
    with root.add_instance(interface.name) as within:
        for resource in (one for one in interface.resources if one in interface.owned or one not in given):
            within.add_resource(resource, wasmtime_component.ResourceType.host(_OUR_RESOURCE), _dropped)
        for name, _ in interface.functions:
            kept.append(define_stop(within, name, f"{interface.name} {name}: {why}"))


def _answer(
    root: wasmtime_component.LinkerInstance, interface: Interface, ours: HostInterface, kept: list[Any]
) -> None:
    with root.add_instance(interface.name) as within:
        for name, _ in interface.functions:
            signature, answer = ours.functions[name]
            takes = tuple(shape for _, shape in signature.parameters)
            kept.append(define_host(within, name, takes, signature.result, answer))


def _dropped(_store: Any, _representation: int) -> None:
    """None of these was ever made."""
