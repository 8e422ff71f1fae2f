"""What operators decide beside single approvals: leases against the policies there are, reopening, labels of places."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import InvalidRequest, NotFound, Place
from holdfast.server.audit import tail
from holdfast.server.config import PolicySettings, Settings
from holdfast.server.house import House, open_house
from holdfast.server.verbs import run_verb
from holdfast.server.verbs.labels import place_of

pytestmark = pytest.mark.anyio
POLICIES = Path(__file__).parents[3] / "policies"
OWN = """
@id("always-ask")
@reason("somebody looks at each of these")
@approval("always")
forbid (principal, action == Action::"echo", resource) when { principal.subject == "parrot" };

@id("lease-only")
@reason("this needs a lease")
@approval("lease")
forbid (principal, action == Action::"echo", resource) when { principal.subject == "crow" };
"""
LEASE = {
    "tool": "echo",
    "principal": "agent",
    "arguments": {"text": {"like": "*"}},
    "forbids": ["lease-only"],
    "count": 1,
    "ttl_s": 60,
}


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("desks")
    shutil.copytree(POLICIES, folder / "policies")
    (folder / "policies" / "local.cedar").write_text(OWN)
    async with open_house(Settings(policy=PolicySettings(dir=folder / "policies")), folder / "data") as one:
        yield one


def newest(house: House) -> dict[str, object]:
    return dict(tail(house.data.audit / house.audit.chain.name, 1)[0])


async def test_level_always_is_a_floor_that_no_lease_lifts(house: House):
    made = await run_verb(house, "leases.add", LEASE)
    for forbids in (["always-ask"], ["always-ask", "lease-only"]):
        with pytest.raises(InvalidRequest, match="no lease lifts"):
            await run_verb(house, "leases.add", {**LEASE, "forbids": forbids})

    listed = await run_verb(house, "leases.list", {})

    assert [one["id"] for one in listed] == [made["id"]]
    assert made["definition"] == str(house.registry.get("echo").digest)


async def test_a_lease_is_on_the_record_without_its_arguments(house: House):
    made = await run_verb(house, "leases.add", {**LEASE, "arguments": {"text": "a word that is nobody's business"}})
    record = newest(house)
    ended = await run_verb(house, "leases.revoke", {"id": made["id"]})

    assert (record["kind"], record["id"], record["decision"]) == ("lease", made["id"], "made")
    assert (record["by"], record["principal"], record["tool"]) == ("operator", "agent", "echo")
    assert "business" not in str(record)
    assert ended["revoked_at"] is not None
    assert newest(house)["decision"] == "revoked"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": ""},
        {"principal": ""},
        {"tool": ""},
        {"forbids": []},
        {"forbids": "lease-only"},
        {"count": 0},
        {"ttl": 1},
    ],
)
async def test_a_lease_with_a_wrong_field_is_refused(house: House, wrong: dict[str, object]):
    with pytest.raises(InvalidRequest):
        await run_verb(house, "leases.add", LEASE | wrong)


async def test_a_lease_that_is_not_there_is_not_revoked(house: House):
    with pytest.raises(NotFound):
        await run_verb(house, "leases.revoke", {"id": "l_0"})


async def test_reopening_is_on_the_record(house: House):
    await run_verb(house, "approvals.reopen", {"principal": "agent"})

    record = newest(house)
    assert (record["kind"], record["decision"], record["principal"], record["by"]) == (
        *("approval", "reopened", "agent", "operator"),
    )


async def test_clearing_what_has_no_labels_is_not_found_and_not_on_the_record(house: House):
    before = house.audit.chain.head.seq

    with pytest.raises(NotFound):
        await run_verb(house, "labels.clear", {"place": "file:nothing"})

    assert house.audit.chain.head.seq == before


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("file:a/b.txt", Place("file", "a/b.txt")),
        ("file:A//./b.TXT", Place("file", "a/b.txt")),
        ("file:*", Place("file", "*")),
        ("file:inbox/*", Place("file", "inbox/*")),
        ("host:a.example", Place("host", "a.example")),
        ("upstream:git:branch/main", Place("upstream:git", "branch/main")),
        ("upstream:git:*", Place("upstream:git", "*")),
        ("upstream:mail:draft/a:b", Place("upstream:mail", "draft/a:b")),
    ],
)
def test_a_place_is_read_as_it_is_listed(written: str, place: Place):
    assert place_of(written) == place
    assert place_of(str(place)) == place


@pytest.mark.parametrize("written", ["file", "file:", ":a", "upstream:git", "upstream::a", "upstream:git:", "abc"])
def test_what_names_no_place_is_refused(written: str):
    with pytest.raises(InvalidRequest, match="`place`"):
        place_of(written)
