"""A set of policies is read again whole or not at all, and every record says which one judged."""

from dataclasses import replace

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.audit import tail
from holdfast.server.principals import OPERATOR, acting_as
from holdfast.server.store import Ruling
from tests.keys.world import World, code

from .conftest import forbid

pytestmark = pytest.mark.anyio


def records(world: World, kind: str) -> list[dict]:
    house = world.house
    return [one for one in tail(house.data.audit / house.audit.chain.name, 100) if one["kind"] == kind]


async def test_a_changed_file_judges_after_a_reload_and_every_record_names_its_set(world: World) -> None:
    own, before = world.folder / "policies" / "local.cedar", world.house.policies.current().digest
    own.write_text(forbid("no-parrot", "parrot"))
    assert code(await world.call("echo", {"text": "x"}, who="parrot")) == "ok"

    loaded = await world.house.desks.reloading.reload(by="test")

    assert (loaded.before, loaded.after) == (before, world.house.policies.current().digest)
    assert code(await world.call("echo", {"text": "x"}, who="parrot")) == "policy/no-parrot"
    assert [one["policy"] for one in records(world, "outcome")] == [str(before), str(loaded.after)]
    said = records(world, "policy")
    assert [(one["decision"], one["before"], one["after"]) for one in said] == [
        ("loaded", str(before), str(loaded.after))
    ]


@pytest.mark.parametrize("broken", ["permit (", forbid("no-x", "x").replace("subject", "subjekt"), '@id("a") permit'])
async def test_a_broken_set_is_refused_and_the_last_good_one_goes_on(world: World, broken: str) -> None:
    own = world.folder / "policies" / "local.cedar"
    own.write_text(forbid("no-parrot", "parrot"))
    good = (await world.house.desks.reloading.reload(by="test")).after
    own.write_text(broken)

    with pytest.raises(OperatorError, match=r"local\.cedar"):
        await world.house.desks.reloading.reload(by="test")

    assert world.house.policies.current().digest == good
    assert code(await world.call("echo", {"text": "x"}, who="parrot")) == "policy/no-parrot"
    assert records(world, "policy")[-1]["decision"] == "refused"


async def test_one_broken_profile_in_use_leaves_all_as_they_were(world: World) -> None:
    narrow = replace(acting_as("narrow"), profile="readonly")
    assert code(await world.call("echo", {"text": "x"}, who=narrow)) == "ok"
    good = world.house.policies.of(narrow).digest, world.house.policies.current().digest
    (world.folder / "policies" / "readonly" / "more.cedar").write_text("permit (")

    with pytest.raises(OperatorError, match=r"more\.cedar"):
        await world.house.desks.reloading.reload(by="test")

    assert (world.house.policies.of(narrow).digest, world.house.policies.current().digest) == good


async def test_a_set_loaded_for_other_tools_than_todays_is_not_adopted(world: World) -> None:
    policies = world.house.policies
    prepared = policies.prepare()
    policies.fit(world.house.registry.specs()[:-1])

    assert not policies.adopt(prepared)


async def test_what_was_asked_for_under_the_old_set_is_not_approved_by_it(world: World) -> None:
    own = world.folder / "policies" / "local.cedar"
    own.write_text(forbid("ask-parrot", "parrot", '@approval("operator")'))
    await world.house.desks.reloading.reload(by="test")
    asked = await world.call("echo", {"text": "x"}, who="parrot")
    assert asked.approval is not None
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)
    own.write_text(own.read_text() + forbid("no-other", "other"))

    await world.house.desks.reloading.reload(by="test")

    again = await world.call("echo", {"text": "x"}, who="parrot", approval=asked.approval.id)
    assert code(again) == "gate/approval-invalid"


async def test_what_nobody_thought_of_is_told_and_the_next_change_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of a kind that loading does not raise used to end the watching of the folder, in silence."""
    reloading = world.house.desks.reloading

    def broken() -> None:
        raise ValueError("with text of a file")

    with monkeypatch.context() as patch:
        patch.setattr(world.house.policies, "prepare", broken)
        await reloading._quietly("file")
    assert reloading.refused == "the folder could not be read (ValueError); `holdfast policy check` may say why"

    await reloading._quietly("file")
    assert reloading.refused is None
