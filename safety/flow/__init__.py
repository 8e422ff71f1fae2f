"""The deciding half of flow: places, effects, operator's rows, provenance, fingerprints. It stores and runs nothing.

# templates and places; raises OperatorError naming the template when configuration loads
check_template(template: str, *, result: bool) -> None
places(templates: Iterable[str], space: str, arguments: JsonObject, result: Json = None) -> tuple[Place, ...]
whole(space: str) -> Place
overlaps(one: Place, other: Place) -> bool
fold_key(key: str) -> str                                   # of any path, for a place of ones own

# effects of one call
call_effects(spec: ToolSpec, arguments: JsonObject) -> frozenset[Effect]
has_unknown(spec: ToolSpec, arguments: JsonObject) -> bool  # an argument that the schema does not name
sink_of(effects: frozenset[Effect], *, staged: bool) -> Sink

# operator's rows
LabelRow(*, path=None, host=None, upstream=None, tool=None, argument=None, values=(), says: frozenset[Word])
LabelRows(rows: Iterable[LabelRow], *, receivers: Mapping[str, frozenset[str]] = {})
    .read(subject) -> Spoken(confidentiality: Word | None, integrity: Word | None)
    .listed(subject) -> bool      .public(subject) -> bool
    .lists(upstream, tool, argument, value) -> bool         # one value, for provenance
Subject = Files(keys) | Hosts(names) | Asked(upstream=, tool=, arguments=, schema=, receivers=)

# provenance
UserRequest(text: str).covers(value: Json) -> Strength      # NONE | WEAK | STRONG
args_from_user(request: UserRequest | None, arguments, *, schema, decisive: tuple | None, listed) -> bool
all_from_user(request: UserRequest | None, arguments, *, schema, receivers: tuple, listed) -> bool
receivers_from_user(request: UserRequest | None, arguments, *, schema, receivers: tuple) -> bool
use_digest(tool: str, arguments, *, schema, decisive: tuple | None) -> Digest
Listed = Callable[[str, Json], bool]                        # dotted argument path (no list indexes), leaf

# fingerprints, one object a session
Fingerprints()  .learn(text, labels: frozenset[Label]) -> None   .resembles(text, label) -> bool
                .resembled(text) -> frozenset[Label]             .size_bytes -> int
"""

from .effects import call_effects, has_unknown, sink_of
from .fingerprints import Fingerprints
from .folding import fold_key, fold_text
from .places import check_template, overlaps, place_of, places, whole
from .provenance import Listed, all_from_user, args_from_user, receivers_from_user, use_digest
from .requests import Strength, UserRequest
from .rows import Asked, Files, Hosts, LabelRow, LabelRows, Spoken, Subject, Word

__all__ = [
    "Asked",
    "Files",
    "Fingerprints",
    "Hosts",
    "LabelRow",
    "LabelRows",
    "Listed",
    "Spoken",
    "Strength",
    "Subject",
    "UserRequest",
    "Word",
    "all_from_user",
    "args_from_user",
    "call_effects",
    "check_template",
    "fold_key",
    "fold_text",
    "has_unknown",
    "overlaps",
    "place_of",
    "places",
    "receivers_from_user",
    "sink_of",
    "use_digest",
    "whole",
]
