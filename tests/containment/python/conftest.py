"""The real interpreter in real confined workers: built from its sources once, and kept in the user's cache."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from holdfast.contracts import (
    Authorized,
    Builtin,
    CallId,
    Completed,
    Digest,
    Grants,
    Json,
    Outcome,
    Principal,
    Reason,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import PYTHON
from holdfast.sandbox.wasm.abi import PYTHON as ABI
from holdfast.sandbox.wasm.interpreter.running import Interpreter
from holdfast.sandbox.wasm.interpreter.sessions import SessionBounds
from holdfast.sandbox.wasm.interpreter.source_tools import SourceTools
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import open_interpreter


@dataclass
class Sealed:
    """One interpreter, and how to run programs in it."""

    runtime: WasmRuntime
    interpreter: Interpreter

    async def run(
        self,
        code: str,
        *,
        given: Json = None,
        files: Mapping[str, bytes] | None = None,
        tenant: str = "one",
        **limits: int,
    ) -> Outcome:
        return await self.interpreter.run(
            code, given=given, files=files or {}, tenant=TenantId(tenant), limits=replace(PYTHON, **limits)
        )

    async def said(self, code: str, **more) -> dict:
        """The structured answer of a program that ended by itself."""
        outcome = await self.run(code, **more)
        assert isinstance(outcome, Completed), outcome
        assert isinstance(outcome.structured, dict)
        return outcome.structured

    async def value(self, code: str, **more) -> Json:
        """The JSON value of the program's last expression."""
        said = await self.said(code, **more)
        assert "error" not in said, said["error"]["traceback"]
        return said["value"]["json"]


def authorized(
    spec: ToolSpec,
    *,
    arguments: Mapping[str, Json] | None = None,
    tenant: str = "one",
    subject: str = "agent",
    session: str = "s",
    depth: int = 0,
    **limits: int,
) -> Authorized:
    """A call as a gate would have let it through."""
    principal = Principal(subject=subject, tenant=TenantId(tenant), scopes=frozenset({Scope.CALL}))
    kept = Session(id=SessionId(session), principal=subject, tenant=TenantId(tenant), labels=frozenset())
    fields = {"call_id": CallId("c"), "spec": spec, "arguments": arguments or {}, "depth": depth}
    return mint({**fields, "principal": principal, "session": kept, "limits": replace(spec.limits, **limits)})


@dataclass
class Programs:
    """An interpreter that keeps sessions, and how to run programs in them."""

    runtime: WasmRuntime
    interpreter: Interpreter

    async def run(self, code: str, *, keep: bool = True, **more) -> Outcome:
        spec = ToolSpec(
            name=ToolName("python"),
            description="p",
            input_schema={"type": "object"},
            effects=frozenset(),
            runtime=Builtin(),
            limits=PYTHON,
        )
        call = authorized(spec, **more)
        tenant = call.principal.tenant
        return await self.interpreter.run(
            code, given=None, files={}, tenant=tenant, limits=call.limits, call=call, keep=keep
        )

    async def said(self, code: str, **more) -> dict:
        outcome = await self.run(code, **more)
        assert isinstance(outcome, Completed), outcome
        return outcome.structured


@dataclass
class Texts:
    """A runtime whose tools are source text, and how to call them."""

    runtime: WasmRuntime
    modules: dict[Digest, bytes]

    async def described(self, source: str | bytes, file: str = "tool.py"):
        data = source if isinstance(source, bytes) else source.encode()
        return await self.runtime.describe(ABI, data, file=file)

    async def run(
        self, source: str, arguments: Mapping[str, Json] | None = None, *, grants: Grants | None = None, **more
    ) -> Outcome:
        digest = Digest.of(source.encode())
        self.modules[digest] = self.modules.get(digest, source.encode())
        spec = ToolSpec(
            name=ToolName(str(more.pop("name", "f"))),
            description="t",
            input_schema={"type": "object"},
            effects=frozenset(),
            runtime=Wasm(module=digest, abi=ABI),
            limits=PYTHON,
            grants=grants or Grants(),
        )
        return await self.runtime.run(authorized(spec, arguments=arguments, **more))

    async def value(self, source: str, arguments: Mapping[str, Json] | None = None, **more) -> Json:
        outcome = await self.run(source, arguments, **more)
        assert isinstance(outcome, Completed), outcome
        assert not outcome.is_error, outcome
        return outcome.structured


async def _opened(stack: AsyncExitStack, folder: Path, modules, workers: int, **sessions):
    runtime = WasmRuntime(modules, artifacts=folder / "native", bounds=PoolBounds(workers=workers))
    stack.push_async_callback(runtime.close)
    interpreter = open_interpreter(stack, runtime, None, sessions=SessionBounds(**sessions))
    assert not isinstance(interpreter, Reason), interpreter.message
    runtime.adopt(ABI, SourceTools(interpreter, extension=".py"))
    await interpreter.prepare()
    return runtime, interpreter


@pytest.fixture(scope="session")
async def sealed(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sealed]:
    async with AsyncExitStack() as stack:
        yield Sealed(*await _opened(stack, tmp_path_factory.mktemp("sealed"), {}.__getitem__, 2))


@pytest.fixture(scope="session")
async def texts(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Texts]:
    async with AsyncExitStack() as stack:
        modules: dict[Digest, bytes] = {}
        runtime, _ = await _opened(stack, tmp_path_factory.mktemp("texts"), modules.__getitem__, 2)
        yield Texts(runtime, modules)


@pytest.fixture
async def programs(anyio_backend: str, tmp_path: Path) -> AsyncIterator[Programs]:
    """An interpreter of the test's own: three sessions in all, two of one principal."""
    async with AsyncExitStack() as stack:
        yield Programs(*await _opened(stack, tmp_path, {}.__getitem__, 2, total=3, each=2))


@pytest.fixture
async def hasty(anyio_backend: str, tmp_path: Path) -> AsyncIterator[Programs]:
    """One whose sessions are idle after 50 ms."""
    async with AsyncExitStack() as stack:
        yield Programs(*await _opened(stack, tmp_path, {}.__getitem__, 2, idle_seconds=0.05))
