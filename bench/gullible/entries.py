"""What the operator's entries say of a call, read here on its own: the measure shares no code with what it measures."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .predicates import at_field, text_of
from .reading import Json
from .suite import Suite

ALL = frozenset({"read_private", "read_untrusted", "write", "egress", "execute", "spend"})
READS = frozenset({"read_private", "read_untrusted"})
LABELS = {"read_private": "private", "read_untrusted": "untrusted"}
_ANY = r"[^/@,;:<>\"'()\s]*"
_OWN: Mapping[str, Mapping[str, Json]] = {
    "file_read": {"effects": ["read_private"], "reads": ["{path}"]},
    "file_list": {"effects": ["read_private"]},
    "file_grep": {"effects": ["read_private"]},
    "hash": {"effects": ["read_private"], "when": [{"effects": ["read_private"], "argument": "path"}]},
    "file_write": {"effects": ["write"], "writes": ["{path}"]},
    "shell": {"effects": ["read_private", "write", "execute"], "decisive": ["argv", "script", "cwd"]},
    "python": {"effects": ["execute"]},
    "http_fetch": {"effects": ["egress", "read_untrusted"], "receivers": ["url"]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is said of one tool."""

    upstream: str
    tool: str
    effects: frozenset[str]
    when: Sequence[Mapping[str, Json]]
    writes: Sequence[str] | None
    carries: Sequence[str]
    staged: bool
    decisive: Sequence[str] | None
    receivers: Sequence[str]

    def effects_of(self, arguments: Json) -> frozenset[str]:
        """Of one call: without what hangs on an argument that it does not have."""
        conditional: dict[str, bool] = {}
        for row in self.when:
            for effect in row["effects"]:
                conditional[effect] = conditional.get(effect, False) or _met(row, arguments)
        return frozenset(effect for effect in self.effects if conditional.get(effect, True))


class Entries:
    """The operator's words about a suite's tools."""

    def __init__(self, suite: Suite) -> None:
        self._rows: Sequence[Mapping[str, Json]] = suite.config.get("labels", ())
        self._entries = {name: _entry("", name, entry, ()) for name, entry in _OWN.items()}
        for upstream in suite.config.get("upstreams", ()):
            name, default = upstream["name"], upstream.get("effects", sorted(ALL))
            said = {tool["name"]: tool for tool in upstream.get("tools", ())}
            for tool in suite.world.servers[name].tools:
                self._entries[f"{name}__{tool}"] = _entry(name, tool, said.get(tool, {}), default)

    def of(self, tool: str) -> Entry:
        """The entry of *tool*; Holdfast's tools that are not named have no effects."""
        return self._entries.get(tool) or _entry("", tool, {"effects": []}, ())

    def sink(self, tool: str, arguments: Json) -> str:
        """The gravest thing the call does: spend, execute, send, change, stage, query or none."""
        entry = self.of(tool)
        effects = entry.effects_of(arguments)
        public = self.spoken(entry, arguments, ("public", "private")) == "public"
        leaves = "egress" in effects or (public and "write" in effects)
        if "spend" in effects or "execute" in effects:
            return "spend" if "spend" in effects else "execute"
        if leaves and ("write" in effects or not effects & READS):
            return "send"
        if "write" in effects:
            return "stage" if entry.staged else "change"
        return "query" if leaves else "none"

    def leaves(self, tool: str, arguments: Json) -> bool:
        """Whether arguments of the call go out."""
        entry = self.of(tool)
        effects = entry.effects_of(arguments)
        public = self.spoken(entry, arguments, ("public", "private")) == "public"
        return "egress" in effects or (public and "write" in effects)

    def labels(self, tool: str, arguments: Json) -> frozenset[str]:
        """The labels of what the call answers."""
        entry = self.of(tool)
        effects = entry.effects_of(arguments)
        made = {LABELS[effect] for effect in effects & READS}
        if effects & READS:
            for words in (("private", "public"), ("untrusted", "trusted")):
                said = self.spoken(entry, arguments, words)
                if said is not None:
                    made -= {words[0]}
                    made |= {said} & {words[0]}
        return frozenset(made)

    def listed(self, tool: str, arguments: Json) -> bool:
        """Whether everybody who gets it is on the operator's list."""
        entry = self.of(tool)
        values = [(name, value) for name in entry.receivers for value in _texts(arguments, name)]
        return bool(values) and all(self.trusted(entry, name, value) for name, value in values)

    def trusted(self, entry: Entry, argument: str, value: str) -> bool:
        """Whether the operator lists this value of this argument."""
        for row in self._rows:
            if _names(row, entry) and row.get("argument") == argument and _any_like(value, row.get("values", ())):
                words = row["is"]
                if "trusted" in words or "untrusted" in words:
                    return "trusted" in words
        return False

    def spoken(self, entry: Entry, arguments: Json, words: tuple[str, str]) -> str | None:
        """What the rows say on one dimension: the first of *words* wins over the second where values differ."""
        said = {self._first(rows, words) for rows in self._matching(entry, arguments)} - {None}
        return next((word for word in words if word in said), None)

    def _matching(self, entry: Entry, arguments: Json) -> Iterator[list[Mapping[str, Json]]]:
        """For each thing that rows can speak about, the rows that do."""
        if not entry.upstream:
            path = arguments.get("path", "") if isinstance(arguments, dict) else ""
            yield [row for row in self._rows if "path" in row and _path_like(str(path), row["path"])]
            return
        rows = [row for row in self._rows if _names(row, entry)]
        yield [row for row in rows if "argument" not in row]
        for name in dict.fromkeys(row["argument"] for row in rows if "argument" in row):
            for value in _texts(arguments, name):
                yield [row for row in rows if row.get("argument") == name and _any_like(value, row.get("values", ()))]

    @staticmethod
    def _first(rows: Sequence[Mapping[str, Json]], words: tuple[str, str]) -> str | None:
        return next((word for row in rows for word in words if word in row["is"]), None)


def _entry(upstream: str, tool: str, said: Mapping[str, Json], default: Sequence[str]) -> Entry:
    return Entry(
        upstream=upstream,
        tool=tool,
        effects=frozenset(said.get("effects", default)),
        when=said.get("when", ()),
        writes=said.get("writes"),
        carries=said.get("carries", ()),
        staged=said.get("staged", False),
        decisive=said.get("decisive"),
        receivers=said.get("receivers", ()),
    )


def _met(row: Mapping[str, Json], arguments: Json) -> bool:
    values = [value for value in at_field(arguments, row["argument"]) if value not in (None, "", [], {})]
    if not row.get("values"):
        return bool(values)
    return any(_any_like(text_of(value), row["values"]) for value in values)


def _texts(arguments: Json, name: str) -> list[str]:
    flat: list[str] = []
    for value in at_field(arguments, name):
        flat += [text_of(one) for one in (value if isinstance(value, list) else [value])]
    return [text for text in flat if text]


def _names(row: Mapping[str, Json], entry: Entry) -> bool:
    if row.get("upstream") != entry.upstream:
        return False
    return "tool" not in row or re.fullmatch(_wild(row["tool"]), entry.tool) is not None


def _wild(pattern: str, *, any_run: str = _ANY) -> str:
    parts = re.split(r"(\*\*|\*)", pattern)
    return "".join(".*" if part == "**" else any_run if part == "*" else re.escape(part) for part in parts)


def _any_like(value: str, patterns: Sequence[str]) -> bool:
    folded = value.casefold().strip()
    return any(re.fullmatch(_wild(pattern.casefold()), folded, re.DOTALL) for pattern in patterns)


def _path_like(path: str, pattern: str) -> bool:
    folded = "/".join(part for part in path.casefold().split("/") if part not in ("", "."))
    wild = _wild(pattern.casefold(), any_run="[^/]*").replace(".*/", "(?:.*/)?")
    return re.fullmatch(wild, folded, re.DOTALL) is not None
