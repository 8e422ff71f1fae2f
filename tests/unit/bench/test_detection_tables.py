"""The tables of the detectors count what they say they count, over rows made here."""

import json
import lzma
from pathlib import Path

import pytest
from bench.detection import hidden, markup, secrets
from bench.detection.rows import Table, written

from holdfast.safety.leaks.specimens import expand


def _set(folder: Path, name: str, *rows: dict[str, object]) -> None:
    with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def test_recall_value_and_false_positives_are_counted_by_source_and_kind(tmp_path: Path) -> None:
    value = expand("{base62:30}7x")
    found = {"text": f'password = "{value}"', "value": value, "source": "a"}
    noted = {"text": expand("pk_live_{base62:24}"), "source": "b"}
    _set(tmp_path, "secrets_positive", found, noted, {"text": "hello", "source": "b"})
    ordinary = {"text": "hello", "source": "benign_real:x/y", "kind": "repo_line_md"}
    _set(tmp_path, "secrets_negative", ordinary, {**found, "source": "creddata", "kind": "code_candidate"})

    recall, spans, false = secrets.tables(tmp_path)

    assert recall.lines == {"a": [1, 1, 1, 1, 1], "b": [2, 0, 0, 1, 0], "all": [3, 1, 1, 2, 1]}
    assert recall.misses["b"] == ["secrets_positive:2", "secrets_positive:3"]
    assert spans.lines["all"] == [1, 1, 1, 1]
    assert false.lines == {"ordinary lines": [1, 0, 0, 0, 0], "hard negatives": [1, 1, 1, 1, 1]}


def test_a_table_shows_shares_and_no_text() -> None:
    table = Table(title="found", columns=("hit",))
    for number in range(200):
        table.count("all", (number == 0,))

    assert written(table) == "| found | rows | hit |\n|---|---|---|\n| all | 200 | 0.50 |"


def test_files_that_are_not_there_are_no_rows(tmp_path: Path) -> None:
    assert [table.lines for table in (*secrets.tables(tmp_path), *hidden.tables(tmp_path))] == [{}] * 5


@pytest.mark.parametrize(
    "harmful",
    [
        "<img src=x onerror=alert(1)>",
        "<script>x</script>",
        "<a href=' java\tscript:x'>y</a>",
        "<p style='a:url(x)'>y</p>",
    ],
)
def test_the_judge_of_markup_sees_what_a_browser_might_run(harmful: str) -> None:
    assert markup.dangerous(harmful)
    assert not markup.dangerous("<p>hello <a href='https://host/'>there</a></p>")
