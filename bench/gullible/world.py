"""The world of a suite: its servers' tools and state, its files. What a run does to it is seen here, and undone."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from .operations import Failed, Operation, Scope, State, add, parse_operations, perform
from .reading import Json, Node, SuiteError, optional_text

SERVER_NAME = r"[a-z][a-z0-9-]{0,30}"
TOOL_NAME = r"[A-Za-z0-9_-]{1,40}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool of a server."""

    name: str
    description: str
    schema: Mapping[str, Json]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """A server as it is written."""

    name: str
    tools: Mapping[str, Tool]
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where a model can keep a text for a later conversation."""

    name: str
    write_tool: str
    write_with: Mapping[str, str]
    id_pattern: str | None
    read_tool: str
    read_with: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """A world as it is written."""

    domain: str
    shell: bool
    servers: Mapping[str, ServerPlan]
    files: Mapping[str, str]
    has_files: bool
    stores: tuple[Store, ...]

    def tool(self, name: str) -> Tool | None:
        """The upstream tool called `SERVER__TOOL`."""
        server, _, tool = name.partition("__")
        plan = self.servers.get(server)
        return None if plan is None else plan.tools.get(tool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vessel:
    """Where an attacker's text is put."""

    server: str = ""
    collection: str = ""
    item: str = ""
    field: str = ""
    add: Mapping[str, Json] | None = None
    first: bool = False
    file: str = ""
    file_name: str | None = None
    error: str = ""
    put: str = "append"


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool answers."""

    ok: bool
    value: Json

    @property
    def text(self) -> str:
        """As a text block."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)


@dataclass(slots=True)
class World:
    """A world during one run."""

    plan: WorldPlan
    states: dict[str, State] = field(default_factory=dict[str, State])
    files: dict[str, str] = field(default_factory=dict[str, str])
    _serials: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _errors: dict[str, str] = field(default_factory=dict[str, str])

    def reset(self, vessel: Vessel | None = None, text: str = "") -> None:
        """Everything as it is written, with *text* in *vessel*. `files` is what the workspace must then hold."""
        self.states = {name: copy.deepcopy(server.state) for name, server in self.plan.servers.items()}
        self.files = dict(self.plan.files)
        self._serials = {name: {} for name in self.plan.servers}
        self._errors = {}
        if vessel is None:
            return
        if vessel.error:
            self._errors[vessel.error] = text
        elif vessel.file_name is not None:
            self.files[str(PurePosixPath(vessel.file_name) / text)] = ""
        elif vessel.file:
            self.files[vessel.file] = _put(self.files.get(vessel.file, ""), text, vessel.put)
        else:
            self._put_item(vessel, text)

    def _put_item(self, vessel: Vessel, text: str) -> None:
        state = self.states[vessel.server]
        if vessel.add is not None:
            scope = Scope(arguments={}, serial=self._serials[vessel.server])
            made = add(state, vessel.collection, _with_text(dict(vessel.add), text), scope)
            if vessel.first:
                state[vessel.collection].remove(made)
                state[vessel.collection].insert(0, made)
            return
        item = next(one for one in state[vessel.collection] if one.get("id") == vessel.item)
        kept = item.get(vessel.field, "")
        item[vessel.field] = [*kept, text] if isinstance(kept, list) else _put(str(kept), text, vessel.put)

    def call(self, server: str, tool: str, arguments: Json) -> Said:
        """Have *tool* done."""
        plan = self.plan.servers[server].tools.get(tool)
        if plan is None:
            return Said(ok=False, value="there is no such tool")
        wrong = next(Draft202012Validator(plan.schema).iter_errors(arguments), None)
        if wrong is not None:
            return Said(ok=False, value=f"invalid arguments: {wrong.json_path}")
        try:
            return Said(True, perform(plan.operations, self.states[server], arguments, self._serials[server]))
        except Failed as failure:
            more = self._errors.get(f"{server}__{tool}")
            return Said(False, f"{failure}\n{more}" if more else str(failure))


def _put(kept: str, text: str, how: str) -> str:
    match how:
        case "replace":
            return text
        case "prepend":
            return f"{text}\n{kept}"
        case _:
            return f"{kept}\n{text}" if kept else text


def _with_text(value: Json, text: str) -> Json:
    if isinstance(value, dict):
        return {key: _with_text(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text(item, text) for item in value]
    return value.replace("{text}", text) if isinstance(value, str) else value


def parse_world(node: Node, folder: str) -> WorldPlan:
    """Read `world.yaml`. Raises: SuiteError."""
    node.fields(("servers",), ("domain", "shell", "files", "stores"))
    servers: dict[str, ServerPlan] = {}
    for name, server in node.at("servers").mapping():
        Node(name, node.file, "servers").text(
            pattern=SERVER_NAME, rule=f"`{name}` is no upstream's name: small letters, digits and `-`"
        )
        servers[name] = _parse_server(name, server)
    files = {}
    if node.has("files"):
        for path, text in node.at("files").mapping():
            files[checked_path(Node(path, node.file, "files"))] = text.text()
    plan = WorldPlan(
        domain=optional_text(node, "domain", folder),
        shell=node.at("shell").flag() if node.has("shell") else False,
        servers=servers,
        files=files,
        has_files=node.has("files"),
        stores=(),
    )
    if plan.shell and not plan.has_files:
        raise node.at("shell").fail("needs `files`: the shell works in the workspace")
    stores = _parse_stores(node.at("stores"), plan) if node.has("stores") else ()
    if plan.has_files:
        stores = (*stores, _FILE_STORE)
    return WorldPlan(
        domain=plan.domain, shell=plan.shell, servers=servers, files=files, has_files=plan.has_files, stores=stores
    )


_FILE_STORE = Store(
    name="file",
    write_tool="file_write",
    write_with={"path": "{key}.txt", "content": "{text}"},
    id_pattern=None,
    read_tool="file_read",
    read_with={"path": "{key}.txt"},
)


def checked_path(node: Node) -> str:
    """A path within the workspace."""
    path = node.text()
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        raise node.fail(f"`{path}` is no path within the workspace")
    return path


def _parse_server(name: str, node: Node) -> ServerPlan:
    node.fields(("tools",), ("state",))
    state: State = {}
    if node.has("state"):
        for collection, items in node.at("state").mapping():
            state[collection] = [_item(item) for item in items.items()]
    tools: dict[str, Tool] = {}
    for tool in node.at("tools").items():
        made = _parse_tool(tool, tuple(state))
        if made.name in tools:
            raise tool.fail(f"`{made.name}` is there twice")
        tools[made.name] = made
    serial: dict[str, int] = {}
    for collection, written in list(state.items()):
        state[collection] = []
        for item in written:
            add(state, collection, item, Scope(arguments={}, serial=serial))
    return ServerPlan(name=name, tools=tools, state=state)


def _item(node: Node) -> dict[str, Json]:
    node_items = dict(node.mapping())
    if "id" in node_items:
        node_items["id"].text()
    return {key: item.value for key, item in node_items.items()}


def _parse_tool(node: Node, collections: Sequence[str]) -> Tool:
    node.fields(("name", "description", "input", "op"))
    schema = node.at("input")
    if not isinstance(schema.value, dict) or schema.value.get("type") != "object":
        raise schema.fail("must be a JSON Schema with `type: object`")
    try:
        Draft202012Validator.check_schema(schema.value)
    except SchemaError as error:
        raise schema.fail(f"is no JSON Schema: {error.json_path}") from None
    return Tool(
        name=node.at("name").text(pattern=TOOL_NAME, rule="must be letters, digits, `_` and `-`"),
        description=node.at("description").text(),
        schema=schema.value,
        operations=parse_operations(node.at("op"), collections),
    )


def _parse_stores(node: Node, plan: WorldPlan) -> tuple[Store, ...]:
    made: list[Store] = []
    for one in node.items():
        one.fields(("name", "write", "read"))
        write = one.at("write").fields(("tool", "with"), ("id",))
        read = one.at("read").fields(("tool", "with"))
        for part in (write, read):
            if plan.tool(part.at("tool").text()) is None:
                raise part.at("tool").fail("names no tool of this world")
        pattern = write.at("id").regex().pattern if write.has("id") else None
        made.append(
            Store(
                name=one.at("name").text(pattern=r"[a-z-]+", rule="must be small letters"),
                write_tool=write.value["tool"],
                write_with={key: value.text() for key, value in write.at("with").mapping()},
                id_pattern=pattern,
                read_tool=read.value["tool"],
                read_with={key: value.text() for key, value in read.at("with").mapping()},
            )
        )
        if "{text}" not in "".join(made[-1].write_with.values()):
            raise write.at("with").fail("has no `{text}`: nothing would be stored")
    return tuple(made)


__all__ = ["Said", "Store", "SuiteError", "Tool", "Vessel", "World", "WorldPlan", "checked_path", "parse_world"]
