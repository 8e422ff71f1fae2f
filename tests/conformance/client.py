"""The suite's client half: Holdfast as the client of whatever the suite stands up, driven as an agent host would.

    python -m tests.conformance.client URL

The suite starts this once for each scenario, with its name in the environment. A whole house is opened with one
upstream, everything it offers is approved, and each scenario is a few calls through the procedure.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from holdfast.contracts import HoldfastError, Json, Method, Principal, ToolCall, ToolName, ToolResult, ToolSpec
from holdfast.server.config import AuditSettings, PolicySettings, Settings
from holdfast.server.house import House, Opening, Proving, open_house
from holdfast.server.listening import Tools
from holdfast.server.principals import acting_as
from holdfast.server.upstream_settings import OAuthSettings, UpstreamSettings
from holdfast.server.verbs.calls import new_call_id

from .signing_in import oauth_of, put_secrets, signed_in, with_sign_ins

NAME = "suite"
WHO: Principal = acting_as("conformance")
TRANSPARENT = Path(__file__).with_name("transparent")
LEAN = Opening(proving=Proving.EACH_WORKER, builtins=frozenset())
"""None of our own tools, nor what they need: the suite calls its server's."""
CONTEXT: Mapping[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
EMPTY: Mapping[str, Json] = {
    "string": "x",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "object": {},
    "array": [],
}


class Host:
    """The agent host at the other end: it agrees to everything, with the defaults that it was given."""

    answers = frozenset({Method.ELICITATION, Method.SAMPLING, Method.ROOTS})
    wants_progress = True
    log_level = "debug"

    async def progress(self, done: float, total: float | None, message: str | None, /) -> None: ...

    async def log(self, level: str, logger: str | None, data: Json, /) -> None: ...

    async def ask(self, method: Method, params: Mapping[str, Json], /, *, key: str | None = None) -> Mapping[str, Json]:
        del key
        match method:
            case Method.ELICITATION:
                return {"action": "accept", "content": _defaults(params)}
            case Method.SAMPLING:
                return {"role": "assistant", "model": "none", "content": {"type": "text", "text": "a word"}}
            case _:
                return {"roots": []}


def _defaults(params: Mapping[str, Any]) -> dict[str, Json]:
    properties: Mapping[str, Any] = params.get("requestedSchema", {}).get("properties", {})
    given = {name: one["default"] for name, one in properties.items() if "default" in one}
    return given or {"confirmed": True}


class Driver:
    """What one scenario does with the house."""

    def __init__(self, house: House) -> None:
        self._tools = Tools(house)

    def listed(self) -> list[ToolSpec]:
        return [spec for spec in self._tools.visible(WHO) if getattr(spec.runtime, "server", None) == NAME]

    async def call(self, tool: str, arguments: Mapping[str, Json] | None = None) -> ToolResult:
        wanted = ToolCall(id=new_call_id(), tool=ToolName(tool), arguments=dict(arguments or {}))
        result = await self._tools.execute(wanted, WHO, line=Host())
        print(tool, result.status, result.reason, file=sys.stderr)  # the suite keeps it beside its results
        return result

    async def ask_for(self, method: Method, served: str, **arguments: Json) -> None:
        placed = self._tools.place(method, served)
        if placed is not None:
            name, own = placed
            await self.call(name, {("uri" if method is Method.RESOURCE else "name"): own, **arguments})

    def offers(self):
        return self._tools.offers(WHO)


Scenario = Callable[[Driver], Awaitable[None]]


def _filled(spec: ToolSpec) -> dict[str, Json]:
    properties: Any = spec.input_schema.get("properties", {})
    required: Any = spec.input_schema.get("required", [])
    return {name: EMPTY.get(properties.get(name, {}).get("type"), "x") for name in required}


async def listing(_driver: Driver) -> None:
    """Connecting and listing was the whole of it."""


async def adding(driver: Driver) -> None:
    await driver.call("add_numbers", {"a": 5, "b": 3})


async def calling_the_first(driver: Driver) -> None:
    for spec in driver.listed()[:1]:
        await driver.call(spec.name, _filled(spec))


async def calling_each(driver: Driver) -> None:
    for spec in driver.listed():
        await driver.call(spec.name, _filled(spec))


async def replaying(driver: Driver) -> None:
    """Make the calls that the suite hands over; an argument that is null is left out, as its schema wants."""
    names = {spec.name for spec in driver.listed()}
    for wanted in CONTEXT.get("toolCalls", []):
        if wanted["name"] in names:
            given = wanted.get("arguments") or {}
            await driver.call(wanted["name"], {name: one for name, one in given.items() if one is not None})


async def one_of_each(driver: Driver) -> None:
    await calling_the_first(driver)
    for resource in driver.offers().resources[:1]:
        await driver.ask_for(Method.RESOURCE, resource.uri)
    for prompt in driver.offers().prompts[:1]:
        await driver.ask_for(Method.PROMPT, prompt.name)


def calls(*names: str) -> Scenario:
    async def scenario(driver: Driver) -> None:
        for name in names:
            await driver.call(name)

    return scenario


SCENARIOS: Mapping[str, Scenario] = {
    "initialize": listing,
    "json-schema-ref-no-deref": listing,
    "tools_call": adding,
    "request-metadata": adding,
    "sse-retry": calls("test_reconnection"),
    "elicitation-sep1034-client-defaults": calls("test_client_elicitation_defaults"),
    "sep-2322-client-request-state": calls(
        "test_mrtr_echo_state", "test_mrtr_unrelated", "test_mrtr_no_state", "test_mrtr_no_result_type"
    ),
    "http-standard-headers": one_of_each,
    "http-invalid-tool-headers": calling_each,
    "http-custom-headers": replaying,
}


def entry(url: str, oauth: OAuthSettings | None = None) -> UpstreamSettings:
    return UpstreamSettings(name=NAME, url=url, prefix="none", asks=("elicitation", "sampling", "roots"), oauth=oauth)


async def signing_in(house: House) -> None:
    """Set the secrets, have somebody sign in, approve what is there then, and call with whatever it takes."""
    await put_secrets(house, CONTEXT)
    if "authorization_code" in str(house.settings.upstreams[0].oauth):
        await signed_in(house, NAME)
    with contextlib.suppress(HoldfastError):
        await house.upstreams.diff(NAME)
        await house.upstreams.approve(NAME, ())
    driver = Driver(house)
    for spec in driver.listed()[:1]:
        await with_sign_ins(house, NAME, partial(driver.call, spec.name, _filled(spec)))


async def main(url: str) -> None:
    """Run the scenario that the environment names against *url*."""
    name = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    scenario = SCENARIOS.get(name, calling_the_first)
    oauth = await oauth_of(name, CONTEXT, url)
    settings = Settings(
        policy=PolicySettings(dir=TRANSPARENT, profile="autonomous"),
        audit=AuditSettings(durability="process"),
        upstreams=(entry(url, oauth),),
    )
    with tempfile.TemporaryDirectory(prefix="conformance-client-") as folder:
        async with open_house(settings, Path(folder), LEAN) as house:
            if oauth is not None:
                await signing_in(house)
                return
            with contextlib.suppress(Exception):  # what cannot be approved cannot be called, and the suite sees it
                await house.upstreams.approve(NAME, ())
            await scenario(Driver(house))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
