"""What differs between an approved definition and the listed one, for people to read. It decides nothing.

A difference is shown field by field and value by value: a flipped hint or a new choice in a schema is one line.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher, unified_diff
from typing import Final, assert_never

from holdfast.contracts import Json, JsonObject, PromptOffer, ResourceOffer, TemplateOffer
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.mcp import (
    CatalogueDiff,
    Defined,
    Definition,
    Guidance,
    PinEntry,
    PinState,
    argument_json,
)

ELSEWHERE: Final = (
    "what was approved is not kept here: it was approved elsewhere; `upstreams show` has what is listed now"
)
UNSEEN: Final = "only icons or `_meta` differ, which are pinned and shown to nobody"

_IDENTITY: Final = frozenset({"digest", "tool", "name", "served", "kind"})
_ALIKE: Final = 0.8
"""Of two definitions: one taken for the other under a new name. A wrong guess costs nothing, both are withheld."""

_COMPARED: Final = 4_000
"""Characters of each that are compared; more takes too long, and names are not all that differs then."""

_CANDIDATES: Final = 50


def changed_lines(before: JsonObject, after: JsonObject) -> list[str]:
    """What differs, as lines: the name of each field, then what it lost and what it gained."""
    lines: list[str] = []
    for name in sorted((before.keys() | after.keys()) - _IDENTITY):
        old, new = dict(_leaves(before.get(name), "")), dict(_leaves(after.get(name), ""))
        if not _same(old, new):
            lines.append(name)
            lines.extend(line for path in sorted(old.keys() | new.keys()) for line in _lines(path, old, new))
    return lines or [UNSEEN]


def renames(diff: CatalogueDiff, kept: Mapping[str, JsonObject]) -> dict[str, str]:
    """Which new keys look like approved ones, of *kept*, that are gone: from the new key to the old one."""
    gone = [one for one in diff.entries if one.state is PinState.REMOVED and one.key in kept][:_CANDIDATES]
    fresh = [one for one in diff.entries if one.state is PinState.NEW and one.definition is not None][:_CANDIDATES]
    found: dict[str, str] = {}
    for one in fresh:
        if one.definition is None:
            continue
        written = _body(definition_json(one.definition))
        alike = ((_likeness(written, _body(kept[old.key])), old.key) for old in gone if old.kind is one.kind)
        best, key = max(alike, default=(0.0, ""))
        if best >= _ALIKE:
            found[one.key] = key
    return found


def _same(one: Json, other: Json) -> bool:
    """Whether both are written the same way; `True` and `1` are not."""
    return canonical([one]) == canonical([other])


def _body(definition: JsonObject) -> str:
    about = {name: value for name, value in definition.items() if name not in _IDENTITY}
    return canonical(about).decode("utf-8")[:_COMPARED]


def _likeness(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Each value of *value* that holds no others, and each list of those, under its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    elif value is not None:
        yield path, value


def _lines(path: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    """How what is under *path* differs: a long text line by line, anything else whole."""
    before, after = old.get(path), new.get(path)
    if path in old and path in new and _same(before, after):
        return
    if not path and isinstance(before, str | None) and isinstance(after, str | None):
        compared = unified_diff((before or "").splitlines(), (after or "").splitlines(), lineterm="", n=0)
        yield from (f"  {line[0]} {line[1:]}" for line in list(compared)[2:] if line[0] in "+-")
        return
    for sign, found, value in (("-", path in old, before), ("+", path in new, after)):
        if found:
            written = json.dumps(value, ensure_ascii=False)
            yield f"  {sign} {path}: {written}" if path else f"  {sign} {written}"


def definition_json(definition: Defined) -> dict[str, Json]:
    """The definition as an operator reads it."""
    about: dict[str, Json] = {
        "tool" if isinstance(definition, Definition) else "name": definition.name,
        "kind": definition.kind.value,
        "title": definition.title,
        "description": definition.description,
        "digest": str(definition.digest),
    }
    if isinstance(definition, Definition):
        about["served"] = definition.served
        about["input_schema"] = dict(definition.input_schema)
        about["output_schema"] = None if definition.output_schema is None else dict(definition.output_schema)
        about["annotations"] = dict(definition.annotations)
        return about
    match definition.offer:
        case PromptOffer(name=served, arguments=arguments):
            about["served"] = served
            about["arguments"] = {one.name: argument_json(one) for one in arguments}
        case ResourceOffer(uri=served, name=called, media_type=media):
            about |= {"served": served, "called": called, "media_type": media}
        case TemplateOffer(uri_template=served, name=called, media_type=media):
            about |= {"served": served, "called": called, "media_type": media}
        case Guidance():
            pass
        case _:
            assert_never(definition.offer)
    return about


def entry_json(entry: PinEntry, *, was: str | None = None) -> dict[str, Json]:
    """One row of a comparison. *was*: the key that it seems to have had before."""
    row: dict[str, Json] = {
        "tool": entry.key,
        "kind": entry.kind.value,
        "state": entry.state.value,
        "why": entry.reason,
    }
    return row if was is None else row | {"state": "renamed", "why": f"was `{was}`?", "was": was}
