"""What a server offers besides tools is listed, compared and served as its tools are, each list for itself."""

import pytest

from holdfast.contracts import Method, Offers, OperatorError, ToolError
from holdfast.sandbox.mcp import PinState, Prefix

pytestmark = pytest.mark.anyio

KEYS = ["echo", "prompt:review", "resource:memo:///readme", "template:memo:///docs/{page}", "instructions:"]


def states(house):
    return {entry.key: entry.state for entry in house.upstreams.status()[0].catalogue.entries}


async def test_every_kind_is_new_and_none_is_offered_until_it_is_approved(house):
    house.add_hostile("offers")
    await house.upstreams.refresh("evil")

    assert states(house) == dict.fromkeys(KEYS, PinState.NEW)
    assert house.upstreams.offers() == Offers()
    assert house.upstreams.specs() == ()
    assert house.upstreams.place(Method.PROMPT, "evil__review") is None


async def test_what_is_approved_is_offered_under_served_names_that_lead_to_its_server(house):
    house.add_hostile("offers")
    await house.approve_all()

    offers = house.upstreams.offers()

    assert [one.uri for one in offers.resources] == ["evil+memo:///readme"]
    assert [one.uri_template for one in offers.templates] == ["evil+memo:///docs/{page}"]
    assert [one.name for one in offers.prompts] == ["evil__review"]
    assert [spec.name for spec in house.upstreams.specs()] == [
        "evil__echo",
        "evil__resources__read",
        "evil__prompts__get",
        "evil__completion__complete",
    ]
    place = house.upstreams.place
    assert place(Method.RESOURCE, "evil+memo:///readme") == ("evil__resources__read", "memo:///readme")
    assert place(Method.RESOURCE, "evil+memo:///docs/a") == ("evil__resources__read", "memo:///docs/a")
    assert place(Method.PROMPT, "evil__review") == ("evil__prompts__get", "review")
    assert place(Method.COMPLETION, "evil__review") == ("evil__completion__complete", "review")
    assert place(Method.RESOURCE, "memo:///readme") is None
    assert place(Method.ELICITATION, "evil__review") is None


async def test_what_changes_is_withheld_and_the_rest_is_still_served(house):
    house.add_hostile("offers-change")
    await house.approve_all()

    await house.upstreams.refresh("evil")

    assert states(house) == {
        "echo": PinState.APPROVED,
        "prompt:review": PinState.CHANGED,
        "resource:memo:///readme": PinState.REMOVED,
        "resource:memo:///other": PinState.NEW,
        "template:memo:///docs/{page}": PinState.CHANGED,
        "instructions:": PinState.APPROVED,
    }
    assert house.upstreams.offers() == Offers()
    assert [spec.name for spec in house.upstreams.specs()] == ["evil__echo"]


async def test_a_call_of_a_tool_reads_no_other_list_again(house):
    house.add_hostile("offers-change")
    await house.approve_all()

    await house.call("evil__echo")

    assert states(house)["prompt:review"] is PinState.APPROVED


@pytest.mark.parametrize("kind", ["offers-endless-prompts", "offers-broken-prompts"])
async def test_a_list_that_cannot_be_read_hides_only_what_would_be_on_it(house, kind):
    house.add_hostile(kind)
    await house.approve_all()

    assert states(house)["prompt:*"] is PinState.QUARANTINED
    assert states(house)["echo"] is PinState.APPROVED
    assert house.upstreams.offers().prompts == ()
    assert len(house.upstreams.offers().resources) == 1


async def test_a_server_need_not_know_every_list(house):
    house.add_hostile("offers-no-templates")
    await house.approve_all()

    assert set(states(house).values()) == {PinState.APPROVED}
    assert house.upstreams.offers().templates == ()


async def test_a_server_without_a_prefix_cannot_offer_under_another_servers_name(house):
    house.add_hostile("offers", name="memo-other")
    house.add_hostile("offers-forges", name="forger", prefix=Prefix.NONE)
    await house.approve_all("memo-other")
    await house.approve_all("forger")

    uris = [one.uri for one in house.upstreams.offers().resources]

    assert uris == ["memo-other+memo:///readme"]
    assert house.upstreams.place(Method.RESOURCE, "memo-other+memo:///forged") is None


async def test_tools_that_cannot_be_listed_leave_nothing_to_serve(house):
    house.add_hostile("endless")

    with pytest.raises(ToolError):
        await house.upstreams.refresh("evil")

    assert house.upstreams.specs() == ()


@pytest.mark.parametrize("name", ["ma1l", "mai-l", "rnail"])
async def test_a_server_whose_name_reads_like_anothers_is_not_taken(house, name):
    house.add_hostile("fine", name="mail")

    with pytest.raises(OperatorError, match="reads like `mail`"):
        house.add_hostile("fine", name=name)


async def test_a_tool_that_reads_like_an_approved_one_of_another_server_is_neither_served_nor_approved(house):
    house.add_hostile("fine", name="good")
    await house.approve_all("good")
    house.add_hostile("look-alike", name="evil")
    diff = await house.upstreams.refresh("evil")

    assert diff.entry("Ech0").reason == "its name reads like `echo` of `good`"
    await house.approve_all("evil")

    assert [spec.name for spec in house.upstreams.specs()] == ["good__echo"]
