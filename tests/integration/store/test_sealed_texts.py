"""What calls were given, answered and said is in no file as it was, and opens in its place alone."""

import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, String, Text, select, update

from holdfast.contracts import (
    CallId,
    Digest,
    IntegrityError,
    Label,
    Place,
    SessionId,
    Source,
    TenantId,
    ToolName,
)
from holdfast.server.store import (
    Approvals,
    Idempotency,
    Kept,
    Leases,
    Places,
    Replayed,
    Ruling,
    Sessions,
    Store,
    digest_arguments,
    schema,
)
from holdfast.server.store.sealed_texts import SEALED

pytestmark = pytest.mark.anyio

SECRET = "sk-live-" + "Zq7x" + "Kd93mWv1" * 2
ARGUMENTS = {"path": "a", "content": f"token = {SECRET}"}
TENANT = TenantId("acme")
ONE = Digest.of(b"one")

IN_CLEAR = {
    "approvals.forbids": "names of policies",
    "leases.forbids": "names of policies",
    "sources.places": "which places were read: asked for by their beginning, as `places.key` is",
    "tools.manifest": "an operator's text, read with the module it describes; secrets stand in it by name",
    "tools.reason": "an operator's own words",
    "tools.signature": "public",
    "upstreams.entry": "an operator's row; secrets stand in it by name",
    "pins.definition": "what an upstream says of itself to everybody",
    **{
        f"{name}.{column}": "sealed by itself"
        for name in ("secrets", "upstream_tokens", "decision_inputs", "decision_tools")
        for column in ("nonce", "sealed")
    },
}
"""Columns of any length that are not sealed by `SEALED`, and why."""


def everywhere(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def asked(approvals, principal):
    return await approvals.create(
        principal=principal(),
        call_id=CallId("c1"),
        session=SessionId("s1"),
        lineage=SessionId("s1"),
        tool=ToolName("file_write"),
        definition=ONE,
        policy=ONE,
        arguments=ARGUMENTS,
        digest=digest_arguments(ARGUMENTS),
        forbids=("no-writes",),
        labels=frozenset({Label.UNTRUSTED}),
        level="supervised",
        references=({"path": SECRET, "digest": "x"},),
        references_digest=ONE,
        carried=ONE,
        unresolved=(f"{SECRET} is not there",),
        flow=(Source(call_id="c0", tool="http_fetch", labels=frozenset({Label.UNTRUSTED}), places=(SECRET,), at=1.0),),
        facts={"seen": SECRET},
    )


async def everything(store, clock, principal) -> Approvals:
    """Write a row of each table that is sealed."""
    approvals = Approvals(store, clock=clock, key=b"k" * 32)
    waiting = await asked(approvals, principal)
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"), note=f"because of {SECRET}")
    await Places(store, clock=clock).mark(
        TENANT,
        [Place("ws", "a")],
        frozenset({Label.UNTRUSTED}),
        call_id=CallId("c1"),
        tool=ToolName("file_write"),
        session=SessionId("s1"),
        arguments=ARGUMENTS,
    )
    sessions = Sessions(store, clock=clock)
    minted = await sessions.mint(tenant=TENANT, subject="alice", user_request=f"use {SECRET}")
    await sessions.hear(minted.id, f"again {SECRET}")
    keys = await Idempotency.open(store, clock=clock)
    await keys.begin(principal(), "key", tool=ToolName("echo"), arguments=ONE)
    await keys.finish(principal(), "key", {"text": SECRET})
    await Leases(store, clock=clock).add(
        by=principal("bob", local=True),
        principal="alice",
        tenant=TENANT,
        tool=ToolName("file_write"),
        definition=ONE,
        arguments=ARGUMENTS,
        forbids=("no-writes",),
        count=1,
        ttl_s=600,
    )
    await Kept(store, clock=clock).put(TENANT, ToolName("notes"), "k", SECRET.encode())
    return approvals


async def test_a_secret_in_what_is_kept_is_in_no_file(tmp_path, store, clock, principal):
    approvals = await everything(store, clock, principal)

    for name, sealed in SEALED.items():
        assert await store.rows(select(sealed.table)), f"nothing of {name} was written"
    assert SECRET.encode() not in everywhere(tmp_path)
    assert b"token = " not in everywhere(tmp_path)
    (record,) = await approvals.list()
    assert record.arguments == ARGUMENTS
    assert SECRET in str(asdict(record)["references"])
    await store.close()
    assert SECRET.encode() not in everywhere(tmp_path)


async def test_it_is_read_as_it_was_written(store, clock, principal):
    await everything(store, clock, principal)

    (write,) = await Places(store, clock=clock).carried(TENANT, [Place("ws", "a")])
    assert write.arguments == ARGUMENTS
    again = await (await Idempotency.open(store)).begin(principal(), "key", tool=ToolName("echo"), arguments=ONE)
    assert again == Replayed(result={"text": SECRET})
    fresh = Sessions(store, clock=clock)
    (known,) = await store.rows(select(schema.sessions.c.id))
    session = await fresh.get(SessionId(known["id"]))
    assert session is not None
    assert session.user_request == f"use {SECRET}\nagain {SECRET}"
    assert await Kept(store).get(TENANT, ToolName("notes"), "k") == SECRET.encode()


@pytest.mark.parametrize("put", ["in clear", "moved", "another key"])
async def test_what_is_not_what_was_put_there_does_not_open(tmp_path, store, clock, principal, put):
    await everything(store, clock, principal)
    for name, sealed in SEALED.items():
        for column in sealed.columns:
            (row,) = await store.rows(select(sealed.table))
            assert row[column] is not None, f"{name}.{column} was not written"
            binary = isinstance(row[column], bytes)
            if put == "in clear":
                changed = b'{"a":1}' * 9 if binary else '{"a":1}'
            elif put == "moved":
                elsewhere = dict.fromkeys(sealed.key, "x")
                changed = store.texts.closed(sealed.table, {column: b"{}" if binary else "{}"}, **elsewhere)[column]
            else:
                changed = row[column]
            await store.change(update(sealed.table).values({column: changed}))
            texts = store.texts if put != "another key" else type(store.texts)(b"o" * 32)
            (row,) = await store.rows(select(sealed.table))
            with pytest.raises(IntegrityError, match=f"a row of `{name}` in the store does not open"):
                texts.opened(sealed.table, row)


async def test_an_approval_that_does_not_open_lifts_nothing_and_hides_no_other(store, clock, principal):
    approvals = await everything(store, clock, principal)
    (record,) = await approvals.list()
    await store.change(update(schema.approvals).values(arguments='{"path":"a"}'))

    assert await approvals.list() == ()
    with pytest.raises(IntegrityError, match="does not open with the key"):
        await approvals.get(record.id)
    spent = await approvals.consume(
        record.id,
        tenant=TENANT,
        principal="alice",
        session="s1",
        tool=ToolName("file_write"),
        definition=ONE,
        arguments=digest_arguments(ARGUMENTS),
        labels=frozenset({Label.UNTRUSTED}),
        policy=ONE,
        references=ONE,
        carried=ONE,
    )
    assert spent is None
    waiting = await asked(approvals, principal)
    assert [one.id for one in await approvals.list()] == [waiting.id]


async def test_the_same_question_is_one_though_its_arguments_are_sealed(store, clock, principal):
    approvals = Approvals(store, clock=clock, key=b"k" * 32)
    first, second = await asked(approvals, principal), await asked(approvals, principal)
    assert first.id == second.id


def test_every_column_of_any_length_is_sealed_or_says_why_not():
    open_ended = {
        f"{table.name}.{column.name}"
        for table in schema.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text | LargeBinary) and not (isinstance(column.type, String) and column.type.length)
    }
    sealed = {f"{name}.{column}" for name, one in SEALED.items() for column in one.columns}
    assert sealed | IN_CLEAR.keys() == open_ended
    assert not sealed & IN_CLEAR.keys()


async def test_a_store_is_still_a_database_that_sqlite_reads(tmp_path, store, clock, principal):
    await everything(store, clock, principal)
    await store.close()
    with sqlite3.connect(tmp_path / "holdfast.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    again = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    assert len(await Approvals(again, clock=clock, key=b"k" * 32).list()) == 1
    await again.close()
