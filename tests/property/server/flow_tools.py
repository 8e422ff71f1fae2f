"""The tools of the generated world: what an operator says of each, which is true, and what each really does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from holdfast.contracts import Effect, Json, ToolName, ToolSpec, Upstream
from holdfast.contracts.limits import UPSTREAM
from holdfast.server.flow_settings import LabelSettings, UpstreamToolSettings

SERVERS = ("w", "v")
LISTED = "*@ours.example"
ROWS: tuple[Mapping[str, Json], ...] = (
    {"path": "inbox/**", "is": ["untrusted"]},
    {"path": "public/**", "is": ["public"]},
    *({"upstream": server, "argument": "to", "values": [LISTED], "is": ["trusted"]} for server in SERVERS),
    *({"upstream": server, "argument": "folder", "values": ["ours"], "is": ["trusted"]} for server in SERVERS),
    *({"upstream": server, "argument": "folder", "values": ["news"], "is": ["public"]} for server in SERVERS),
    *({"upstream": server, "argument": "room", "values": ["public*"], "is": ["public"]} for server in SERVERS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One tool."""

    kind: str
    """What it really does: the name of a method of the world."""
    server: str
    entry: Mapping[str, Json]
    """The operator's, but for the name."""
    wants: tuple[str, ...]
    offers: tuple[str, ...] = ()
    """Arguments that may be left out."""
    answers: str = "structured"
    """Or `text` (JSON as text) or `bare` (text that names no field)."""

    @property
    def tool(self) -> str:
        return f"{self.kind}_{abs(hash_of(self)):x}"

    @property
    def name(self) -> ToolName:
        return ToolName(f"{self.server}__{self.tool}")

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(map(str, self.listed("receivers") or ()))

    @property
    def decisive(self) -> tuple[str, ...]:
        said = self.listed("decisive")
        return (*self.wants, *self.offers) if said is None else tuple(map(str, said))

    @property
    def is_staged(self) -> bool:
        return self.entry.get("staged") is True

    def listed(self, key: str) -> list[Json] | None:
        said = self.entry.get(key)
        return said if isinstance(said, list) else None

    def settings(self) -> UpstreamToolSettings:
        return UpstreamToolSettings.model_validate({"name": self.tool, **self.entry})

    def spec(self) -> ToolSpec:
        """As the catalogue has it (`sandbox.mcp.catalogue.spec_of`)."""
        said = self.settings()
        names = (*self.wants, *self.offers)
        return ToolSpec(
            name=self.name,
            description=self.kind,
            input_schema={
                "type": "object",
                "properties": {name: {"type": "string"} for name in names},
                "required": list(self.wants),
                "additionalProperties": False,
            },
            effects=frozenset(Effect) if said.effects is None else frozenset(said.effects),
            flow=said.flow(),
            runtime=Upstream(self.server, self.tool),
            limits=UPSTREAM,
        )


def hash_of(plan: Plan) -> int:
    """The same in every process."""
    value = 7
    for char in f"{plan.kind}{plan.server}{sorted(plan.entry.items())}{plan.wants}{plan.offers}{plan.answers}":
        value = (value * 31 + ord(char)) & 0xFFFFFF
    return value


def _sources(server: str) -> Iterator[Plan]:
    # `doc` answers a private text, `page` a stranger's, `mail` what the folder holds: `ours`, `news` or both at once.
    yield Plan(kind="doc", server=server, entry={"effects": ["read_private"], "reads": []}, wants=("name",))
    yield Plan(kind="page", server=server, entry={"effects": ["read_untrusted"], "reads": []}, wants=("name",))
    both: list[Json] = ["read_private", "read_untrusted"]
    yield Plan(kind="mail", server=server, entry={"effects": both, "reads": []}, wants=(), offers=("folder",))
    yield Plan(kind="sought", server=server, entry={"effects": both, "reads": []}, wants=("to",))


def _stores(server: str) -> Iterator[Plan]:
    item, made = ["item/{key}"], ["item/{result.id}"]
    for writes in (item, None):
        said: dict[str, Json] = {"effects": ["write"]} | ({} if writes is None else {"writes": writes})
        yield Plan(kind="put", server=server, entry=said, wants=("key", "text"))
        yield Plan(kind="append", server=server, entry=said, wants=("key", "text"))
        yield Plan(kind="fail", server=server, entry=said, wants=("key", "text"))
    yield Plan(kind="put", server=server, entry={"effects": ["write"], "writes": item, "decisive": ["key"]},
               wants=("key", "text"))  # fmt: skip
    for answers in ("structured", "text", "bare"):
        said = {"effects": ["write"], "writes": made, "staged": True}
        yield Plan(kind="create", server=server, entry=said, wants=("text",), answers=answers)
    for effects in ([], ["read_private"]):
        yield Plan(kind="get", server=server, entry={"effects": [*effects], "reads": item}, wants=("key",))
        for reads in (["item/{result.items.id}"], ["item/*"]):
            said = {"effects": [*effects], "reads": [*reads]}
            yield Plan(kind="index", server=server, entry=said, wants=(), answers="structured")
            yield Plan(kind="index", server=server, entry=said, wants=(), answers="text")
    yield Plan(kind="get", server=server, entry={"effects": ["read_private"]}, wants=("key",))
    for effects in (["write"], ["write", "read_private"]):
        said = {"effects": [*effects], "reads": ["item/{source}"], "writes": ["item/{key}"]}
        yield Plan(kind="copy", server=server, entry=said, wants=("source", "key"))
    yield Plan(kind="copy", server=server, entry={"effects": ["write", "read_private"]}, wants=("source", "key"))


def _sinks(server: str) -> Iterator[Plan]:
    out: list[Json] = ["egress", "write"]
    for receivers in ([], ["to"]):
        for more in ({"writes": ["sent/{to}"]}, {}, {"writes": ["sent/{to}"], "decisive": ["to"]}):
            said: dict[str, Json] = {"effects": out, "receivers": [*receivers], **more}  # type: ignore[dict-item] -- lists of texts are JSON
            yield Plan(kind="send", server=server, entry=said, wants=("to", "text"))
    yield Plan(kind="sent", server=server, entry={"effects": [], "reads": ["sent/{to}"]}, wants=("to",))
    said = {"effects": out, "carries": ["item/{key}"], "writes": ["sent/{to}"], "receivers": ["to"]}
    yield Plan(kind="carry", server=server, entry=said, wants=("key", "to"))
    for reads in ({"reads": ["item/{key}"]}, {}):
        said = {"effects": ["egress", "write", "read_private"], "writes": ["sent/{to}"], "receivers": ["to"], **reads}  # type: ignore[dict-item] -- as above
        yield Plan(kind="carry", server=server, entry=said, wants=("key", "to"))
    said = {
        "effects": ["egress", "read_private"],
        "reads": ["item/{key}"],
        "writes": ["sent/{to}"],
        "receivers": ["to"],
    }
    yield Plan(kind="carry", server=server, entry=said, wants=("key", "to"))
    yield Plan(
        kind="query", server=server, entry={"effects": ["egress", "read_untrusted"], "reads": []}, wants=("text",)
    )
    post: dict[str, Json] = {"effects": ["egress", "read_untrusted"], "reads": [], "writes": ["room/{room}"]}
    yield Plan(kind="post", server=server, entry=post | {"receivers": ["room"]}, wants=("room", "text"))
    yield Plan(kind="publish", server=server, entry={"effects": ["write"], "writes": ["room/{room}"]},
               wants=("room", "text"))  # fmt: skip
    yield Plan(kind="room", server=server, entry={"effects": [], "reads": ["room/{room}"]}, wants=("room",))
    when: list[Json] = [{"effects": ["egress"], "argument": "to"}]
    said = {"effects": out, "when": when, "writes": ["item/{result.id}"], "receivers": ["to"]}
    yield Plan(kind="event", server=server, entry=said, wants=("text",), offers=("to",))
    yield Plan(kind="event", server=server, entry=said | {"staged": True}, wants=("text",), offers=("to",))
    yield Plan(kind="spend", server=server, entry={"effects": ["spend"]}, wants=("to", "amount"))
    yield Plan(kind="execute", server=server, entry={"effects": ["execute"]}, wants=("text",))
    yield Plan(kind="wild", server=server, entry={}, wants=("op", "key", "text"))


PLANS: tuple[Plan, ...] = tuple(chain.from_iterable((*_sources(one), *_stores(one), *_sinks(one)) for one in SERVERS))
BY_NAME: Mapping[str, Plan] = {plan.name: plan for plan in PLANS}


def rows() -> tuple[LabelSettings, ...]:
    return tuple(LabelSettings.model_validate(dict(row)) for row in ROWS)
