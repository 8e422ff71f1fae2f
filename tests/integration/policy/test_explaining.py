"""`holdfast explain`: a live call, a recorded one by its id, and calls written as cases; secrets are never repeated."""

import json

import pytest

from holdfast.server.accounts import accounts_of_cases
from holdfast.server.assembly import builtin_specs
from holdfast.server.verbs import run_verb
from tests.keys.world import World, opened

from .conftest import policies_in
from .test_recording import READS_TEXT, TOKEN

pytestmark = pytest.mark.anyio
SHORT = READS_TEXT + (
    '@id("no-secrets-here") @reason("r") forbid (principal, action == Action::"echo", resource)\n'
    'when { context.facts.leaks > 0 && context.input.text like "it is*" };\n'
)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("explaining")
    policies_in(folder, SHORT)
    async with opened(folder, '[policy]\ndir = "policies"\nrecord = "redacted"') as house:
        yield house


async def test_a_live_call_is_explained_and_a_secret_in_it_is_not_repeated(world: World) -> None:
    said = await run_verb(world.house, "explain", {"tool": "echo", "arguments": {"text": f"it is {TOKEN}"}})

    assert isinstance(said, dict)
    assert said["policy"]["decision"] == "deny"
    assert "no-secrets-here" in {one["id"] for one in said["policy"]["rules"]}
    assert said["policy"]["line"]["left_out"] == ["text"], said
    assert TOKEN.casefold() not in json.dumps(said).casefold()


async def test_a_recorded_call_is_explained_by_its_id_under_the_policies_of_now(world: World) -> None:
    loud = await world.call("echo", {"text": "LOUD"}, who="someone")

    said = await run_verb(world.house, "policy.recorded", {"call": loud.call_id})

    assert isinstance(said, dict)
    assert (said["then"]["decision"], said["policy"]["decision"]) == ("deny", "deny")
    assert "no-shouting" in {one["id"] for one in said["policy"]["rules"]}
    assert any("if the argument `text` is" in one for one in said["policy"]["says"])

    hidden = await world.call("echo", {"text": TOKEN}, who="someone")
    said = await run_verb(world.house, "policy.recorded", {"call": hidden.call_id})
    assert isinstance(said, dict)
    assert said["policy"]["hidden"] == ["input.text"]


def test_calls_in_a_file_are_explained_without_a_server(world: World) -> None:
    files, specs = world.house.policies.files, builtin_specs()
    text = "cases:\n- {call: echo, with: {text: LOUD}}\n- {name: quiet, call: echo, with: {text: x}}\n"
    found = accounts_of_cases(text, "calls.yaml", files, profile="supervised", specs=specs)
    assert [(name, said["decision"]) for name, said in found] == [("call 1", "deny"), ("quiet", "allow")]

    alone = '{"call": "echo", "with": {"text": "LOUD"}}'
    one = accounts_of_cases(alone, "-", files, profile="readonly", specs=specs)
    assert [said["decision"] for _, said in one] == ["deny"]
