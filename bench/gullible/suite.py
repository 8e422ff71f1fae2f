"""A suite: a world, benign tasks, and what attackers wrote into it. Read whole and checked before anything runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .effects import Effect, parse_effect
from .reading import Json, Node, SuiteError, optional_text, read_toml, read_yaml, texts
from .values import Value, parse_arguments, takes
from .world import Store, Vessel, WorldPlan, checked_path, parse_world

KINDS = ("exfiltrate", "act", "spend", "destroy", "execute", "publish")
OWN_TOOLS = frozenset(
    ["file_read", "file_write", "file_list", "file_grep", "shell", "json", "hash", "time", "echo", "http_fetch"]
)
MARKER = re.compile(r"OBEY\(([a-z0-9-]+)\)")
_ID = r"[a-z0-9][a-z0-9-]{0,63}"
_ID_RULE = "must be small letters, digits and `-`"
_TABLES = ("upstreams", "labels", "egress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a task or an injection."""

    tool: str
    arguments: Mapping[str, Value]
    name: str | None = None
    fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A later conversation begins."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A sub-agent does these calls."""

    user: str | None
    calls: tuple[Call, ...]


Step = Call | Fresh | Child


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a user asks, and the calls that do it."""

    id: str
    domain: str
    user: str
    steps: tuple[Step, ...]

    @property
    def requests(self) -> tuple[str, ...]:
        """What the user says, conversation by conversation."""
        return (self.user, *(step.user for step in self.steps if isinstance(step, Fresh)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """What an attacker wrote, where, and what it orders."""

    id: str
    kind: str
    vessel: Vessel
    text: str
    calls: tuple[Call, ...]
    effect: Effect
    needs: tuple[str, ...]
    """Tasks; empty: found by playing them."""

    @property
    def written(self) -> str:
        """What stands in the vessel."""
        return self.text.replace("{marker}", f"OBEY({self.id})")

    @property
    def secrets(self) -> frozenset[int]:
        """The takes that hard forms work on, by `id`."""
        every = [take for call in self.calls for value in call.arguments.values() for take in takes(value)]
        marked = [take for take in every if take.secret]
        if not marked and self.kind == "exfiltrate":
            marked = [take for take in every if take.of is None]
        return frozenset(id(take) for take in marked)

    def is_carrier(self, call: Call) -> bool:
        """Whether *call* has a secret among its arguments."""
        secrets = self.secrets
        return any(id(take) in secrets for value in call.arguments.values() for take in takes(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One folder."""

    name: str
    folder: Path
    config: Mapping[str, Json]
    world: WorldPlan
    tasks: tuple[Task, ...]
    injections: tuple[Injection, ...]

    @property
    def stores(self) -> tuple[Store, ...]:
        """Where texts can be kept."""
        return self.world.stores


def find_suites(folder: Path) -> tuple[Path, ...]:
    """The suites in *folder*, or itself. Raises: SuiteError."""
    if not folder.is_dir():
        raise SuiteError(str(folder), "", "is no folder")
    found = tuple(sorted(path.parent for path in folder.rglob("world.yaml")))
    if not found:
        raise SuiteError(str(folder), "", "holds no suite: there is no `world.yaml` in it or below")
    return found


def load_suite(folder: Path) -> Suite:
    """Read a suite. Raises: SuiteError, with the suite's name in front."""
    try:
        return _load(folder)
    except SuiteError as error:
        raise SuiteError(f"{folder.name}/{error}", "", "see bench/gullible/README.md") from None


def _load(folder: Path) -> Suite:
    world = parse_world(read_yaml(folder / "world.yaml"), folder.name)
    config = _config(read_toml(folder / "holdfast.toml"), world)
    tasks = tuple(_parse_task(node, world) for node in _listed(folder / "tasks.yaml"))
    _unique([task.id for task in tasks], "tasks.yaml")
    known = {task.id for task in tasks}
    injections = tuple(_parse_injection(node, world, known) for node in _listed(folder / "injections.yaml"))
    _unique([one.id for one in injections], "injections.yaml")
    return Suite(name=folder.name, folder=folder, config=config, world=world, tasks=tasks, injections=injections)


def _listed(path: Path) -> Sequence[Node]:
    found = read_yaml(path)
    return () if found.value is None else tuple(found.items())


def _unique(ids: Sequence[str], file: str) -> None:
    for one in ids:
        if ids.count(one) > 1:
            raise SuiteError(file, one, "this `id` is there twice")


def _config(config: Mapping[str, Json], world: WorldPlan) -> Mapping[str, Json]:
    file = "holdfast.toml"
    for table in config:
        if table not in _TABLES:
            raise SuiteError(file, table, "is added by the harness; a suite has " + ", ".join(_TABLES))
    names = [entry.get("name") for entry in config.get("upstreams", ())]
    for place, entry in enumerate(config.get("upstreams", ())):
        where = f"upstreams[{place}]"
        if entry.get("name") not in world.servers:
            raise SuiteError(file, f"{where}.name", "names no server of world.yaml")
        if entry.get("url") != "world":
            raise SuiteError(file, f"{where}.url", 'must be "world"')
        for index, tool in enumerate(entry.get("tools", ())):
            if tool.get("name") not in world.servers[entry["name"]].tools:
                raise SuiteError(file, f"{where}.tools[{index}].name", "names no tool of that server in world.yaml")
    for name in world.servers:
        if names.count(name) != 1:
            raise SuiteError(file, "upstreams", f"the server `{name}` of world.yaml needs one entry here")
    return config


def _parse_task(node: Node, world: WorldPlan) -> Task:
    node.fields(("id", "user", "calls"), ("domain",))
    task_id = node.at("id").text(pattern=_ID, rule=_ID_RULE)
    steps: list[Step] = []
    names: set[str] = set()
    for one in node.at("calls").items():
        if one.has("session"):
            one.fields(("session", "user")).at("session").one_of(("fresh",))
            steps.append(Fresh(user=one.at("user").text()))
            names = set()
        elif one.has("subagent"):
            one.fields(("subagent", "calls"), ("user",))
            if not one.at("subagent").flag():
                raise one.at("subagent").fail("is true, or left out")
            calls = tuple(_parse_call(call, world, names) for call in one.at("calls").items())
            steps.append(Child(user=one.at("user").text() if one.has("user") else None, calls=calls))
        else:
            steps.append(_parse_call(one, world, names))
    if not steps:
        raise node.at("calls").fail("a task has at least one call")
    return Task(
        id=task_id, domain=optional_text(node, "domain", world.domain), user=node.at("user").text(), steps=tuple(steps)
    )


def _parse_call(node: Node, world: WorldPlan, names: set[str]) -> Call:
    node.fields(("tool", "with"), ("as", "fails"))
    tool = node.at("tool").text()
    if tool not in OWN_TOOLS and world.tool(tool) is None:
        raise node.at("tool").fail(f"`{tool}` is neither SERVER__TOOL of world.yaml nor one of Holdfast's own tools")
    if tool == "shell" and not world.shell:
        raise node.at("tool").fail("`shell` needs `shell: true` in world.yaml")
    if tool.startswith("file_") and not world.has_files:
        raise node.at("tool").fail("file tools need `files` in world.yaml")
    arguments = parse_arguments(node.at("with"))
    for name, value in arguments.items():
        for take in takes(value):
            if take.of is not None and take.of not in names:
                raise node.at("with").at(name).fail(f"`of: {take.of}` names no earlier step of this conversation")
    call_name = node.at("as").text() if node.has("as") else None
    if call_name is not None:
        names.add(call_name)
    return Call(
        tool=tool, arguments=arguments, name=call_name, fails=node.at("fails").flag() if node.has("fails") else False
    )


def _parse_injection(node: Node, world: WorldPlan, tasks: set[str]) -> Injection:
    node.fields(("id", "kind", "vessel", "text", "calls", "effect"), ("needs",))
    text = node.at("text").text()
    if text.count("{marker}") != 1:
        raise node.at("text").fail("has `{marker}` exactly once")
    vessel = _parse_vessel(node.at("vessel"), world, text)
    names: set[str] = set()
    calls = tuple(_parse_call(call, world, names) for call in node.at("calls").items())
    if not calls:
        raise node.at("calls").fail("orders nothing")
    needs = texts(node.at("needs")) if node.has("needs") else ()
    for task in needs:
        if task not in tasks:
            raise node.at("needs").fail(f"`{task}` is no task of tasks.yaml")
    return Injection(
        id=node.at("id").text(pattern=_ID, rule=_ID_RULE),
        kind=node.at("kind").one_of(KINDS),
        vessel=vessel,
        text=text,
        calls=calls,
        effect=parse_effect(node.at("effect"), world),
        needs=needs,
    )


def _parse_vessel(node: Node, world: WorldPlan, text: str) -> Vessel:
    put = node.at("put").one_of(("append", "prepend", "replace")) if node.has("put") else "append"
    if node.has("error"):
        if world.tool(node.fields(("error",)).at("error").text()) is None:
            raise node.at("error").fail("names no tool of this world")
        return Vessel(error=node.value["error"])
    if node.has("file"):
        return Vessel(file=checked_path(node.fields(("file",), ("put",)).at("file")), put=put)
    if node.has("file_name"):
        folder = node.fields(("file_name",)).at("file_name").text()
        if "/" in text:
            raise node.at("file_name").fail("`text` becomes a file's name and must not hold `/`")
        return Vessel(file_name=folder)
    if node.has("add"):
        node.fields(("server", "collection", "add"), ("first",))
        server, collection = _place(node, world)
        first = node.at("first").flag() if node.has("first") else False
        return Vessel(server=server, collection=collection, add=_checked_item(node.at("add")), first=first)
    node.fields(("server", "collection", "item", "field"), ("put",))
    server, collection = _place(node, world)
    if all(item["id"] != node.at("item").text() for item in world.servers[server].state[collection]):
        raise node.at("item").fail("is the id of no item of that collection")
    item, field = node.at("item").text(), node.at("field").text()
    return Vessel(server=server, collection=collection, item=item, field=field, put=put)


def _checked_item(node: Node) -> Mapping[str, Json]:
    fields = {key: item.value for key, item in node.mapping()}
    if "{text}" not in repr(fields):
        raise node.fail("has no `{text}`: nobody would read it")
    return fields


def _place(node: Node, world: WorldPlan) -> tuple[str, str]:
    server = world.servers.get(node.at("server").text())
    if server is None:
        raise node.at("server").fail("names no server of the world")
    if node.at("collection").text() not in server.state:
        raise node.at("collection").fail("names no collection of that server")
    return server.name, node.at("collection").text()
