"""Reads what an interpreter answered into an outcome. A program can write any answer: only its shape is believed.

Nothing here runs anything. All text in an answer is the program's.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Completed, Content, Failed, Json, LimitName, MalformedJson, Outcome, Stopped, Text, Usage
from holdfast.contracts.json_values import parse

from ..abi import PYTHON
from ..frames import Ending, Reply
from ..outcomes import ISOLATION
from ..outcomes import outcome_of as of_module
from ..supervisor import Answer
from .reading import Garbled, table, text, whole

MOST_FILES: Final = 64
FILES_BYTES: Final = 4 << 20
"""All files that one program hands back."""
_LIMITS: Final = {"output_bytes": LimitName.OUTPUT, "memory_bytes": LimitName.MEMORY}
_SHOWN_BYTES: Final = 2000


def outcome_of(answer: Answer, *, wall_ms: float, abi: str = PYTHON) -> Outcome:
    """The outcome of a program in *abi*'s language that was answered with *answer* after *wall_ms*."""
    if not isinstance(answer, Reply) or answer.ending is not Ending.RETURNED:
        return of_module(answer, abi=abi, wall_ms=wall_ms)
    usage = Usage(wall_ms=wall_ms, fuel=answer.fuel, memory_bytes=answer.memory_bytes, output_bytes=len(answer.output))
    try:
        return _outcome(table(parse(answer.output)), usage)
    except (Garbled, MalformedJson):
        return Failed(
            code=f"{abi}/garbled",
            message="the program left no readable answer behind",
            usage=usage,
            isolation=ISOLATION,
        )


def _outcome(said: Mapping[str, Json], usage: Usage) -> Outcome:
    limit = said.get("limit")
    if limit is not None:
        if not isinstance(limit, str) or limit not in _LIMITS:
            raise Garbled
        return Stopped(limit=_LIMITS[limit], usage=usage, isolation=ISOLATION)
    structured = _structured(said)
    return Completed(
        content=tuple(_content(structured)),
        structured=structured,
        is_error="error" in structured or structured.get("exit", 0) != 0,
        usage=usage,
        isolation=ISOLATION,
    )


def _structured(said: Mapping[str, Json]) -> dict[str, Json]:
    """The answer again, with exactly the fields that an answer has."""
    kept: dict[str, Json] = {"stdout": text(said, "stdout"), "stderr": text(said, "stderr")}
    if "value" in said:
        value = table(said["value"])
        kept["value"] = {"repr": text(value, "repr"), **({"json": value["json"]} if "json" in value else {})}
    if "error" in said:
        error = table(said["error"])
        told: dict[str, Json] = {name: text(error, name) for name in ("type", "message", "traceback")}
        if "line" in error:
            told["line"] = whole(error, "line")
        kept["error"] = told
    if "exit" in said:
        kept["exit"] = whole(said, "exit")
    files = _files(table(said.get("files", {})))
    if files:
        kept["files"] = files
    return kept


def _files(written: Mapping[str, Json]) -> list[Json]:
    """Every file by name: as text where it is UTF-8, else as base64; only its size where there is no more room."""
    room = FILES_BYTES
    files: list[Json] = []
    for number, (name, data) in enumerate(written.items()):
        if number >= MOST_FILES:
            files.append({"name": f"[{len(written) - MOST_FILES} more files are left out]", "bytes": 0})
            break
        try:
            content = base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError):
            raise Garbled from None
        room -= len(content)
        files.append({"name": name, "bytes": len(content), **(_written(content) if room >= 0 else {"left_out": True})})
    return files


def _written(content: bytes) -> dict[str, Json]:
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}


def _content(said: Mapping[str, Json]) -> list[Content]:
    """What a model reads: output first, then the value or what went wrong, then the files."""
    texts = [str(said["stdout"])]
    if said["stderr"]:
        texts.append(f"standard error:\n{said['stderr']}")
    value, error, files = said.get("value"), said.get("error"), said.get("files")
    if isinstance(value, dict):
        texts.append(f"value: {value['repr']}")
    if isinstance(error, dict):
        texts.append(str(error["traceback"]))
    if said.get("exit"):
        texts.append(f"the program ended with exit code {said['exit']}")
    if isinstance(files, list):
        texts += [_shown(table(file)) for file in files]
    return [Text(text=text) for text in texts if text] or [Text(text="")]


def _shown(file: Mapping[str, Json]) -> str:
    written = file.get("text")
    headline = f"file {file['name']} ({file['bytes']} bytes)"
    if not isinstance(written, str) or len(written) > _SHOWN_BYTES:
        return headline
    return f"{headline}:\n{written}"
