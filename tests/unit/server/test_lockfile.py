"""The lock file reads back as it was written, and whatever is odd in it approves nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Digest, OperatorError
from holdfast.sandbox.mcp import Kind, key_of
from holdfast.server.catalogue.lockfile import Approval, LockedServer, read_lock, write_lock

ONE, TWO, ENTRY = (Digest.of(word) for word in (b"one", b"two", b"entry"))
AT = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def approval(definition=ONE, by="alice"):
    return Approval(definition=definition, by=by, at=AT)


SERVERS = {
    "git": LockedServer(entry=ENTRY, approvals={"log": approval(), "prompt:review": approval(TWO, "bob")}),
    "files": LockedServer(entry=TWO, approvals={"resource:file:///a": approval(), "instructions:": approval()}),
}
TEXT = write_lock(SERVERS)


@pytest.mark.parametrize("tail", ["x = " + "[" * 5_000, "x = " + "{a=" * 5_000, "x = " + "9" * 5_000])
def test_what_python_cannot_take_is_refused_like_what_is_no_toml(tail):
    with pytest.raises(OperatorError, match="the lock file is not TOML"):
        read_lock(TEXT + "\n" + tail)


def test_it_reads_back_as_it_was_written():
    assert read_lock(TEXT).servers == SERVERS
    assert read_lock(TEXT).refused == {}


def test_it_is_written_one_way_whatever_the_order():
    assert write_lock({name: SERVERS[name] for name in reversed(SERVERS)}) == TEXT


def test_one_more_approval_is_one_more_place_and_the_digest_of_the_whole():
    more = SERVERS["git"].approvals | {"diff": approval()}
    grown = write_lock({**SERVERS, "git": LockedServer(entry=ENTRY, approvals=more)})

    before, after = set(TEXT.splitlines()), set(grown.splitlines())

    assert {line.partition(" ")[0] for line in after - before} == {"name", "whole"}
    assert {line.partition(" ")[0] for line in before - after} == {"whole"}


def test_people_can_read_who_approved_what():
    assert 'approved_by = "bob"' in TEXT
    assert "approved_at = 2026-11-20T12:00:00Z" in TEXT
    assert TEXT.index("[servers.files]") < TEXT.index("[servers.git]")


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.dictionaries(st.tuples(st.sampled_from([kind for kind in Kind if kind is not Kind.TOOL]), NAMES), NAMES))
def test_any_name_and_approver_reads_back(given):
    approvals = {key_of(kind, name): approval(by=by) for (kind, name), by in given.items()}
    servers = {"s": LockedServer(entry=ENTRY, approvals=approvals)}

    assert read_lock(write_lock(servers)).servers == servers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("version = 2\n", "line 1"),
        ("# a\nversion = true\n", "line 2"),
        ("version = 1\nmore = 1\n", "line 2"),
        ("version = 1\nservers = 7\n", "line 2"),
        ("version = 1\n<<<<<<< HEAD\n", "line 2"),
        (TEXT + "[servers.git]\n", "(at "),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_with_its_line(text, said):
    with pytest.raises(OperatorError) as raised:
        read_lock(text)

    assert said in raised.value.message


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ('kind = "prompt"', 'kind = "hologram"'),
        ('kind = "prompt"', 'kind = "tool"'),
        ('name = "log"', 'name = "show"'),
        ('approved_by = "bob"', 'approved_by = ""'),
        ('approved_by = "bob"', 'approved_by = "bob"\nextra = 1'),
        ('approved_by = "bob"\n', ""),
        (f'definition = "{TWO}"', f'definition = "{ONE}"'),
        (f'definition = "{TWO}"', 'definition = "blake3:12"'),
        (f'definition = "{TWO}"', 'definition = "everything"'),
        (f'entry = "{ENTRY}"', f'entry = "{ONE}"'),
        (f'entry = "{ENTRY}"', ""),
        ('name = "review"', 'name = "log"\n'),
    ],
)
def test_an_edited_part_is_refused_with_its_line_and_the_others_stay(find, replace):
    assert TEXT.count(find) == 1
    lock = read_lock(TEXT.replace(find, replace))

    assert set(lock.servers) == {"files"}
    assert lock.refused["git"].startswith("the lock file, line ")


def test_an_entry_of_an_approval_that_is_there_twice_is_refused_with_its_line():
    start = TEXT.index("[[servers.git.approved]]")
    block = TEXT[start : TEXT.index("[[servers.git.approved]]", start + 5)]
    lock = read_lock(TEXT + "\n" + block)

    last = (TEXT + "\n" + block).splitlines().index("[[servers.git.approved]]", TEXT.count("\n"))
    assert lock.refused["git"].startswith(f"the lock file, line {last + 1}:")
    assert "git" not in lock.servers


def test_a_name_that_no_server_can_have_is_refused_alone():
    lock = read_lock(TEXT.replace("servers.git", 'servers."a__b"'))

    assert set(lock.servers) == {"files"}
    assert set(lock.refused) == {"a__b"}
