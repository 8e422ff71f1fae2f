"""Reads what an upstream says its tools are. Pure; approves nothing, and one malformed tool hides only itself.

1. A definition's digest is over what is served, so whatever a model could read is pinned.
2. Prose is cleaned of what nobody sees; hidden characters that would change what a schema accepts withhold the tool.
3. Of tools that share a name none is served: there is no telling which one was meant.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Digest, MalformedJson, ToolName
from holdfast.contracts.json_values import Json, canonical, map_strings, parse, strings
from holdfast.contracts.schema_shape import misshapen

from ..config import UpstreamConfig
from .kinds import Kind, Quarantined
from .names import alike, hides, name_fault, served_name, shown

MAX_DEFINITION_BYTES: Final = 64 * 1024
"""One definition, as canonical JSON. The largest of server-everything has 1 KB, of server-filesystem 2 KB."""

MAX_DEFINITION_DEPTH: Final = 32

MAX_OBJECTS: Final = 1_000
"""Objects in one definition."""

MAX_ALL_OBJECTS: Final = 20_000
"""Objects in one listing; what comes after is withheld. 100 real tools have about 3 000."""

MAX_DESCRIPTION: Final = 8_192
"""Characters of a tool's description or title."""

_PROSE: Final = frozenset({"description", "title", "$comment"})
"""Schema keywords that are only read: cleaned. Hidden characters anywhere else would change what matches."""

_LEAVES: Final = frozenset({"default", "examples", "enum", "const"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One tool of an upstream as it would be served."""

    upstream: str
    tool: str
    """Its name on the upstream."""
    served: ToolName
    title: str | None
    description: str
    input_schema: Mapping[str, Json]
    output_schema: Mapping[str, Json] | None
    annotations: Mapping[str, Json]
    """Hints of the upstream about itself: shown to operators, believed by nobody."""
    digest: Digest
    """Over the canonical JSON of everything served, annotations, icons and `_meta` included."""
    raw: Digest
    """Over the definition as it arrived; for the record only."""
    cleaned: bool
    """Whether hidden characters were taken out of its texts."""

    @property
    def kind(self) -> Kind:
        """A tool."""
        return Kind.TOOL

    @property
    def name(self) -> str:
        """Its name on the upstream."""
        return self.tool

    @property
    def key(self) -> str:
        """What its approval is kept under."""
        return self.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of one list."""

    definitions: tuple[Definition, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def read(config: UpstreamConfig, raw_tools: Sequence[Json]) -> Tools:
    """Sort what an upstream listed into definitions and what is withheld with its reason.

    Up to 4 s for the worst list, nearly all of it to clean 8 MB of texts: it belongs on a thread.
    """
    good: list[Definition] = []
    bad: list[Quarantined] = []
    room = MAX_ALL_OBJECTS
    for raw in raw_tools:
        room -= objects_in(raw)
        outcome = _define(config, raw, room=room)
        if isinstance(outcome, Definition):
            good.append(outcome)
        else:
            bad.append(outcome)
    return _without_twins(good, bad)


def without(tools: Tools, names: AbstractSet[str], reason: str) -> Tools:
    """*tools* with those called *names* withheld for *reason*."""
    if not names:
        return tools
    return Tools(
        definitions=tuple(one for one in tools.definitions if one.tool not in names),
        quarantined=(
            *tools.quarantined,
            *(Quarantined(name=shown(name)[:64], reason=reason) for name in sorted(names)),
        ),
    )


def _define(config: UpstreamConfig, raw: Json, *, room: int) -> Definition | Quarantined:
    if not isinstance(raw, dict):
        return Quarantined(name="?", reason="the definition is not an object")
    name = raw.get("name")
    if not isinstance(name, str):
        return Quarantined(name="?", reason="the definition has no name")
    label = shown(name)[:64] or "?"
    written = canonical(raw)
    fault = name_fault(name) or size_fault(raw, written, room) or _fault(raw)
    served = served_name(config.name, name, config.prefix)
    if served is None or fault is not None:
        return Quarantined(name=label, reason=fault or "the name cannot be served")
    return _clean(config, raw, name, served, raw_digest=Digest.of(written))


def size_fault(raw: Mapping[str, Json], written: bytes, room: int) -> str | None:
    """Why one definition is too much, in one constant sentence; *room* is how many objects its list has left."""
    if len(written) > MAX_DEFINITION_BYTES:
        return f"larger than {MAX_DEFINITION_BYTES} bytes"
    if objects_in(raw) > MAX_OBJECTS:
        return f"more than {MAX_OBJECTS} objects in it"
    if room < 0:
        return f"more than {MAX_ALL_OBJECTS} objects in the whole list"
    try:
        parse(written, max_depth=MAX_DEFINITION_DEPTH)
    except MalformedJson:
        return f"nested deeper than {MAX_DEFINITION_DEPTH} levels"
    return None


def objects_in(value: Json | Mapping[str, Json]) -> int:
    """How many objects *value* is made of."""
    if isinstance(value, Mapping):
        return 1 + sum(objects_in(item) for item in value.values())
    if isinstance(value, list):
        return sum(objects_in(item) for item in value)
    return 0


def _fault(raw: Mapping[str, Json]) -> str | None:
    """What is wrong with the shape of a definition, in one constant sentence."""
    for key in ("title", "description"):
        text = raw.get(key)
        if text is not None and not isinstance(text, str):
            return f"`{key}` is not a string"
        if isinstance(text, str) and len(text) > MAX_DESCRIPTION:
            return f"`{key}` is longer than {MAX_DESCRIPTION} characters"
    for key in ("annotations", "_meta", "outputSchema"):
        if raw.get(key) is not None and not isinstance(raw[key], dict):
            return f"`{key}` is not an object"
    inputs, outputs = raw.get("inputSchema"), raw.get("outputSchema")
    if not isinstance(inputs, dict) or inputs.get("type") != "object":
        return '`inputSchema` is not a schema with `"type": "object"`'
    return _schema_fault("inputSchema", inputs) or (
        _schema_fault("outputSchema", outputs) if isinstance(outputs, dict) else None
    )


def _schema_fault(where: str, schema: dict[str, Json]) -> str | None:
    if any(not target.startswith("#") for target in _references(schema)):
        return f"`{where}` refers to a schema elsewhere"
    if any(hides(text) for text in strings(_prose(schema, cleaned="drop"))):
        return f"`{where}` has hidden characters where they would change what it accepts"
    fault = misshapen(schema)
    return None if fault is None else f"`{where}` is not a JSON Schema 2020-12: something in it {fault.wants}"


def _references(schema: Json) -> list[str]:
    found: list[str] = []
    if isinstance(schema, dict):
        for key, item in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(item, str):
                found.append(item)
            elif key in _NAMED and isinstance(item, dict):
                found.extend(_references(list(item.values())))
            elif key not in _LEAVES:
                found.extend(_references(item))
    elif isinstance(schema, list):
        for item in schema:
            found.extend(_references(item))
    return found


def _prose(schema: Json, *, cleaned: str) -> Json:
    """*schema* with its prose keywords cleaned (`show`) or left out (`drop`)."""
    if isinstance(schema, list):
        return [_prose(item, cleaned=cleaned) for item in schema]
    if not isinstance(schema, dict):
        return schema
    built: dict[str, Json] = {}
    for key, item in schema.items():
        if key in _PROSE and isinstance(item, str):
            if cleaned == "show":
                built[key] = shown(item)
        elif key in _LEAVES:
            built[key] = item
        elif key in _NAMED and isinstance(item, dict):
            built[key] = {name: _prose(each, cleaned=cleaned) for name, each in item.items()}
        else:
            built[key] = _prose(item, cleaned=cleaned)
    return built


def _clean(
    config: UpstreamConfig, raw: Mapping[str, Json], name: str, served: ToolName, *, raw_digest: Digest
) -> Definition:
    title, inputs, outputs = raw.get("title"), raw["inputSchema"], raw.get("outputSchema")
    kept: dict[str, Json] = {
        "name": name,
        "title": shown(title) if isinstance(title, str) else None,
        "description": shown(str(raw.get("description") or "")),
        "inputSchema": _prose(inputs, cleaned="show"),
        "outputSchema": _prose(outputs, cleaned="show"),
        "annotations": map_strings(raw.get("annotations") or {}, shown),
        "icons": raw.get("icons"),
        "_meta": raw.get("_meta"),
    }
    written_title, annotations = kept["title"], kept["annotations"]
    input_schema, output_schema = kept["inputSchema"], kept["outputSchema"]
    return Definition(
        upstream=config.name,
        tool=name,
        served=served,
        title=written_title if isinstance(written_title, str) else None,
        description=str(kept["description"]),
        input_schema=input_schema if isinstance(input_schema, dict) else {},
        output_schema=output_schema if isinstance(output_schema, dict) else None,
        annotations=annotations if isinstance(annotations, dict) else {},
        digest=Digest.of(canonical(kept)),
        raw=raw_digest,
        cleaned=any(hides(text) for text in strings(dict(raw))),
    )


def _without_twins(good: Sequence[Definition], bad: Sequence[Quarantined]) -> Tools:
    count = Counter(definition.served for definition in good)
    names = Counter(definition.tool for definition in good)
    likes = alike([definition.tool for definition in good])
    kept: list[Definition] = []
    twins: dict[str, Quarantined] = {}
    for definition in good:
        if definition.tool in likes:
            reason = f"its name reads like that of the tool `{likes[definition.tool]}`"
            twins[definition.tool] = Quarantined(name=definition.tool, reason=reason)
        elif count[definition.served] == 1 and names[definition.tool] == 1:
            kept.append(definition)
        else:
            twins[definition.tool] = Quarantined(name=definition.tool, reason="another tool has the same name")
    return Tools(definitions=tuple(kept), quarantined=(*bad, *twins.values()))
