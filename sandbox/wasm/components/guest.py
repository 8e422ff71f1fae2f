"""The two kinds of component tools, as a worker runs them: any world by its types, near:agent by its JSON."""

from dataclasses import replace
from typing import Final

import wasmtime
from wasmtime import component as wasmtime_component

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, canonical, parse

from ..birth import Birth
from ..capture import Output, cut
from ..engine import ModuleRejected
from ..frames import Ending, Reply, Request
from ..hostcalls import HostCalls
from ..report import ModuleRefused
from ..settings import DETAIL_CHARACTERS
from .linking import HostInterface
from .near_host import HOST, UNTYPED, NearHost, execute_of, telling_of
from .shapes import Result, Shape
from .stage import Played, Stage
from .values import Case, Some, Unfit, Value, read_arguments, write
from .world import NEAR_HOST, Offered, world_of

_A_FAILURE: Final = 1
"""The exit code of a tool that answered with its own error."""
_ARGUMENT_DEPTH: Final = 64


def load_component(running: wasmtime.Engine, descriptor: int) -> wasmtime_component.Component:
    """The artifact in *descriptor*, whose bytes the parent has checked and sealed. Raises: ModuleRejected."""
    try:
        return wasmtime_component.Component.deserialize_file(running, f"/proc/self/fd/{descriptor}")
    except wasmtime.WasmtimeError as error:
        raise ModuleRejected(str(error)) from None


class ComponentTool:
    """A component of any world. `Request.name` says which of its functions; with one only, whatever it says.

    Raises: ModuleRejected.
    """

    def __init__(
        self,
        running: wasmtime.Engine,
        component: wasmtime_component.Component,
        birth: Birth,
        _host: HostCalls,
    ) -> None:
        try:
            world = world_of(running, component)
            self._stage = Stage(running, component, world, birth)
        except (ModuleRefused, wasmtime.WasmtimeError) as error:
            raise ModuleRejected(str(error)) from None
        self._offered = {one.label: one for one in world.offered}

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        try:
            offered = self._chosen(request.name)
            given = read_arguments(offered.signature, parse(request.arguments, max_depth=_ARGUMENT_DEPTH))
        except (Unfit, MalformedJson) as error:
            return _unfit(str(error))
        played = self._stage.play(request, offered, given)
        if played.ending is not Ending.RETURNED:
            return played.reply()
        return _answer(played, offered.signature.result, request.output_bytes)

    def _chosen(self, name: str) -> Offered:
        if name in self._offered:
            return self._offered[name]
        if len(self._offered) == 1:
            return next(iter(self._offered.values()))
        raise Unfit("the component has several functions and none of that name")


class WasiProgram:
    """A program of WASI preview 2: JSON on its standard input, its answer on standard output, an exit code.

    Raises: ModuleRejected.
    """

    def __init__(self, running: wasmtime.Engine, component: wasmtime_component.Component, birth: Birth) -> None:
        try:
            world = world_of(running, component)
            self._stage = Stage(running, component, world, birth)
            (self._run,) = world.offered
        except (ModuleRefused, ValueError, wasmtime.WasmtimeError) as error:
            raise ModuleRejected(str(error)) from None

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        output = Output(limit=request.output_bytes)
        played = self._stage.play(request, self._run, (), output=output)
        if output.over:
            return played.reply(ending=Ending.OUTPUT)
        failed = played.ending is Ending.RETURNED and played.value.name == "error"
        return played.reply(output=output.taken(), exit_code=_A_FAILURE if failed else 0)


class NearTool:
    """A tool of near:agent 0.3 or 0.4. `Request.name` is the capability that its context names.

    Raises: ModuleRejected.
    """

    def __init__(
        self,
        running: wasmtime.Engine,
        component: wasmtime_component.Component,
        birth: Birth,
        host: HostCalls,
    ) -> None:
        answers = NearHost(host).functions
        ours = {name: (signature, answers[name]) for name, signature in HOST.items()}
        try:
            world = world_of(running, component)
            names = [one.name for one in world.imports if NEAR_HOST.fullmatch(one.name)]
            interfaces = tuple(HostInterface(name=name, functions=ours) for name in names)
            self._stage = Stage(running, component, world, birth, interfaces)
            self._execute = execute_of(world)
            self._telling = telling_of(world)
        except (ModuleRefused, wasmtime.WasmtimeError) as error:
            raise ModuleRejected(str(error)) from None

    def run(self, request: Request) -> Reply:
        """One call; without a name it is asked what it is. Never raises for what a guest does."""
        if not request.name:
            return self._told(request)
        context = canonical({"capability_id": request.name}).decode("utf-8")
        given = {"params": request.arguments.decode("utf-8"), "context": Some(context)}
        played = self._stage.play(request, self._execute, (given,))
        if played.ending is not Ending.RETURNED:
            return played.reply()
        output, failed = _near_answer(self._execute.signature.result, played.value)
        return _sized(played, output, request.output_bytes, exit_code=_A_FAILURE if failed else 0)

    def _told(self, request: Request) -> Reply:
        said: dict[str, Json] = {}
        played = Played(ending=Ending.UNFIT, exit_code=0, fuel=0, log=b"", detail=b"it does not say what it is")
        for name, function in self._telling.items():
            played = self._stage.play(request, function, ())
            if played.ending is not Ending.RETURNED:
                return played.reply()
            said[name] = played.value
        return _sized(played, canonical(said), request.output_bytes, exit_code=0) if said else played.reply()


def _answer(played: Played, shape: Shape | None, limit: int) -> Reply:
    value, failed = played.value, False
    if isinstance(shape, Result):
        failed = value.name == "error"
        shape, value = (shape.error if failed else shape.ok), value.payload
    try:
        output = b"null" if shape is None else canonical(write(shape, value))
    except Unfit as error:
        return replace(played, detail=str(error).encode()).reply(ending=Ending.BROKE_ABI)
    return _sized(played, output, limit, exit_code=_A_FAILURE if failed else 0)


def _near_answer(shape: Shape | None, value: Value) -> tuple[bytes, bool]:
    """What `execute` answered as JSON, and whether it is a failure: `{"error": {kind, code, message}}`."""
    if shape == UNTYPED:
        if value["error"] is not None:
            return _failure("operation-failed", None, value["error"].payload), True
        output = value["output"]
        return _json_or_text("" if output is None else output.payload), False
    case: Case = value
    if case.name == "success":
        return _json_or_text(case.payload), False
    told = case.payload
    code, message = (None if told[name] is None else told[name].payload for name in ("code", "message"))
    return _failure(told["kind"], code, message), True


def _failure(kind: str, code: str | None, message: str | None) -> bytes:
    return canonical({"error": {"kind": kind, "code": code, "message": message}})


def _json_or_text(said: str) -> bytes:
    """*said* is to be JSON; where it is not, it is a text."""
    try:
        answer: Json = parse(said)
    except MalformedJson:
        answer = said
    return canonical(answer)


def _sized(played: Played, output: bytes, limit: int, *, exit_code: int) -> Reply:
    if len(output) > limit:
        return played.reply(ending=Ending.OUTPUT)
    return played.reply(output=output, exit_code=exit_code)


def _unfit(why: str) -> Reply:
    detail = cut(why.encode("utf-8", errors="replace"), DETAIL_CHARACTERS)
    return Reply(ending=Ending.UNFIT, exit_code=0, fuel=0, memory_bytes=0, cpu_us=0, output=b"", log=b"", detail=detail)
