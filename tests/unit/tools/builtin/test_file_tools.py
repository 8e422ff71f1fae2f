"""`file_read`, `file_write`, `file_list` and `file_grep` over a real workspace."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.contracts import InvalidRequest, NotFound, Refusal
from holdfast.server.assembly import build_layers, shared_artifacts
from holdfast.server.dispatch import Guessing
from holdfast.server.scrubbing import DetectorScrubber
from holdfast.tools.builtin import file_grep, file_list, file_read, file_write
from holdfast.tools.builtin.searching import Search, compiled

pytestmark = pytest.mark.anyio
SCRUBBER = DetectorScrubber(build_layers(kept=shared_artifacts(None)), Guessing(lambda _who: None))


async def test_a_file_comes_back_as_it_is(call, workspace, root) -> None:
    (root / "a.txt").write_bytes("zwölf\r\nBoxkämpfer\0".encode())

    outcome = await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="a.txt"))

    assert [block.text for block in outcome.content] == ["zwölf\r\nBoxkämpfer\0"]
    assert outcome.structured == {"offset": 0, "bytes": 20, "size": 20, "next_offset": None}


async def test_an_empty_file_is_an_empty_text(call, workspace, root) -> None:
    (root / "empty").write_bytes(b"")

    outcome = await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="empty"))

    assert [block.text for block in outcome.content] == [""]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.py", "text/x-source"),
        ("Dockerfile", "text/x-source"),
        ("b.RS", "text/x-source"),
        ("c.md", "text/markdown"),
        ("d.yml", "application/yaml"),
        ("e.json", "application/json"),
        ("f.csv", "text/csv"),
        ("g.html", "text/plain"),
        ("h.txt", "text/plain"),
        ("py", "text/plain"),
        ("i", "text/plain"),
    ],
)
async def test_a_file_is_of_the_kind_its_name_says(call, workspace, root, name, kind) -> None:
    (root / name).write_bytes(b"a")

    outcome = await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path=name))

    assert outcome.content[0].media_type == kind


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="aé€😀\n", max_size=60), limit=st.integers(4, 9))
async def test_pieces_put_together_are_the_file(call, workspace, root, text, limit) -> None:
    (root / "pieces").write_bytes(text.encode())
    read = file_read.FileRead(workspace, SCRUBBER)
    pieces, offset = [], 0
    while offset is not None:
        outcome = await read(call(file_read.SPEC, path="pieces", offset=offset, limit=limit))
        pieces.append(outcome.content[0].text)
        offset = outcome.structured["next_offset"]

    assert "".join(pieces) == text


async def test_an_offset_inside_a_character_begins_at_the_next(call, workspace, root) -> None:
    (root / "euro").write_bytes("€uro".encode())

    outcome = await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="euro", offset=1))

    assert outcome.content[0].text == "uro"
    assert outcome.structured["offset"] == 3


async def test_a_cut_says_how_to_read_on(call, workspace, root) -> None:
    (root / "long").write_bytes(b"0123456789")

    outcome = await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="long", limit=4))

    assert [block.text for block in outcome.content] == ["0123", "[6 bytes more; read on with offset 4]"]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"ok\xe2\x82", b"\x89PNG\r\n\x1a\n", b"\x80abc"])
async def test_what_is_not_text_is_refused(call, workspace, root, data) -> None:
    (root / "binary").write_bytes(data)

    with pytest.raises(InvalidRequest, match="not UTF-8"):
        await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="binary"))


async def test_what_is_not_there_is_not_found_and_what_is_outside_is_refused(call, workspace) -> None:
    with pytest.raises(NotFound):
        await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="none"))
    with pytest.raises(Refusal):
        await file_read.FileRead(workspace, SCRUBBER)(call(file_read.SPEC, path="../none"))


async def test_a_write_makes_folders_replaces_and_keeps_permission_bits(call, workspace, root) -> None:
    write = file_write.FileWrite(workspace)
    first = await write(call(file_write.SPEC, path="new/run.sh", content="één"))
    (root / "new" / "run.sh").chmod(0o4750)
    await write(call(file_write.SPEC, path="new/run.sh", content="twee"))

    assert first.structured == {"bytes": 5}
    assert (root / "new" / "run.sh").read_text(encoding="utf-8") == "twee"
    assert (root / "new" / "run.sh").stat().st_mode & 0o7777 == 0o750
    assert [path.name for path in (root / "new").iterdir()] == ["run.sh"]


async def test_a_listing_has_one_line_an_entry_whatever_the_name(call, workspace, root) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "x").write_bytes(b"123")
    (root / "a\nfile          0  b").write_bytes(b"")

    outcome = await file_list.FileList(workspace)(call(file_list.SPEC, depth=2))

    assert outcome.content[0].text.split("\n") == [
        "file           0  a\\nfile          0  b",
        "dir            0  docs/",
        "file           3  docs/x",
    ]
    assert outcome.structured["entries"][0]["path"] == "a\nfile          0  b"
    assert outcome.structured["cut"] is False


async def test_a_listing_stays_on_its_level_unless_asked(call, workspace, root) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "x").write_bytes(b"")

    outcome = await file_list.FileList(workspace)(call(file_list.SPEC))

    assert [entry["path"] for entry in outcome.structured["entries"]] == ["docs"]


async def test_a_listing_that_is_cut_says_so(call, workspace, root) -> None:
    for number in range(2001):
        (root / f"{number:04}").touch()

    outcome = await file_list.FileList(workspace)(call(file_list.SPEC))

    assert len(outcome.structured["entries"]) == 2000
    assert outcome.structured["cut"] is True


async def _grep(call, workspace, **arguments):
    return await file_grep.FileGrep(workspace, SCRUBBER)(call(file_grep.SPEC, **arguments))


@pytest.fixture
def tree(root):
    for path, data in {
        "a.txt": b"one\ntwo\nthree two\n",
        "sub/b.txt": b"two\r\n",
        "sub/binary": b"two\0",
        "sub/latin": b"two \xe9",
        ".git/config": b"two",
    }.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(data)
    (root / "link").symlink_to("a.txt")
    return root


async def test_grep_answers_path_line_and_text(call, workspace, tree) -> None:
    outcome = await _grep(call, workspace, pattern="two")

    assert outcome.content[0].text == "a.txt:2:two\na.txt:3:three two\nsub/b.txt:1:two"
    assert outcome.content[1].text == "[2 files passed over]"
    assert outcome.structured["files"] == 2
    assert outcome.structured["cut"] is False


@pytest.mark.parametrize("path", ["a.txt", "./a.txt"])
async def test_grep_searches_a_single_file(call, workspace, tree, path) -> None:
    outcome = await _grep(call, workspace, pattern="^two$", path=path)

    assert outcome.structured["matches"] == [{"path": "a.txt", "line": 2, "text": "two"}]


async def test_grep_stops_at_its_limit_and_says_so(call, workspace, tree) -> None:
    outcome = await _grep(call, workspace, pattern="two", limit=1)

    assert len(outcome.structured["matches"]) == 1
    assert outcome.structured["cut"] is True


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        ("^", [1, 2, 3]),
        ("x*", [1, 2, 3]),
        ("^$", [2]),
        ("$", [1, 2, 3]),
        (r"a\nb", []),
        (r"(?s)a.*c", []),
        ("(?i)A", [1]),
    ],
)
async def test_grep_matches_within_lines_and_each_line_once(call, workspace, root, pattern, lines) -> None:
    (root / "f").write_bytes(b"aa\n\nc\n")

    outcome = await _grep(call, workspace, pattern=pattern)

    assert [match["line"] for match in outcome.structured["matches"]] == lines


async def test_grep_counts_lines_over_blocks_and_shows_the_match_in_a_long_line(call, workspace, root) -> None:
    (root / "f").write_bytes(b"x\n" * 100_000 + b"y" * 200_000 + b"needle\nneedle")

    outcome = await _grep(call, workspace, pattern="needle")

    assert [match["line"] for match in outcome.structured["matches"]] == [100_001, 100_002]
    assert outcome.structured["matches"][0]["text"].endswith("needle")
    assert len(outcome.structured["matches"][0]["text"]) == 400


async def test_grep_passes_over_what_is_too_large(call, workspace, root) -> None:
    with (root / "large").open("wb") as large:
        large.truncate(5 << 20)

    outcome = await _grep(call, workspace, pattern="x")

    assert outcome.structured["passed_over"] == 1


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "a{1000}{1000}", "((a{100}){100}){100}", r"\pL{100}", "(?=a)"])
async def test_grep_refuses_what_is_not_linear_or_too_large(call, workspace, pattern) -> None:
    with pytest.raises(InvalidRequest, match="`pattern`"):
        await _grep(call, workspace, pattern=pattern)


async def test_grep_of_a_catastrophic_pattern_ends(call, workspace, root) -> None:
    (root / "f").write_bytes(b"a" * 60_000 + b"!")

    outcome = await _grep(call, workspace, pattern="(a+)+$")

    assert outcome.structured["matches"] == []


async def test_grep_outside_the_workspace_is_refused_and_nothing_is_not_found(call, workspace, tree) -> None:
    (tree / "away").symlink_to("/etc")

    for path in ("../", "away", "/etc"):
        with pytest.raises(Refusal):
            await _grep(call, workspace, pattern="root", path=path)
    with pytest.raises(NotFound):
        await _grep(call, workspace, pattern="root", path="none")


def test_a_search_whose_call_has_ended_stops(workspace, tree) -> None:
    ended = threading.Event()
    ended.set()

    search = Search(workspace=workspace, scrubber=SCRUBBER, pattern=compiled("two"), limit=9, ended=ended).under(".")

    assert (search.matches, search.files, search.cut) == ([], 0, True)
