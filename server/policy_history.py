"""Compares policy sets over recorded calls and made ones, for who reviews a change. It changes nothing.

What it reads of a data directory is the store and its key; a server may run on it meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from holdfast.contracts import Json, OperatorError, ToolSpec
from holdfast.safety.policy import PolicyBundle, PolicyInput, ToolSketch, Unclear, decided_by, verdict_of
from holdfast.safety.policy.cases import read_cases, sample_tools
from holdfast.safety.policy.comparing import Comparison, Difference, Kind, Pair, case_of, compared, generated

from .assembly import builtin_specs
from .config import StoreSettings
from .data_dir import DataDir
from .policies import PROFILES
from .store import DecisionInputs, RecordedInput, Store

WIDER, SAME = 1, 0
"""Exit codes of a diff; 2 is an error, as everywhere."""
SHOWN: Final = 5
"""Examples of each kind, a tool."""
_SAID: Final = {"allow": 2, "ask": 1, "deny": 0}
Files = tuple[Mapping[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Recorded calls, and the tools they were of."""

    rows: tuple[RecordedInput, ...] = ()
    tools: Mapping[str, ToolSketch] | None = None
    """By name, the last definition of each that was called."""
    unopened: int = 0
    """Rows that another key sealed, or that were changed."""

    def of(self, profile: str) -> Iterator[tuple[RecordedInput, PolicyInput | str]]:
        """The calls that were judged by *profile*, each with its first input, or why there is none."""
        for row in self.rows:
            if row.said.get("profile") == profile:
                yield row, self.input_of(row, row.said)

    def input_of(self, row: RecordedInput, said: Mapping[str, Json]) -> PolicyInput | str:
        """What policy was asked when it *said* so of the call *row*, or why that cannot be told."""
        written = said.get("input")
        if not isinstance(written, Mapping):
            return "its arguments could not be kept"
        given = PolicyInput.from_json(written)
        sketch = (self.tools or {}).get(given.tool)
        if sketch is None or str(sketch.definition) != row.definition:
            return "its tool has another definition now"
        return given


async def read_history(root: Path, store: StoreSettings, since: float) -> History:
    """What is recorded in the data directory *root* since *since* (seconds since the epoch); nothing if it has none.

    Raises: OperatorError when it cannot be read.
    """
    if not _is_there(root, store):
        return History()
    data = DataDir.open(root)
    opened = await Store.open(store.url or f"sqlite:///{data.database}", key=data.key("texts"))
    try:
        inputs = DecisionInputs(opened, key=data.key("decision-inputs"))
        rows = await inputs.since(since)
        kept = {name: ToolSketch.from_json(written) for name, written in (await inputs.tools()).items()}
    finally:
        await opened.close()
    sketches = {str(kept[row.definition].name): kept[row.definition] for row in rows if row.definition in kept}
    return History(rows=rows, tools=sketches, unopened=inputs.unopened)


def _is_there(root: Path, store: StoreSettings) -> bool:
    """A folder without a store is left without one."""
    return root.is_dir() and (store.url is not None or (root / "holdfast.db").exists())


def diff(
    old: Files,
    new: Files,
    history: History,
    *,
    profile: str | None,
    most: int,
    tools: Sequence[ToolSpec] = (),
) -> tuple[list[Json], int]:
    """Compare two sets, profile by profile: a report for each, and the exit code. Calls of *tools* are made, too.

    Raises: OperatorError when one of them does not load.
    """
    reports: list[Json] = []
    code = SAME
    for name in PROFILES if profile is None else (profile,):
        specs = _specs((new, old), history, name, tools)
        pair = Pair(old=_load(old, name, specs), new=_load(new, name, specs))
        report, wider = _diffed(pair, history, name, most)
        reports.append(report)
        code = WIDER if wider else code
    return reports, code


def replay(candidate: Files, history: History) -> tuple[list[Json], int]:
    """Judge what was recorded by *candidate*, under the profile each call was judged by: a report for each profile.

    Exit 1 when *candidate* lets more happen than was let.
    """
    reports: list[Json] = []
    code = SAME
    for name in dict.fromkeys(str(row.said.get("profile")) for row in history.rows):
        bundle = _load(candidate, name, _specs((candidate,), history, name))
        report, wider = _replayed(bundle, history, name)
        reports.append(report)
        code = WIDER if wider else code
    return reports, code


def _load(files: Files, profile: str, specs: Sequence[ToolSpec]) -> PolicyBundle:
    return PolicyBundle.load(*files, profile=profile, specs=specs)


def _specs(
    sets: Sequence[Files], history: History, profile: str, tools: Sequence[ToolSpec] = ()
) -> tuple[ToolSpec, ...]:
    """The tools to judge calls of: built in, recorded, *tools*, samples of the sets' cases; the first that has it."""
    found = {str(spec.name): spec for spec in builtin_specs()}
    for sketch in (history.tools or {}).values():
        built_in = found.get(sketch.name)
        if built_in is None or built_in.digest != sketch.definition:
            found[sketch.name] = sketch.spec()
    for spec in tools:
        found.setdefault(str(spec.name), spec)
    for _, cases in sets:
        for name, spec in sample_tools(read_cases(cases, profile)).items():
            found.setdefault(name, spec)
    return tuple(found.values())


def _diffed(pair: Pair, history: History, profile: str, most: int) -> tuple[Json, bool]:
    unclear: Counter[str] = Counter()
    calls: list[tuple[str, PolicyInput]] = []
    for row, given in history.of(profile):
        if isinstance(given, str):
            unclear[given] += 1
        else:
            calls.append((row.call_id, given))
    recorded = compared(pair.old, pair.new, calls)
    unclear.update(why for _, why in recorded.unclear)
    made: list[Comparison] = []
    cut: list[Json] = []
    for one in generated(pair, most=most):
        made.append(compared(pair.old, pair.new, (("", given) for given in one.calls)))
        if one.why_not or not one.whole:
            cut.append({"tool": one.tool, "calls": len(one.calls), "why": one.why_not or f"more than {most} calls"})
    found = [*recorded.differences, *(one for each in made for one in each.differences)]
    counts = {kind.value: sum(one.kind is kind for one in found) for kind in Kind}
    report: dict[str, Json] = {
        "profile": profile,
        "old": str(pair.old.digest),
        "new": str(pair.new.digest),
        "wider": any(one.wider for one in found),
        "recorded": len(calls) + sum(unclear.values()) - len(recorded.unclear),
        "not_reconstructed": [{"why": why, "calls": count} for why, count in sorted(unclear.items())],
        "made": sum(len(one.differences) + one.same for one in made),
        "not_all_made": cut,
        "counts": dict(counts),
        "differences": [*_examples(pair, found)],
    }
    return report, any(one.wider for one in found)


def _examples(pair: Pair, found: Sequence[Difference]) -> Iterator[Json]:
    """The first few of each kind, tool and pair of reasons, the wider ones first; made ones only as confirmed."""
    seen: Counter[tuple[str, ...]] = Counter()
    shown: Counter[tuple[str, str]] = Counter()
    for one in sorted(found, key=lambda each: (not each.wider, not each.call)):
        why = (one.kind.value, one.given.tool, *decided_by(one.before), "", *decided_by(one.after))
        seen[why] += 1
        if seen[why] > 1 or shown[one.kind.value, one.given.tool] >= SHOWN:
            continue
        shown[one.kind.value, one.given.tool] += 1
        policies = (*pair.old.covering(one.given.tool), *pair.new.covering(one.given.tool))
        built_in = one.given.tool in {spec.name for spec in builtin_specs()}
        case = case_of(one.given, policies, None if built_in else pair.new.specs[one.given.tool])
        yield {
            "kind": one.kind.value,
            "wider": one.wider,
            "tool": one.given.tool,
            "call": one.call or None,
            "before": {"decision": verdict_of(one.before), "by": [*decided_by(one.before)]},
            "after": {"decision": verdict_of(one.after), "by": [*decided_by(one.after)]},
            "hidden": [*sorted(one.given.hidden)],
            "case": yaml.safe_dump(case, sort_keys=False, allow_unicode=True, width=120),
        }


def _replayed(bundle: PolicyBundle, history: History, profile: str) -> tuple[Json, bool]:
    unclear: Counter[str] = Counter()
    same, wider = 0, False
    changed: list[Json] = []
    for row in (one for one in history.rows if one.said.get("profile") == profile):
        gate = row.said.get("gate")
        each = (row.said, *((gate,) if isinstance(gate, Mapping) else ()))
        found = [_again(bundle, history, row, said) for said in each]
        why = next((one for one in found if isinstance(one, str)), None)
        others = [one for one in found if isinstance(one, dict)]
        changed += others
        wider |= any(bool(one["wider"]) for one in others)
        if why is not None:
            unclear[why] += 1
        elif not others:
            same += 1
    report: dict[str, Json] = {
        "profile": profile,
        "candidate": str(bundle.digest),
        "recorded": sum(row.said.get("profile") == profile for row in history.rows),
        "same": same,
        "not_reconstructed": [{"why": why, "calls": count} for why, count in sorted(unclear.items())],
        "changed": changed,
    }
    return report, wider


def _again(
    bundle: PolicyBundle, history: History, row: RecordedInput, said: Mapping[str, Json]
) -> dict[str, Json] | str | None:
    """How *bundle* judges otherwise what was judged then; None: it does not, a text: why that cannot be told."""
    given = history.input_of(row, said)
    if isinstance(given, str):
        return given
    lifted, by = said.get("lifted"), said.get("by")
    now = bundle.judge(given, lifted=frozenset(map(str, lifted)) if isinstance(lifted, list) else frozenset())
    if isinstance(now, Unclear):
        return str(now)
    then, verdict = str(said.get("decision")), verdict_of(now)
    if then == verdict:
        return None
    return {
        "call": row.call_id,
        "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
        "tool": given.tool,
        "principal": given.principal.subject,
        "at_gate": said is not row.said,
        "then": {"decision": then, "by": by if isinstance(by, list) else []},
        "now": {"decision": verdict, "by": [*decided_by(now)]},
        "wider": _SAID[verdict] > _SAID.get(then, 0),
    }


def since_of(written: str | None, now: float) -> float:
    """The time that `24h`, `7d`, or an ISO date names, in seconds since the epoch; 0 for none.

    Raises: OperatorError for anything else.
    """
    if written is None:
        return 0.0
    units = {"m": 60, "h": 3600, "d": 86_400}
    if written[:-1].isdigit() and written[-1:] in units:
        return now - int(written[:-1]) * units[written[-1]]
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise OperatorError("`--since` is `30m`, `24h`, `7d`, or a date as in 2026-11-21T08:00") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
