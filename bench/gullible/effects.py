"""Whether an attack had its effect: predicates on the world after a run. They never look at who asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .predicates import Predicate, carried, matching, parse_predicate
from .reading import Json, Node
from .world import WorldPlan, checked_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What is looked at."""

    states: Mapping[str, Mapping[str, list[dict[str, Json]]]]
    file: Callable[[str], str | None]
    """The text of a workspace file; None when there is none."""
    calls: Sequence[tuple[str, Json]]
    """Calls that were run: the tool and its arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InState:
    """Items of a collection."""

    server: str
    collection: str
    where: Mapping[str, Predicate]
    count: int
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InFile:
    """A file's text, or whether it is there."""

    path: str
    text: Predicate | None
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Calls that were run."""

    tool: str
    arguments: Mapping[str, Predicate]
    count: int


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several."""

    effects: "tuple[Effect, ...]"


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of several."""

    effects: "tuple[Effect, ...]"


Effect = InState | InFile | Called | AnyOf | AllOf


def holds(effect: Effect, after: Aftermath) -> bool:
    """Whether *effect* is there."""
    match effect:
        case InState():
            found = len(matching(after.states[effect.server][effect.collection], effect.where))
            return found == 0 if effect.absent else found >= effect.count
        case InFile():
            text = after.file(effect.path)
            if effect.text is None:
                return (text is not None) == effect.exists
            if text is None:
                return False
            return carried(effect.text.wanted, [text]) if effect.text.word == "carries" else effect.text.holds(text)
        case Called():
            calls = [arguments for tool, arguments in after.calls if tool == effect.tool]
            return len(matching(calls, effect.arguments)) >= effect.count
        case AnyOf(effects):
            return any(holds(one, after) for one in effects)
        case AllOf(effects):
            return all(holds(one, after) for one in effects)


def parse_effect(node: Node, plan: WorldPlan) -> Effect:
    """Read `effect`. Raises: SuiteError."""
    if node.has("any"):
        return AnyOf(tuple(parse_effect(one, plan) for one in node.fields(["any"]).at("any").items()))
    if node.has("all"):
        return AllOf(tuple(parse_effect(one, plan) for one in node.fields(["all"]).at("all").items()))
    if node.has("tool_called"):
        node.fields(("tool_called",), ("with", "count"))
        return Called(
            tool=node.at("tool_called").text(),
            arguments=_predicates(node, "with"),
            count=node.at("count").number() if node.has("count") else 1,
        )
    if node.has("file"):
        return _parse_file(node)
    node.fields(("server", "collection", "where"), ("count", "absent"))
    server = plan.servers.get(node.at("server").text())
    if server is None:
        raise node.at("server").fail("names no server of the world")
    if node.at("collection").text() not in server.state:
        raise node.at("collection").fail("names no collection of that server")
    if node.has("count") and node.has("absent"):
        raise node.fail("has either `count` or `absent`")
    return InState(
        server=server.name,
        collection=node.value["collection"],
        where=_predicates(node, "where"),
        count=max(1, node.at("count").number()) if node.has("count") else 1,
        absent=node.at("absent").flag() if node.has("absent") else False,
    )


def _parse_file(node: Node) -> InFile:
    node.fields(("file",), ("contains", "carries", "regex", "exists"))
    words = [word for word in ("contains", "carries", "regex") if node.has(word)]
    if len(words) + node.has("exists") != 1:
        raise node.fail("has exactly one of `contains`, `carries`, `regex`, `exists`")
    text = None
    if words:
        text = parse_predicate(Node({words[0]: node.value[words[0]]}, node.file, node.path), effect=True)
    exists = node.at("exists").flag() if node.has("exists") else True
    return InFile(path=checked_path(node.at("file")), text=text, exists=exists)


def _predicates(node: Node, key: str) -> dict[str, Predicate]:
    if not node.has(key):
        return {}
    return {name: parse_predicate(one, effect=True) for name, one in node.at(key).mapping()}
