"""`holdfast scan`: what the layers find in a text, in rows, in files or beneath folders. It changes no file."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from holdfast.contracts import Action, Finding, InvalidRequest, Json, OperatorError, Where
from holdfast.contracts.json_values import parse
from holdfast.contracts.results import finding_json

from ..terminal import TALK, plain
from .reading import MAX_INPUT_BYTES, bounded, read_text

_SHOWN: Final = ("rule", "layer", "severity", "action", "start", "end", "seen_by")
_LAYERS: Final = ("credentials", "injection", "leaks", "pii", "sanitizer")
_FOUND, _UNREAD = 1, 2


def scan(
    paths: Annotated[list[str] | None, typer.Argument(metavar="[FILE | DIR | -]...")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read rows {"id", "text"}.')] = False,  # noqa: FBT002 -- a flag
    direction: Annotated[str, typer.Option(help="in: as arguments; out: as a tool's output.")] = "out",
    clean: Annotated[bool, typer.Option("--clean", help="Print the cleaned text instead of findings.")] = False,  # noqa: FBT002 -- a flag
    layer: Annotated[list[str] | None, typer.Option(help="Only findings of this layer; again for another.")] = None,
) -> int:
    """Look for secrets, hidden text, orders to a model; note personal data. Findings are JSON lines, without the text.

    Of several files, or a folder, each finding says file and line. Exit 1 on any, but for notes of personal data; 2
    when a file could not be read whole.
    """
    from ..assembly import (  # noqa: PLC0415 -- the other verbs need not load the detectors here
        build_layers,
        open_cleaning,
        shared_artifacts,
    )
    from ..scanning import Scanner  # noqa: PLC0415 -- as above

    where, layers = _direction(direction), _layers(layer)
    many = paths is not None and (len(paths) > 1 or any(Path(path).is_dir() for path in paths))
    if many and (jsonl or clean):
        raise InvalidRequest("`--jsonl` and `--clean` are for one file, or standard input")
    given = paths[0] if paths else None
    files = _Files(paths or ())
    rows = files if many else _rows(read_text(given)) if jsonl else [(None, read_text(given))]
    found = 0
    with ExitStack() as stack:
        scanner = Scanner(build_layers(kept=shared_artifacts(None), cleaning=open_cleaning(stack)))
        for name, text in rows:
            scanned = scanner.look(text, where)
            chosen = [finding for finding in scanned.findings if finding.layer in layers]
            found += sum(each.layer != "pii" or each.action is not Action.ANNOTATE for each in chosen)
            if clean:
                _write_clean(name, scanned.text)
            else:
                _write_findings({"file": name} if many else {} if name is None else {"id": name}, chosen, text)
    if many:
        files.tell()
    return _FOUND if found else _UNREAD if files.unread else 0


class _Files:
    """The texts of files and of everything beneath folders, in order; what is not read is counted, never silent."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = paths
        self.read = self.binary = self.unread = 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for path in (inner for given in self._paths for inner in _beneath(given)):
            try:
                data = bounded(Path(path), MAX_INPUT_BYTES)
            except OperatorError as error:
                self._left(str(error))
                continue
            if len(data) > MAX_INPUT_BYTES:
                self._left(f"`{path}` is over {MAX_INPUT_BYTES} bytes")
            elif b"\0" in data:
                self.binary += 1
            else:
                self.read += 1
                yield path, data.decode("utf-8", "replace")

    def tell(self) -> None:
        """Say how much was read."""
        TALK.print(f"{self.read} files read, {self.binary} binary left out, {self.unread} not read", style="dim")

    def _left(self, why: str) -> None:
        self.unread += 1
        TALK.print(f"[yellow]not read[/]: {plain(why)}")


def _beneath(given: str) -> Iterator[str]:
    """*given*, or the regular files beneath it: no link is followed, and what git keeps for itself is left alone."""
    if not Path(given).is_dir():
        yield given
        return
    for folder, inner, names in os.walk(given):
        inner[:] = sorted(name for name in inner if name != ".git")
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield str(path)


def _direction(direction: str) -> Where:
    if direction not in ("in", "out"):
        raise InvalidRequest("`--direction` is `in` or `out`")
    return Where.ARGUMENTS if direction == "in" else Where.OUTPUT


def _layers(chosen: list[str] | None) -> frozenset[str]:
    unknown = sorted(set(chosen or ()) - set(_LAYERS))
    if unknown:
        raise InvalidRequest(f"`--layer` is one of {', '.join(_LAYERS)}")
    return frozenset(chosen or _LAYERS)


def _write_clean(name: Json, text: str) -> None:
    if name is None:
        sys.stdout.write(text)
    else:
        sys.stdout.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")


def _write_findings(head: Mapping[str, Json], findings: Iterable[Finding], text: str) -> None:
    for finding in findings:
        row = finding_json(finding)
        line = {"line": text.count("\n", 0, finding.start) + 1} if "file" in head else {}
        sys.stdout.write(json.dumps({**head, **line, **{key: row[key] for key in _SHOWN}}) + "\n")


def _rows(text: str) -> Iterable[tuple[Json, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = parse(line)
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidRequest(f"row {number} is not an object with `id` and `text`")
        yield row.get("id", number), str(row["text"])
