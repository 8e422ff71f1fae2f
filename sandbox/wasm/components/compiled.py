"""What the compile worker makes of a component: scanned, compiled, and read for what it offers. It runs nothing."""

from typing import Final

import wasmtime
from wasmtime import component as wasmtime_component

from holdfast.contracts.json_values import canonical

from ..abi import COMPONENT, NEAR_AGENT
from ..engine import ModuleRejected
from ..report import Export, Import, ModuleRefused, ModuleReport, Offer, shown
from .component_scan import Survey, survey
from .docs import Docs
from .near_host import CAPABILITIES, check_host, check_tool
from .schemas import parameters_schema, schema_of
from .shapes import Result, Shape
from .wasi2 import CLOCKS, RANDOM, SOCKETS, interface_name, is_wasi
from .world import NEAR_HOST, Interface, Offered, World, world_of

_OFFERS: Final = 200
"""Functions of one component that can become tools."""
_SCHEMA_BYTES: Final = 1 << 20
"""Of all its functions together: types share their parts, schemas repeat them."""


def compile_component(running: wasmtime.Engine, wasm: bytes) -> tuple[ModuleReport, bytes]:
    """The report on the component *wasm*, and its artifact.

    Raises: ModuleRefused, which is ours to say; ModuleRejected, which is wasmtime's.
    """
    said = survey(wasm)
    try:
        component = wasmtime_component.Component(running, wasm)
        native = bytes(component.serialize())
    except wasmtime.WasmtimeError as error:
        raise ModuleRejected(str(error)) from None
    return _report(wasm, said, world_of(running, component)), native


def _report(wasm: bytes, said: Survey, world: World) -> ModuleReport:
    near = world.abi == NEAR_AGENT
    host = tuple(one for one in world.imports if NEAR_HOST.fullmatch(one.name)) if near else ()
    if near:
        check_tool(world)
        check_host(host)
    elif not world.offered:
        raise ModuleRefused("the component exports no function that could be a tool")
    docs = Docs(said.docs)
    tally = said.tally
    return ModuleReport(
        size=len(wasm),
        abi=world.abi,
        imports=tuple(said.imports),
        exports=tuple(Export(name=name, kind="other") for name in said.exports),
        types=said.types,
        functions=said.functions,
        memory_bytes=sum(least for least, _ in tally.memories),
        memory_limit_bytes=None,
        tables=len(tally.tables),
        table_elements=max((least for least, _ in tally.tables), default=0),
        data_segments=said.data_segments,
        custom_bytes=said.custom_bytes,
        notes=_notes(said, world),
        capabilities=_capabilities(host),
        offers=_offers(world, docs) if world.abi == COMPONENT else (),
        component=True,
        instances=tally.instances,
        memories=tuple(most for _, most in tally.memories),
        table_limits=tuple(most for _, most in tally.tables),
    )


def _offers(world: World, docs: Docs) -> tuple[Offer, ...]:
    if len(world.offered) > _OFFERS:
        raise ModuleRefused(f"the component exports more than {_OFFERS} functions")
    offers = tuple(_offer(one, docs) for one in world.offered)
    written = sum(len(canonical([one.name, one.input_schema, one.output_schema])) for one in offers)
    if written > _SCHEMA_BYTES:
        raise ModuleRefused(f"the component's types take more than {_SCHEMA_BYTES} bytes as JSON Schema")
    return offers


def _offer(one: Offered, docs: Docs) -> Offer:
    result = one.signature.result
    return Offer(
        name=one.label,
        description=docs.of(one.path),
        input_schema=parameters_schema(one.signature),
        output_schema=None if result is None else schema_of(_answered(result)),
    )


def _answered(result: Shape) -> Shape:
    """What a call that went well answers: an error is a failure of the tool, not an answer."""
    return result.ok if isinstance(result, Result) and result.ok is not None else result


def _capabilities(host: tuple[Interface, ...]) -> tuple[str, ...]:
    names = {name for one in host for name, _ in one.functions}
    return tuple(sorted(CAPABILITIES[name] for name in names if name in CAPABILITIES))


def _notes(said: Survey, world: World) -> tuple[str, ...]:
    wasi = [one.name for one in world.imports if is_wasi(one.name)]
    notes: list[str] = []
    if wasi:
        notes.append("imports WASI, which is empty for it: no files, environment, arguments or sockets")
    for what, group in (("the clock", CLOCKS), ("randomness", RANDOM), ("sockets, which it never gets", SOCKETS)):
        asked = sorted({interface_name(name) for name in wasi} & group)
        if asked:
            notes.append(f"asks for {what}: {', '.join(asked)}")
    foreign = [item.module for item in said.imports if not _answered_import(world, item)]
    notes += [f"nothing answers its import `{shown(name)}`: a call of it stops the tool" for name in foreign[:20]]
    notes += [f"`{shown(name)}` is no tool: {why}" for name, why in world.left_out[:20]]
    return tuple(notes)


def _answered_import(world: World, item: Import) -> bool:
    return is_wasi(item.module) or (world.abi == NEAR_AGENT and NEAR_HOST.fullmatch(item.module) is not None)
