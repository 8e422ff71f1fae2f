"""Labels of places: what a labelled session writes keeps its labels, for everybody, for ever."""

import asyncio

import pytest
from sqlalchemy import func, insert, select
from structlog.testing import capture_logs

from holdfast.contracts import CallId, Label, Place, SessionId, TenantId, ToolName
from holdfast.server.store import Places, Store, places, schema

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
PRIVATE, UNTRUSTED, CLEAN = frozenset({Label.PRIVATE}), frozenset({Label.UNTRUSTED}), frozenset[Label]()


def file(key):
    return Place("file", key)


@pytest.fixture
def kept(store, clock):
    return Places(store, clock=clock)


@pytest.fixture
def mark(kept, clock):
    async def write(*keys, labels=PRIVATE, call="c1", tenant=ACME, space="file", desk=kept, **named):
        clock.now += 1
        await desk.mark(
            tenant,
            [Place(space, key) for key in keys],
            labels,
            call_id=CallId(call),
            tool=ToolName("file_write"),
            session=SessionId("s1"),
            **named,
        )

    return write


@pytest.fixture
def settle(kept):
    async def replace(provisional, exact, *, labels=CLEAN, call="c1"):
        await kept.settle(
            ACME,
            call_id=CallId(call),
            provisional=[file(key) for key in provisional],
            exact=[file(key) for key in exact],
            labels=labels,
            tool=ToolName("file_write"),
            session=SessionId("s1"),
        )

    return replace


async def test_what_was_written_is_read_with_its_labels_in_any_process(kept, mark, clock, tmp_path, store):
    await mark("notes/a")

    other = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    there = Places(other, clock=clock)
    assert await there.labels(ACME, [file("notes/a")]) == PRIVATE
    await mark("notes/a", labels=UNTRUSTED, desk=there)
    await other.close()

    assert await kept.labels(ACME, [file("notes/a")]) == PRIVATE | UNTRUSTED


async def test_labels_of_a_place_only_grow(kept, mark):
    await mark("a", labels=PRIVATE)
    await mark("a", labels=UNTRUSTED)
    await mark("a", labels=CLEAN)

    assert await kept.labels(ACME, [file("a")]) == PRIVATE | UNTRUSTED


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a/b", "a/b"),
        ("a/b", "a/*"),
        ("a/b", "*"),
        ("a/b/c", "a/*"),
        ("a/*", "a/b"),
        ("a/*", "a/b/c"),
        ("a/*", "a/b/*"),
        ("a/b/*", "a/*"),
        ("*", "a/b"),
        ("*", "*"),
        ("a/*", "a/*"),
    ],
)
async def test_places_that_overlap_share_labels(kept, mark, written, read):
    await mark(written)

    assert await kept.labels(ACME, [file("other"), file(read)]) == PRIVATE


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a/b", "a"),
        ("a/b", "a/bc"),
        ("a/b", "a/b/c"),
        ("a/b", "b/*"),
        ("ab", "a/*"),
        ("a0", "a/*"),
        ("a.b", "a/*"),
        ("a/*", "a"),
        ("a/*", "ab/c"),
        ("a/b%", "a/bx"),
        ("a_b/c", "axb/*"),
        ("A/b", "a/*"),
    ],
)
async def test_places_that_do_not_overlap_share_nothing(kept, mark, written, read):
    await mark(written)

    assert await kept.labels(ACME, [file(read)]) == CLEAN


async def test_spaces_and_tenants_share_nothing(kept, mark):
    await mark("a")

    assert await kept.labels(ACME, [Place("upstream:mail", "a"), Place("upstream:mail", "*")]) == CLEAN
    assert await kept.labels(TenantId("other"), [file("*")]) == CLEAN
    assert await kept.labels(ACME, []) == CLEAN


async def test_labels_of_many_places_are_one_statement(kept, mark, store):
    await mark("a", "b/*")
    await mark("m1", labels=UNTRUSTED, space="upstream:mail")
    before = store.statements

    asked = [file("a"), file("b/c/d"), Place("upstream:mail", "*"), Place("upstream:chat", "x/*")]
    assert await kept.labels(ACME, asked) == PRIVATE | UNTRUSTED

    assert store.statements == before + 1


async def test_a_question_about_very_many_places_is_still_answered(kept, mark):
    await mark("a/7/b")

    assert await kept.labels(ACME, [file(f"a/{n}/*") for n in range(3000)]) == PRIVATE
    assert await kept.labels(ACME, [file(f"a/{n}/b") for n in range(30_000)]) == PRIVATE


async def test_a_key_that_is_too_long_is_kept_as_what_is_above_it(kept, mark):
    await mark("a/" + "b" * 1100 + "/c")

    assert await kept.labels(ACME, [file("a/x")]) == PRIVATE
    assert await kept.labels(ACME, [file("a/" + "b" * 1100 + "/d")]) == PRIVATE
    assert await kept.labels(ACME, [file("b")]) == CLEAN


@pytest.mark.parametrize("key", ["x\0y", "x\ud800", "é" * 600, "y" * 1025])
async def test_a_key_that_no_database_takes_is_the_whole_space(kept, mark, key):
    await mark(key)

    assert await kept.labels(ACME, [file("a")]) == PRIVATE
    assert await kept.labels(ACME, [file(key)]) == PRIVATE


async def test_marks_made_at_once_all_count(kept, mark, clock, tmp_path, store):
    other = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    there = Places(other, clock=clock)

    await asyncio.gather(
        *(
            mark("a", labels=labels, desk=desk, call=f"c{n}")
            for n in range(10)
            for labels in (PRIVATE, UNTRUSTED)
            for desk in (kept, there)
        )
    )
    await other.close()

    (one,) = await kept.list(ACME)
    assert (one.labels, one.writes) == (PRIVATE | UNTRUSTED, 40)


async def test_a_call_marks_widely_until_its_answer_tells(kept, mark, settle):
    await mark("draft/*", provisional=True)
    assert await kept.labels(ACME, [file("draft/7")]) == PRIVATE
    assert [one.unsettled for one in await kept.list(ACME)] == ["c1"]

    await settle(["draft/*"], ["draft/7"])

    assert await kept.labels(ACME, [file("draft/7")]) == PRIVATE
    assert await kept.labels(ACME, [file("draft/8")]) == CLEAN
    assert [(one.place, one.unsettled) for one in await kept.list(ACME)] == [(file("draft/7"), None)]


async def test_settling_one_call_leaves_the_marks_of_another(kept, mark, settle):
    await mark("draft/*", provisional=True, call="c1")
    await mark("draft/*", provisional=True, call="c2", labels=UNTRUSTED)

    await settle(["draft/*"], ["draft/7"], call="c1")

    assert await kept.labels(ACME, [file("draft/8")]) == UNTRUSTED


async def test_a_wide_mark_that_is_not_provisional_stays(kept, mark, settle):
    await mark("draft/*")
    await mark("draft/*", provisional=True)

    await settle(["draft/*"], ["draft/7"])

    assert await kept.labels(ACME, [file("draft/8")]) == PRIVATE


async def test_a_crash_before_settling_leaves_the_wide_mark(mark, clock, tmp_path, store):
    await mark("draft/*", provisional=True)
    await store.close()

    after = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    assert await Places(after, clock=clock).labels(ACME, [file("draft/8")]) == PRIVATE
    await after.close()


async def test_what_was_learned_meanwhile_is_settled_too(kept, mark, settle):
    await mark("draft/*", provisional=True)

    await settle(["draft/*"], ["draft/7"], labels=UNTRUSTED)

    assert await kept.labels(ACME, [file("draft/7")]) == PRIVATE | UNTRUSTED


async def test_a_call_that_wrote_nothing_leaves_no_mark(kept, mark, settle, store):
    await mark("draft/*", provisional=True)

    await settle(["draft/*"], [], labels=PRIVATE)

    assert await kept.list(ACME) == ()
    assert not await store.rows(select(schema.place_writes))


async def test_settling_never_takes_labels_off_an_exact_place(kept, mark, settle):
    await mark("draft/7", labels=UNTRUSTED)
    await mark("draft/*", provisional=True)

    await settle(["draft/*"], ["draft/7"])

    assert await kept.labels(ACME, [file("draft/7")]) == PRIVATE | UNTRUSTED


async def test_what_is_carried_along_is_told_newest_first(kept, mark):
    await mark("branch/a", call="c1")
    await mark("branch/b", call="c2", labels=UNTRUSTED)
    await mark("branch/a", call="c3")
    await mark("issue/a", call="c4")

    carried = await kept.carried(ACME, [file("branch/*")])

    assert [one.call_id for one in carried] == ["c3", "c2", "c1"]
    assert (carried[1].place, carried[1].labels, carried[1].tool) == (file("branch/b"), UNTRUSTED, "file_write")
    assert [one.call_id for one in await kept.carried(ACME, [file("branch/b")])] == ["c2"]
    assert await kept.carried(ACME, []) == ()


async def test_each_further_labelled_write_changes_the_state(kept, mark, settle):
    states = [await kept.state(ACME, [file("branch/a")])]
    assert states[0] == await kept.state(ACME, ())
    for labels in (PRIVATE, PRIVATE, UNTRUSTED):
        await mark("branch/a", labels=labels)
        states.append(await kept.state(ACME, [file("branch/a")]))
    await mark("branch/*", provisional=True)
    states.append(await kept.state(ACME, [file("branch/a")]))
    for n in range(places.WRITES_SHOWN):
        await mark("branch/a", call=f"c{n}")
    states.append(await kept.state(ACME, [file("branch/a")]))

    assert len(set(states)) == len(states)
    await mark("issue/a")
    await mark("branch/a", labels=CLEAN)
    assert await kept.state(ACME, [file("branch/a")]) == states[-1]


async def test_only_the_newest_writes_of_a_place_are_remembered(kept, mark, store):
    for n in range(places.WRITES_KEPT + 5):
        await mark("a", call=f"c{n}")

    carried = await kept.carried(ACME, [file("a")])

    assert [one.call_id for one in carried] == [f"c{n}" for n in range(places.WRITES_KEPT + 4, 4, -1)]
    assert (await kept.list(ACME))[0].writes == places.WRITES_KEPT + 5


async def test_an_operator_clears_a_place_and_what_is_below(kept, mark, store):
    await mark("a/b", "a/c/d", "ab")

    assert await kept.clear(ACME, file("a/*")) == 2
    assert await kept.clear(TenantId("other"), file("*")) == 0

    assert [one.place for one in await kept.list(ACME)] == [file("ab")]
    assert len(await store.rows(select(schema.place_writes))) == 1
    assert await kept.clear(ACME, file("*")) == 1
    assert await kept.list(ACME) == ()


async def test_the_list_is_the_newest(kept, mark):
    for key in "abc":
        await mark(key)

    assert [one.place.key for one in await kept.list(ACME, 2)] == ["c", "b"]


async def test_of_a_call_that_writes_very_much_whole_folders_are_marked(kept, mark):
    await mark("readme", *(f"repo/src/{n}/x" for n in range(places.MAX_AT_ONCE)))

    assert {one.place.key for one in await kept.list(ACME)} == {"readme", "repo/src/*"}


async def test_a_mark_of_whole_folders_is_settled_too(kept, mark, settle):
    many = [f"repo/src/{n}/x" for n in range(places.MAX_AT_ONCE + 1)]
    await mark(*many, provisional=True)

    await settle(many, ["repo/src/1/x"])

    assert [one.place.key for one in await kept.list(ACME)] == ["repo/src/1/x"]


async def test_a_full_space_is_marked_as_a_whole(kept, mark, store, settle):
    row = {"tenant": "acme", "space": "file", "call": "", "labels": "untrusted", "writes": 1, "at": 0.0}
    full = [row | {"id": str(n), "key": f"full/{n}"} for n in range(places.MAX_PLACES)]

    async def fill(connection):
        await connection.execute(insert(schema.places), full)

    await store.transact(fill)
    with capture_logs() as logs:
        await mark("one/more", provisional=True)
    await settle(["one/more"], ["one/more"])

    assert [one["event"] for one in logs] == ["places_full"]
    assert await kept.labels(ACME, [file("anything")]) == PRIVATE
    assert await kept.labels(ACME, [Place("upstream:mail", "anything")]) == CLEAN
    counted = await store.rows(select(func.count().label("n")).select_from(schema.places))
    assert counted[0]["n"] == places.MAX_PLACES + 1
