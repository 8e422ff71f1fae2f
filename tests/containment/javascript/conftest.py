"""The real interpreter in real confined workers: built from its sources once, and kept in the user's cache."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from holdfast.contracts import (
    Authorized,
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
from holdfast.contracts.limits import JAVASCRIPT
from holdfast.sandbox.wasm.abi import JAVASCRIPT as ABI
from holdfast.sandbox.wasm.interpreter.running import Interpreter
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import adopt, javascript_sources, open_interpreter


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
            code, given=given, files=files or {}, tenant=TenantId(tenant), limits=replace(JAVASCRIPT, **limits)
        )

    async def said(self, code: str, **more) -> dict:
        """The structured answer of a program that ended by itself."""
        outcome = await self.run(code, **more)
        assert isinstance(outcome, Completed), outcome
        assert isinstance(outcome.structured, dict)
        return outcome.structured

    async def value(self, code: str, **more) -> Json:
        """The JSON value of the program's last statement."""
        said = await self.said(code, **more)
        assert "error" not in said, said["error"]["traceback"]
        return said["value"]["json"]


@dataclass
class Texts:
    """A runtime whose tools are source text, and how to call them."""

    runtime: WasmRuntime
    modules: dict[Digest, bytes]

    async def described(self, source: str, file: str = "tool.js"):
        return await self.runtime.describe(ABI, source.encode(), file=file)

    async def run(
        self,
        source: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        grants: Grants | None = None,
        name: str = "f",
        tenant: str = "one",
        **limits: int,
    ) -> Outcome:
        digest = Digest.of(source.encode())
        self.modules.setdefault(digest, source.encode())
        spec = ToolSpec(
            name=ToolName(name),
            description="t",
            input_schema={"type": "object"},
            effects=frozenset(),
            runtime=Wasm(module=digest, abi=ABI),
            limits=JAVASCRIPT,
            grants=grants or Grants(),
        )
        return await self.runtime.run(authorized(spec, arguments or {}, tenant, **limits))

    async def value(self, source: str, arguments: Mapping[str, Json] | None = None, **more) -> Json:
        outcome = await self.run(source, arguments, **more)
        assert isinstance(outcome, Completed), outcome
        assert not outcome.is_error, outcome
        return outcome.structured


def authorized(spec: ToolSpec, arguments: Mapping[str, Json], tenant: str, **limits: int) -> Authorized:
    """A call as a gate would have let it through."""
    principal = Principal(subject="agent", tenant=TenantId(tenant), scopes=frozenset({Scope.CALL}))
    session = Session(id=SessionId("s"), principal="agent", tenant=TenantId(tenant), labels=frozenset())
    fields = {"call_id": CallId("c"), "spec": spec, "arguments": arguments, "depth": 0}
    return mint({**fields, "principal": principal, "session": session, "limits": replace(spec.limits, **limits)})


@pytest.fixture(scope="session")
async def texts(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Texts]:
    async with AsyncExitStack() as stack:
        modules: dict[Digest, bytes] = {}
        folder: Path = tmp_path_factory.mktemp("texts")
        runtime = WasmRuntime(modules.__getitem__, artifacts=folder / "native", bounds=PoolBounds(workers=2))
        stack.push_async_callback(runtime.close)
        interpreter = open_interpreter(stack, runtime, None, sources=javascript_sources, may_download=True)
        assert not isinstance(interpreter, Reason), interpreter.message
        adopt(runtime, ABI, interpreter)
        await interpreter.prepare()
        yield Texts(runtime, modules)


@pytest.fixture(scope="session")
async def sealed(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sealed]:
    async with AsyncExitStack() as stack:
        folder: Path = tmp_path_factory.mktemp("sealed")
        runtime = WasmRuntime({}.__getitem__, artifacts=folder / "native", bounds=PoolBounds(workers=2))
        stack.push_async_callback(runtime.close)
        interpreter = open_interpreter(stack, runtime, None, sources=javascript_sources, may_download=True)
        assert not isinstance(interpreter, Reason), interpreter.message
        await interpreter.prepare()
        yield Sealed(runtime, interpreter)
