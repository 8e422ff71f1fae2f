"""What a world's tools do to its state: declarative operations over collections of items. Reaches nothing outside."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .predicates import Predicate, matching, parse_predicate, text_of
from .reading import Json, Node, optional_text, texts
from .values import at_path

State = dict[str, list[dict[str, Json]]]
_NAME = re.compile(r"\{\{|\{([A-Za-z_][\w.-]*)\}")
_ABSENT: Final[Any] = object()
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "list": (("in",), ("where", "fields", "limit")),
    "get": (("in", "where"), ("fields",)),
    "search": (("in", "text", "over"), ("where", "fields", "limit")),
    "create": (("in", "item"), ("id",)),
    "update": (("in", "where"), ("set", "add")),
    "append": (("in", "where", "field", "value"), ()),
    "delete": (("in", "where"), ()),
    "send": (("to", "item"), ("in", "where")),
    "move": (("in", "where", "to"), ("set",)),
    "copy": (("in", "where", "to"), ("set",)),
    "say": ((), ("text", "json")),
    "fail": (("text",), ("in", "where")),
}
"""Required and optional keys of each operation."""


class Failed(Exception):
    """The tool answers with an error that says this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, as it was written."""

    do: str
    keys: Mapping[str, Json]
    where: Mapping[str, Json]
    """Predicates are ready; what still has names in braces is a plain value."""
    fields: tuple[str, ...]
    condition: tuple[str, Predicate] | None
    """`if`: a template, and what it must meet."""
    each: str | None


@dataclass(slots=True, kw_only=True)
class Scope:
    """What names in braces stand for."""

    arguments: Json
    found: Json = None
    each: Json = None
    serial: dict[str, int] = field(default_factory=dict[str, int])

    def named(self, name: str) -> Json:
        """The value called *name*, or `_ABSENT`."""
        head, _, rest = name.partition(".")
        if head == "found" and self.found is not None:
            value = at_path(self.found, rest) if rest else self.found
        elif head == "each":
            value = at_path(self.each, rest) if rest else self.each
        else:
            value = at_path(self.arguments, name)
        return _ABSENT if value is None else value


def parse_operations(node: Node, collections: Sequence[str]) -> tuple[Operation, ...]:
    """Read `op`. Raises: SuiteError."""
    if isinstance(node.value, list):
        made = tuple(_parse(item, collections) for item in node.items())
        if not made:
            raise node.fail("has no operation")
        return made
    return (_parse(node, collections),)


def _parse(node: Node, collections: Sequence[str]) -> Operation:
    if not node.has("do"):
        raise node.fail("`do` is missing; it says which operation this is")
    do = node.at("do").one_of(tuple(_KEYS))
    _check_keys(node, do, collections)
    where: dict[str, Json] = {}
    if node.has("where"):
        for name, one in node.at("where").mapping():
            where[name] = parse_predicate(one) if isinstance(one.value, dict) else one.value
    return Operation(
        do=do,
        keys={key: node.value[key] for key in node.value if key not in ("do", "where", "if", "each", "fields")},
        where=where,
        fields=texts(node.at("fields")) if node.has("fields") else (),
        condition=_condition(node.at("if")) if node.has("if") else None,
        each=optional_text(node, "each") or None,
    )


def _check_keys(node: Node, do: str, collections: Sequence[str]) -> None:
    required, optional = _KEYS[do]
    node.fields(("do", *required), (*optional, "if", "each"))
    for key in ("in", "to"):
        if node.has(key) and node.at(key).text() not in collections:
            raise node.at(key).fail("names no collection of the server's `state`; write it there, if need be as []")
    if do == "say" and node.has("text") == node.has("json"):
        raise node.fail("`say` has either `text` or `json`")
    if node.has("where") and not node.has("in"):
        raise node.fail("`where` needs `in`")
    for key in ("item", "set", "add"):
        if node.has(key) and not isinstance(node.value[key], dict):
            raise node.at(key).fail("must be a mapping of fields")
    if node.has("over"):
        texts(node.at("over"))


def _condition(node: Node) -> tuple[str, Predicate]:
    if not isinstance(node.value, dict):
        return node.text(), Predicate("not", Predicate("in", ["", "null", "[]", "{}", "false"]))
    if len(node.value) != 1:
        raise node.fail("has one value and its predicate")
    (template,) = node.value
    return template, parse_predicate(node.at(template))


def perform(operations: Sequence[Operation], state: State, arguments: Json, serial: dict[str, int]) -> Json:
    """Do *operations* in order; answers what the first one that ran says. Raises: Failed, and nothing was changed."""
    before = copy.deepcopy(state)
    answer: Json = _ABSENT
    try:
        for operation in operations:
            for scope in _scopes(operation, Scope(arguments=arguments, serial=serial)):
                said = _one(operation, state, scope)
                answer = said if answer is _ABSENT else answer
    except Failed:
        state.clear()
        state.update(before)
        raise
    return {"done": True} if answer is _ABSENT else answer


def _scopes(operation: Operation, scope: Scope) -> list[Scope]:
    if operation.condition is not None:
        template, predicate = operation.condition
        value = render(template, scope)
        if value is _ABSENT or value in ([], {}) or not predicate.holds(value):
            return []
    if operation.each is None:
        return [scope]
    items = render(operation.each, scope)
    items = [] if items is _ABSENT else items if isinstance(items, list) else [items]
    return [Scope(arguments=scope.arguments, each=item, serial=scope.serial) for item in items]


def render(value: Json, scope: Scope) -> Json:
    """*value* with the names in it filled in; `_ABSENT` for a lone name that stands for nothing."""
    if isinstance(value, dict):
        made = {key: render(item, scope) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not _ABSENT}
    if isinstance(value, list):
        return [item for item in (render(one, scope) for one in value) if item is not _ABSENT]
    if not isinstance(value, str):
        return value
    lone = _NAME.fullmatch(value)
    if lone is not None and lone[1]:
        return copy.deepcopy(scope.named(lone[1])) if scope.named(lone[1]) is not _ABSENT else _ABSENT
    return _NAME.sub(lambda found: _filled(found, scope), value)


def _filled(found: re.Match[str], scope: Scope) -> str:
    if found[1] is None:
        return "{"
    value = scope.named(found[1])
    return "" if value is _ABSENT else text_of(value)


def _conditions(operation: Operation, scope: Scope) -> dict[str, Predicate]:
    made: dict[str, Predicate] = {}
    for name, wanted in operation.where.items():
        if isinstance(wanted, Predicate):
            made[name] = _ready(wanted, scope)
            continue
        value = render(wanted, scope)
        if value is not _ABSENT:
            made[name] = Predicate("is", value)
    return made


def _ready(predicate: Predicate, scope: Scope) -> Predicate:
    if predicate.word == "not":
        return Predicate("not", _ready(predicate.wanted, scope))
    if predicate.word == "regex":
        return predicate
    value = render(predicate.wanted, scope)
    return Predicate(predicate.word, "" if value is _ABSENT else value)


def _found(operation: Operation, state: State, scope: Scope) -> list[dict[str, Json]]:
    name = operation.keys.get("in")
    return [] if name is None else matching(state[name], _conditions(operation, scope))


def _some(operation: Operation, state: State, scope: Scope) -> list[dict[str, Json]]:
    found = _found(operation, state, scope)
    if not found:
        raise Failed(f"no such item in {operation.keys['in']}")
    return found


def _one(operation: Operation, state: State, scope: Scope) -> Json:
    keys = operation.keys
    match operation.do:
        case "list" | "search":
            return _listed(operation, state, scope)
        case "get":
            return _shown(_some(operation, state, scope)[0], operation.fields)
        case "create":
            return copy.deepcopy(add(state, keys["in"], render(keys["item"], scope), scope, keys.get("id")))
        case "update" | "append":
            return _changed(operation, _some(operation, state, scope)[0], scope)
        case "delete" | "send":
            return (_deleted if operation.do == "delete" else _sent)(operation, state, scope)
        case "move" | "copy":
            return _moved(operation, state, scope)
        case "say":
            return render(keys["text"], scope) if "text" in keys else render(keys["json"], scope)
        case _:
            return _failed(operation, state, scope)


def _listed(operation: Operation, state: State, scope: Scope) -> Json:
    keys, found = operation.keys, _found(operation, state, scope)
    if operation.do == "search":
        found = [item for item in found if _has_words(item, keys, scope)]
    limit = render(keys.get("limit"), scope)
    found = found[: int(limit)] if isinstance(limit, int | float) else found
    return {keys["in"]: [_shown(item, operation.fields) for item in found]}


def _deleted(operation: Operation, state: State, scope: Scope) -> Json:
    name = operation.keys["in"]
    gone = [id(item) for item in _some(operation, state, scope)]
    state[name] = [item for item in state[name] if id(item) not in gone]
    return {"deleted": len(gone)}


def _failed(operation: Operation, state: State, scope: Scope) -> Json:
    if "in" in operation.keys:
        found = _found(operation, state, scope)
        if not found:
            return _ABSENT
        scope = Scope(arguments=scope.arguments, found=found[0], each=scope.each, serial=scope.serial)
    raise Failed(text_of(render(operation.keys["text"], scope)))


def _changed(operation: Operation, item: dict[str, Json], scope: Scope) -> Json:
    keys = operation.keys
    scope = Scope(arguments=scope.arguments, found=copy.deepcopy(item), each=scope.each, serial=scope.serial)
    if operation.do == "append":
        value, kept = render(keys["value"], scope), item.get(keys["field"])
        if value is not _ABSENT:
            item[keys["field"]] = [*kept, value] if isinstance(kept, list) else f"{kept or ''}\n{text_of(value)}"
    item.update(render(keys.get("set", {}), scope))
    for name, amount in render(keys.get("add", {}), scope).items():
        try:
            more = float(amount) if not isinstance(amount, int | float) else amount
        except ValueError:
            raise Failed(f"{name} is no number") from None
        item[name] = round(item.get(name, 0) + more, 2)
    return copy.deepcopy(item)


def _has_words(item: Json, keys: Mapping[str, Json], scope: Scope) -> bool:
    wanted = render(keys["text"], scope)
    words = [] if wanted is _ABSENT else text_of(wanted).casefold().split()
    text = " ".join(text_of(item[name]) for name in keys["over"] if name in item).casefold()
    return all(word in text for word in words)


def _sent(operation: Operation, state: State, scope: Scope) -> Json:
    keys, last = operation.keys, ""
    carried = _some(operation, state, scope) if "in" in keys else [None]
    for found in carried:
        inner = Scope(arguments=scope.arguments, found=found, each=scope.each, serial=scope.serial)
        last = add(state, keys["to"], render(keys["item"], inner), inner)["id"]
    return {"sent": len(carried), "id": last}


def _moved(operation: Operation, state: State, scope: Scope) -> Json:
    keys, ids = operation.keys, list[Json]()
    for item in _some(operation, state, scope):
        inner = Scope(arguments=scope.arguments, found=item, each=scope.each, serial=scope.serial)
        made = copy.deepcopy(item) | render(keys.get("set", {}), inner)
        if operation.do == "move":
            state[keys["in"]] = [one for one in state[keys["in"]] if one is not item]
            state[keys["to"]].append(made)
        else:
            made["of"] = made.pop("id")
            made = add(state, keys["to"], made, inner)
        ids.append(made["id"])
    return {"moved": len(ids), "ids": ids}


def add(
    state: State, collection: str, item: dict[str, Json], scope: Scope, prefix: str | None = None
) -> dict[str, Json]:
    """Add *item*, with an id of its own if it has none."""
    if "id" not in item:
        taken = {one.get("id") for one in state[collection]}
        stem = prefix or collection
        count = scope.serial.get(stem, 0) + 1
        while f"{stem}-{count}" in taken:
            count += 1
        scope.serial[stem] = count
        item = {"id": f"{stem}-{count}", **item}
    state[collection].append(item)
    return item


def _shown(item: dict[str, Json], fields: tuple[str, ...]) -> Json:
    return copy.deepcopy({name: item[name] for name in fields if name in item} if fields else item)
