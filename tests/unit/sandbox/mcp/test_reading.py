"""Messages, events and allowances: what comes from the wire is read strictly, within bounds."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import MalformedJson, TooLarge
from holdfast.sandbox.mcp.answers import MAX_MESSAGE_BYTES, Answered, Asked, Errored, Noticed, read_message
from holdfast.sandbox.mcp.faults import Fault, Marks
from holdfast.sandbox.mcp.wire.events import EventLines, event_of
from holdfast.sandbox.mcp.wire.screen import BURST_BYTES, BURST_MESSAGES, CHANGES, Screen


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', Answered),
        (b'{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"m"}}', Errored),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}', Errored),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', Asked),
        (b'{"jsonrpc":"2.0","method":"notifications/x","params":{}}', Noticed),
    ],
)
def test_each_kind_of_message_is_read(data, kind):
    assert isinstance(read_message(data), kind)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'{"id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":true,"result":{}}',
        b'{"jsonrpc":"2.0","id":1.0,"result":{}}',
        b'{"jsonrpc":"2.0","id":null,"result":{}}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":[]}',
        b'{"jsonrpc":"2.0","id":9007199254740993,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}',
        b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
    ],
)
def test_anything_else_is_not_a_message(data):
    with pytest.raises(MalformedJson):
        read_message(data)


def test_a_message_over_the_cap_is_not_even_parsed():
    with pytest.raises(MalformedJson, match="longer than"):
        read_message(b" " * (MAX_MESSAGE_BYTES + 1))


@given(
    st.lists(st.binary(min_size=1).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"") or b"x")), st.data()
)
def test_events_come_out_as_they_went_in_however_the_stream_is_cut(datas, draw):
    stream = b"".join(event_of(data) for data in datas)
    lines, found = EventLines(), []
    while stream:
        cut = draw.draw(st.integers(1, len(stream)))
        found += lines.feed(stream[:cut])
        stream = stream[cut:]

    assert found == datas


def test_comments_ids_and_delays_are_dropped():
    found = list(EventLines().feed(b": hi\r\nid: 7\r\nretry: 1\r\nevent: message\r\ndata: a\r\ndata: b\r\n\r\n"))

    assert found == [b"a\nb"]


@pytest.mark.parametrize("chunk", [b"A" * (1 << 20), b"data: " + b"A" * 1_000_000 + b"\n"])
def test_an_event_without_end_is_given_up_on(chunk):
    lines = EventLines()

    with pytest.raises(TooLarge):
        list(chain.from_iterable(lines.feed(chunk) for _ in range(18)))


def test_the_allowance_for_unasked_messages_ends_and_comes_back_with_time():
    now = [0.0]
    screen = Screen(changed=lambda _kinds: None, clock=lambda: now[0])

    assert all(screen.spend(1) for _ in range(BURST_MESSAGES))
    assert not screen.spend(1)
    now[0] += 60
    assert screen.spend(1)
    assert not screen.spend(BURST_BYTES + 1)


def test_an_answer_restores_the_allowance():
    screen = Screen(changed=lambda _kinds: None, clock=lambda: 0.0)
    for _ in range(BURST_MESSAGES):
        screen.spend(1)

    screen.answered()

    assert screen.spend(1)


def test_only_notices_with_a_reader_pass():
    heard, updated = [], []
    screen = Screen(changed=heard.append, updated=updated.append)

    for method in CHANGES:
        assert screen.passes(Noticed(method=method, params={}))
    assert screen.passes(Noticed(method="notifications/resources/updated", params={"uri": "memo://one"}))
    assert not screen.passes(Noticed(method="notifications/message", params={"data": "x"}))
    assert heard == list(CHANGES.values())
    assert updated == ["memo://one"]


def test_a_fault_is_known_by_its_mark_alone():
    marks = Marks()

    assert marks.fault(marks.data(Fault.CLOSED, "m")).fault is Fault.CLOSED
    assert marks.fault(Marks().data(Fault.CLOSED, "m")) is None
    assert marks.fault({"fault": "closed", "message": "m"}) is None
