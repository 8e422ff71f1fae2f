"""Labels follow what a guest is given and writes in the middle of its call."""

from dataclasses import replace

import pytest

from holdfast.contracts import Effect, Grants, Label, Place

from .conftest import b64

pytestmark = pytest.mark.anyio

PRIVATE, UNTRUSTED = Label.PRIVATE, Label.UNTRUSTED


async def test_what_a_stranger_answers_makes_the_session_untrusted(world):
    session = await world.session()
    guest = await world.guest(Grants(http=(world.far.grant(),)), session=session)

    assert (await guest.http(world.far.url())).ok

    assert await world.labels(session) == {UNTRUSTED}
    assert (await guest.http(world.far.url())).ok  # that it reads strangers is what it was judged with


async def test_what_a_labelled_session_writes_carries_its_labels(world):
    session = await world.session(PRIVATE)
    guest = await world.guest(Grants(workspace_write=("marked/",)), session=session)

    await guest.gets("workspace-write", path="marked/Plan.TXT", data=b64(b"x"))

    found = await world.house.state.places.labels(session.tenant, (Place("file", "marked/plan.txt"),))
    assert found == {PRIVATE}
    assert await world.house.state.places.labels(session.tenant, (Place("file", "marked/other"),)) == frozenset()


async def test_what_is_read_back_brings_its_labels(world):
    writer, reader = await world.session(UNTRUSTED), await world.session()
    grants = Grants(workspace_write=("there/",), workspace_read=("there/",))
    await (await world.guest(grants, session=writer)).gets("workspace-write", path="there/x", data="")

    await (await world.guest(grants, session=reader)).gets("workspace-read", path="there/x")

    assert await world.labels(reader) == {UNTRUSTED}


async def test_a_call_of_another_tool_is_made_as_the_caller_in_its_session_and_taught_labels_hold(world):
    session = await world.session()
    grants = Grants(tools=("file_read",), http=(world.far.grant(),))
    guest = await world.guest(grants, session=session)

    said = await guest.gets("tool-invoke", name="file_read", arguments={"path": "docs/a.txt"})

    assert said["status"] == "ok"
    assert "aaa" in said["text"]
    assert await world.labels(session) >= {PRIVATE}
    assert (await guest.http(world.far.url())).code == "flow/labels-grown"


async def test_a_stranger_s_word_from_another_tool_is_not_written_in_the_same_call(world):
    session = await world.session()
    grants = Grants(tools=("http_fetch",), workspace_write=("after/",))
    guest = await world.guest(grants, session=session)

    said = await guest.gets("tool-invoke", name="http_fetch", arguments={"url": world.far.url()})

    assert said["status"] == "ok", said
    assert await guest.refused("workspace-write", path="after/x", data="") == "flow/labels-grown"
    assert not (world.workspace / "after").exists()


async def test_a_tool_that_is_not_granted_or_not_there_is_not_called(world):
    guest = await world.guest(Grants(tools=("echo", "nosuch")))

    assert await guest.refused("tool-invoke", name="file_read", arguments={"path": "docs/a.txt"}) == "host/not-granted"
    said = await guest.gets("tool-invoke", name="nosuch", arguments={})
    assert (said["status"], said["reason"]["code"]) == ("denied", "tools/unknown")


async def test_arguments_are_judged_as_anybody_s(world):
    guest = await world.guest(Grants(tools=("echo",)))

    said = await guest.gets("tool-invoke", name="echo", arguments={"nothing": 1})

    assert said["status"] == "denied"
    assert said["reason"]["code"].startswith("validator/")


async def test_what_would_ask_is_refused_and_nobody_is_asked(world):
    session = await world.session(UNTRUSTED)
    guest = await world.guest(Grants(tools=("file_write",)), session=session)
    before = len(await world.house.approvals.list())

    said = await guest.gets("tool-invoke", name="file_write", arguments={"path": "other.txt", "content": "new"})

    assert (said["status"], said["reason"]["code"]) == ("denied", "flow/nested-asks")
    assert len(await world.house.approvals.list()) == before
    assert (world.workspace / "other.txt").read_text() == "not granted"


async def test_calls_are_nested_three_deep_and_counted(world):
    deep = await world.guest(Grants(tools=("echo",)), depth=3)
    assert await deep.refused("tool-invoke", name="echo", arguments={"text": "x"}) == "host/limit"

    guest = await world.guest(Grants(tools=("echo",)), depth=2)
    for _ in range(20):
        assert (await guest.gets("tool-invoke", name="echo", arguments={"text": "x"}))["status"] == "ok"
    assert await guest.refused("tool-invoke", name="echo", arguments={"text": "x"}) == "host/limit"


async def test_a_nested_call_has_its_own_records_that_name_the_one_above(world, tmp_path):
    guest = await world.guest(Grants(tools=("echo",)))

    await guest.gets("tool-invoke", name="echo", arguments={"text": "hello"})

    folder = world.house.data.audit
    records = "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert f'"by":"{guest.call.call_id}"' in records


async def test_a_nested_call_needs_no_room_of_its_own(world):
    """With every place taken by calls that wait for calls of theirs, a nested one still gets on."""
    admission = world.house.dispatcher._records.admission
    limit = admission._limits.in_flight
    guest = await world.guest(Grants(tools=("echo",)))
    held = [admission.room() for _ in range(limit + 1)]
    for one in held:
        one.__enter__()
    try:
        said = await guest.gets("tool-invoke", name="echo", arguments={"text": "x"})
    finally:
        for one in held:
            one.__exit__(None, None, None)

    assert said["status"] == "ok"


async def test_a_deadline_is_inherited(world):
    guest = await world.guest(Grants(tools=("http_fetch",)))
    guest = await world.guest(guest.call.spec.grants, limits=replace(guest.call.limits, wall_ms=400))

    said = await guest.gets("tool-invoke", name="http_fetch", arguments={"url": world.far.url("/slow")})

    assert said["status"] in {"error", "stopped"}


async def test_what_a_tool_reads_itself_is_learned_before_its_own_calls_are_judged(world):
    """Else it could put what it has read into the arguments of a call that is judged as if it had read nothing."""
    session = await world.session(tenant="reader")
    grants = Grants(workspace_read=("docs/",), tools=("http_fetch",))
    guest = await world.guest(grants, session=session, effects=frozenset({Effect.READ_PRIVATE}))
    await guest.gets("workspace-read", path="docs/a.txt")
    before = len(world.far.seen)

    said = await guest.gets("tool-invoke", name="http_fetch", arguments={"url": world.far.url("/?stolen=aaa")})

    assert (said["status"], said["reason"]["code"]) == ("denied", "flow/nested-asks")
    assert await world.labels(session) == {PRIVATE}
    assert len(world.far.seen) == before
