"""The example components do what they say, under the manifests beside them, in confined workers."""

from pathlib import Path

import pytest

from holdfast.contracts import Completed, Digest, ToolSpec
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.tools.manifest import load_manifest

from .components import KEPT, built_from
from .conftest import KEY, World, authorized

EXAMPLES = Path(__file__).parents[3] / "examples" / "tools"

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


@pytest.fixture
def world(raised) -> World:
    """A world whose artifacts are kept between runs."""
    return raised(KEPT / "native", KEY)


async def _served(world: World, name: str) -> dict[str, ToolSpec]:
    """The tools of an example, built and with the digest of what was built."""
    module = built_from(EXAMPLES / name)
    text = (EXAMPLES / name / "tool.toml").read_text(encoding="utf-8")
    manifest = load_manifest(text.replace(str(load_manifest(text).digest), str(Digest.of(module))))
    world.modules[manifest.digest] = module
    report = await world.runtime.prepare(manifest.digest)
    for spec in manifest.specs():
        check_fit(report, spec, said=manifest.said)
    return {spec.name: spec for spec in manifest.specs()}


async def test_the_component_example_counts_and_says_what_is_wrong(world):
    tools = await _served(world, "numbers_component")

    async def call(name, **arguments):
        return await world.runtime.run(authorized(tools[name], arguments, "one", None))

    summary = await call("numbers_summarize", numbers=[1, 2, 3, 4.5])
    assert (summary.structured["count"], summary.structured["mean"], summary.structured["median"]) == (4, 2.625, 2.5)
    assert (await call("numbers_summarize", numbers=[1])).structured["deviation"] is None
    bins = await call("numbers_histogram", numbers=[0, 1, 2, 10], bins=2)
    assert [one["count"] for one in bins.structured] == [3, 1]
    empty = await call("numbers_summarize", numbers=[])
    assert empty.is_error
    assert empty.content[0].text == "there are no numbers"


async def test_the_near_agent_example_fails_by_type_where_nothing_can_be_reached(world):
    tools = await _served(world, "page_title_near")
    outcome = await world.runtime.run(authorized(tools["page_title"], {"url": "https://www.example.com/"}, "one", None))
    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.structured["error"]["kind"] == "network-denied"
