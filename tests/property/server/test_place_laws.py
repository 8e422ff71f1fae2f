"""Laws of places: what overlaps in the database overlaps by the definition, and nothing that is cut covers less."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.contracts import CallId, Label, Place, SessionId, TenantId, ToolName
from holdfast.server.store import Places, Store
from holdfast.server.store.place_keys import MAX_KEY_BYTES, above, coarser, fitting

SEGMENTS = st.sampled_from(["a", "b", "ab", "a0", "a.", "A", "é", "%", "_", "\U0001f642", "\uffff"])
KEYS = st.builds(
    lambda segments, wild: "/".join([*segments, *(["*"] if wild or not segments else [])]),
    st.lists(SEGMENTS, max_size=4),
    st.booleans(),
)
PLACES = st.builds(Place, st.sampled_from(["file", "upstream:m"]), KEYS)
ACME = TenantId("acme")


def covers(one: Place, other: Place) -> bool:
    if one.space != other.space:
        return False
    if one.key in (other.key, "*"):
        return True
    return one.key.endswith("/*") and other.key.startswith(one.key[:-1])


def overlap(one: Place, other: Place) -> bool:
    return covers(one, other) or covers(other, one)


async def _learned(written: list[Place], asked: list[Place]) -> bool:
    store = await Store.open("sqlite://", key=bytes(32))
    places = Places(store)
    await places.mark(
        ACME,
        written,
        frozenset({Label.PRIVATE}),
        call_id=CallId("c"),
        tool=ToolName("t"),
        session=SessionId("s"),
    )
    found = await places.labels(ACME, asked)
    state = await places.state(ACME, asked)
    carried = await places.carried(ACME, asked)
    empty = await places.state(ACME, ())
    await store.close()
    assert bool(found) == bool(carried) == (state != empty)
    return bool(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=5), st.lists(PLACES, min_size=1, max_size=5))
def test_the_database_overlaps_as_the_definition_does(written: list[Place], asked: list[Place]) -> None:
    expected = any(overlap(one, other) for one in written for other in asked)

    assert asyncio.run(_learned(written, asked)) == expected


@given(st.lists(st.text(max_size=400), min_size=1, max_size=8).map("/".join))
def test_a_key_that_fits_covers_what_was_given(key: str) -> None:
    place = Place("file", key)

    kept = fitting(place)

    assert len(kept.key.encode()) <= MAX_KEY_BYTES
    assert covers(kept, place)
    assert fitting(kept) == kept


@given(st.frozensets(PLACES.filter(lambda place: place.space == "file"), max_size=8), st.integers(1, 4))
def test_fewer_places_cover_no_less(places: frozenset[Place], most: int) -> None:
    kept = coarser(places, most)

    assert len(kept) <= most
    assert all(any(covers(one, place) for one in kept) for place in places)
    assert kept == places or len(places) > most


@given(KEYS)
def test_what_is_above_a_key_covers_it(key: str) -> None:
    assert all(covers(Place("file", one), Place("file", key)) for one in above(key))
