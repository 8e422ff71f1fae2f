"""Reads what an interpreter answered for a tool that is source text: a result, an error, or what the source offers.

Nothing here runs anything. All text in an answer is the tool's, and its author can have written any answer.
"""

import re
from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Completed, Failed, Json, LimitName, MalformedJson, Outcome, Stopped, Text, Usage
from holdfast.contracts.json_values import canonical, parse

from ..broker.capabilities import CAPABILITIES
from ..frames import Ending, Reply
from ..outcomes import ISOLATION
from ..outcomes import outcome_of as of_module
from ..report import Export, ModuleRefused, ModuleReport, Offer, shown
from ..supervisor import Answer
from .reading import Garbled, table, text, whole

MOST_TOOLS: Final = 64
_SCHEMA_BYTES: Final = 64 << 10
_SCHEMA_DEPTH: Final = 32
_DESCRIPTION: Final = 4096
_SHOWN: Final = 300
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}")
_LIMITS: Final = {"output_bytes": LimitName.OUTPUT, "memory_bytes": LimitName.MEMORY}


def outcome_of(answer: Answer, *, abi: str, wall_ms: float) -> Outcome:
    """The outcome of a call that was answered with *answer* after *wall_ms*."""
    if not isinstance(answer, Reply) or answer.ending is not Ending.RETURNED:
        return of_module(answer, abi=abi, wall_ms=wall_ms)
    usage = Usage(wall_ms=wall_ms, fuel=answer.fuel, memory_bytes=answer.memory_bytes, output_bytes=len(answer.output))
    try:
        return _outcome(table(parse(answer.output)), abi, usage)
    except (Garbled, MalformedJson):
        message = "the tool left no readable answer behind"
        return Failed(code=f"{abi}/garbled", message=message, usage=usage, isolation=ISOLATION)


def report_of(answer: Answer, source: bytes, *, abi: str) -> ModuleReport:
    """What *source* says that it is, from *answer* to being asked. Raises: ModuleRefused, in one sentence."""
    if not isinstance(answer, Reply) or answer.ending is not Ending.RETURNED:
        ended = answer.ending.name if isinstance(answer, Reply) else type(answer).__name__
        raise ModuleRefused(f"the source was stopped while it was read: `{ended.lower()}`")
    try:
        return _report(table(parse(answer.output)), source, abi)
    except (Garbled, MalformedJson):
        raise ModuleRefused("the source left no readable description behind") from None


def _outcome(said: Mapping[str, Json], abi: str, usage: Usage) -> Outcome:
    limit = said.get("limit")
    if limit is not None:
        if not isinstance(limit, str) or limit not in _LIMITS:
            raise Garbled
        return Stopped(limit=_LIMITS[limit], usage=usage, isolation=ISOLATION)
    log = "\n".join(filter(None, (text(said, "stdout").rstrip("\n"), text(said, "stderr").rstrip("\n"))))
    if "refused" in said:
        message = "the source is no tool any more for this interpreter"
        return Failed(
            code=f"{abi}/source", message=message, detail=text(said, "refused"), usage=usage, isolation=ISOLATION
        )
    if "error" in said:
        return _failed(table(said["error"]), log, usage)
    if "result" not in said:
        raise Garbled
    result = said["result"]
    plain = isinstance(result, str)
    shown_result = result if isinstance(result, str) else canonical(result).decode("utf-8")
    content = Text(text=shown_result, media_type="text/plain" if plain else "application/json")
    return Completed(content=(content,), structured=result, log=log, usage=usage, isolation=ISOLATION)


def _failed(error: Mapping[str, Json], log: str, usage: Usage) -> Completed:
    told: dict[str, Json] = {name: text(error, name) for name in ("type", "message")}
    at = ""
    if "line" in error:
        told["line"] = whole(error, "line")
        at = f" (line {told['line']})"
    trace = text(error, "traceback")
    return Completed(
        content=(Text(text=f"{told['type']}: {told['message']}{at}"),),
        structured={"error": told},
        is_error=True,
        log="\n".join(filter(None, (log, trace))),
        usage=usage,
        isolation=ISOLATION,
    )


def _report(said: Mapping[str, Json], source: bytes, abi: str) -> ModuleReport:
    if "limit" in said:
        raise ModuleRefused("the source takes more memory or says more than it may while it is read")
    if "refused" in said:
        at = f"line {whole(said, 'line')}: " if "line" in said else ""
        raise ModuleRefused(f"{at}{_quoted(text(said, 'refused'))}")
    if "error" in said:
        error = table(said["error"])
        at = f"line {whole(error, 'line')}: " if "line" in error else ""
        raise ModuleRefused(f"the source fails where it is imported: {at}{_quoted(_told(error))}")
    described = table(said.get("described"))
    tools, capabilities = described.get("tools"), described.get("capabilities")
    if not isinstance(tools, list) or not 1 <= len(tools) <= MOST_TOOLS or not isinstance(capabilities, list):
        raise Garbled
    offers = tuple(_offer(table(one)) for one in tools)
    if len({one.name for one in offers}) != len(offers):
        raise Garbled
    return ModuleReport(
        size=len(source),
        abi=abi,
        imports=(),
        exports=tuple(Export(name=one.name, kind="func") for one in offers),
        types=0,
        functions=len(offers),
        memory_bytes=0,
        memory_limit_bytes=None,
        tables=0,
        table_elements=0,
        data_segments=0,
        custom_bytes=0,
        notes=("source text: it is run by the sealed interpreter of this server, and nothing is compiled",),
        capabilities=tuple(name for name in CAPABILITIES if name in capabilities),
        offers=offers,
    )


def _offer(tool: Mapping[str, Json]) -> Offer:
    name, schema = text(tool, "name"), table(tool.get("input_schema"))
    if not _NAME.fullmatch(name) or schema.get("type") != "object":
        raise Garbled
    written = canonical(schema)
    if len(written) > _SCHEMA_BYTES:
        raise ModuleRefused(f"the schema of `{name}` is larger than {_SCHEMA_BYTES} bytes")
    parse(written, max_depth=_SCHEMA_DEPTH)
    description = text(tool, "description")[:_DESCRIPTION].strip()
    return Offer(name=name, description=description or f"Calls `{name}`.", input_schema=dict(schema))


def _told(error: Mapping[str, Json]) -> str:
    return f"{text(error, 'type')}: {text(error, 'message')}"


def _quoted(said: str) -> str:
    """Text of the source's with its quotes, fit for one line."""
    return shown(said.replace("`", "'"), _SHOWN)
