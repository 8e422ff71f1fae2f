"""The longest that schemas and arguments hold the validator, in ms of CPU: pairs made to hurt, then a search for worse.

    python -m bench.validator [--json] [--seconds N]

Three columns: compiling the schema, as registration and the first call do; evaluating the arguments; whether that ended
within its steps. The bound is 50 ms for either. It decides nothing and fails on no number.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from holdfast.contracts import OperatorError
from holdfast.safety.schemas import OutOfSteps, compile_schema

ROUNDS = 5
SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one pair took, the best of several rounds."""

    name: str
    compiling_ms: float
    evaluating_ms: float
    ended: str


def nested(levels: int, key: str = "a") -> Any:
    """An object in an object in an object."""
    value: Any = 1
    for _ in range(levels):
        value = {key: value}
    return value


def again(schema: Any, times: int) -> Any:
    """*schema* applied to the same value *times* over."""
    return {"$defs": {"a": schema}, "allOf": [{"$ref": "#/$defs/a"}] * times}


def pairs() -> Iterator[tuple[str, Any, Any]]:
    """Schemas and values that are each the worst of their kind that we know."""
    yield from _in_place()
    yield from _over_items()
    yield from _over_names()
    yield from _to_compile()


def _in_place() -> Iterator[tuple[str, Any, Any]]:
    doubling = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)}
    looking = {name: {**schema, "unevaluatedProperties": True} for name, schema in doubling.items()}
    yield "references doubling", {"$defs": {**doubling, "a40": {}}, "$ref": "#/$defs/a0"}, {}
    yield "unevaluated, looking again", {"$defs": {**looking, "a40": {}}, "$ref": "#/$defs/a0"}, {"a": 1}
    yield "recursion in threes", {"properties": {"a": {"allOf": [{"$ref": "#"}] * 3}}}, nested(20)
    yield "unions failing last", {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["z"]}] * 4}, nested(20)
    yield "oneOf, every branch", {"oneOf": [{"properties": {"a": {"$ref": "#"}}}] * 3}, nested(25)
    yield "conditions", {"properties": {"a": {"if": {"$ref": "#"}, "then": {"$ref": "#"}}}}, nested(30)
    yield "not in not", {"properties": {"a": {"not": {"anyOf": [{"not": {"$ref": "#"}}] * 2}}}}, nested(30)
    yield "yes, 400 times 400", again({"allOf": [True] * 400}, 400), 1
    yield "in front, 400 times 400", again({"prefixItems": [True] * 400}, 400), [1] * 9_000


def _over_items() -> Iterator[tuple[str, Any, Any]]:
    ones = [1] * 9_900
    yield "unique lists", {"allOf": [{"uniqueItems": True}] * 9}, [[index] for index in range(4_900)]
    yield "unique numbers", {"uniqueItems": True}, [index + 0.5 for index in range(9_900)]
    yield "multiples", {"items": {"multipleOf": 0.01}}, [index + 0.01 for index in range(9_000)]
    yield "multiples of the least", {"items": {"multipleOf": 5e-324}}, [1.7e308] * 9_000
    yield "contains", {"allOf": [{"contains": {"const": 1}, "minContains": 5_000}] * 50}, ones
    yield "no member of many", {"items": {"not": {"enum": [f"v{index}" for index in range(6_000)]}}}, ones
    yield "no keywords", {"items": {f"x{index}": 1 for index in range(4_000)}}, ones
    yield "failing unions", {"items": {"anyOf": [{"type": "string"}, {"type": "object"}, {"minimum": 0}]}}, ones
    choice = [{"properties": {"t": {"const": index}}, "required": ["t"]} for index in range(320)]
    yield "oneOf by constant", {"items": {"oneOf": choice}}, [{"t": index % 320} for index in range(4_900)]


def _over_names() -> Iterator[tuple[str, Any, Any]]:
    names = {f"k{index}": 1 for index in range(5_000)}
    yield "names under patterns", {"patternProperties": {f"^k{index}[a-z]*$": {} for index in range(250)}}, names
    yield "patterns of names", {"propertyNames": {"pattern": "^[a-z0-9]{1,500}$"}}, {key * 8: 1 for key in names}
    yield "a slow pattern", {"items": {"pattern": "[a-z]{1,900}x|[b-y]{1,900}z"}}, ["a" * 1_900] * 50
    yield "letters of any kind", {"pattern": r"(\pL\pN?){1,30}\pL$"}, "\u00e9" * 45_000
    needs = {"dependentSchemas": {f"k{index}": {"required": ["k1"]} for index in range(490)}}
    yield "names that depend", {**needs, "unevaluatedProperties": True}, names
    unknown = {"properties": {f"v{index}": {} for index in range(900)}, "additionalProperties": False}
    yield "unknown names, refused often", {"items": {"not": unknown}}, [{"z": 1}] * 4_900


def _to_compile() -> Iterator[tuple[str, Any, Any]]:
    many = {f"k{index}": {"type": "string"} for index in range(998)}
    anchors = [{"$anchor": f"a{index}"} for index in range(490)]
    yield "a thousand properties", {"properties": many}, {}
    yield "anchors", {"allOf": anchors, "items": {"allOf": [{"$ref": f"#a{index}"} for index in range(490)]}}, {}
    yield "names of their own", {"allOf": [{"$id": f"urn:a:{index}", "type": "null"} for index in range(490)]}, None
    yield "reached by reference", {"x": many, "allOf": [{"$ref": f"#/x/k{index}"} for index in range(490)]}, ""
    yield "members that are lists", {"enum": [[index] for index in range(9_000)]}, [1]
    yield "letters, 200 times", {"pattern": r"\pL" * 200}, ""
    yield "letters of either case", {"pattern": r"(?i)" + r"\pL?" * 100}, ""
    yield "letters, too many", {"pattern": r"(\pL{1,30}){1,30}"}, ""
    yield "programs", {"allOf": [{"pattern": f"(?i)[^a-z]{{1,9}}{index}"} for index in range(90)]}, ""


def measured(name: str, schema: Any, value: Any) -> Taken:
    """Compile and evaluate one pair."""
    try:
        compiling, compiled = _least(lambda: compile_schema(schema))
    except OperatorError:
        started = time.process_time()
        try:
            compile_schema(schema)
        except OperatorError:
            return Taken(name=name, compiling_ms=_since(started), evaluating_ms=0.0, ended="refused")
        raise
    evaluating, outcome = _least(lambda: compiled.evaluate(value))
    ended = "out of steps" if isinstance(outcome, OutOfSteps) else type(outcome).__name__.lower()
    return Taken(name=name, compiling_ms=compiling, evaluating_ms=evaluating, ended=ended)


def _least(work: Callable[[], Any]) -> tuple[float, Any]:
    best, done = float("inf"), None
    for _ in range(ROUNDS):
        started = time.process_time()
        done = work()
        best = min(best, _since(started))
    return best, done


def _since(started: float) -> float:
    return (time.process_time() - started) * 1_000


def search(seconds: float, draw: random.Random) -> Taken:
    """Change the worst pair again and again, keep what takes longer, and answer the worst."""
    pool = [(schema, value) for _, schema, value in pairs()]
    worst = Taken(name="search", compiling_ms=0, evaluating_ms=0, ended="none")
    kept: list[tuple[float, Any, Any]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        schema, value = draw.choice(pool) if not kept or draw.random() < 0.4 else draw.choice(kept)[1:]
        schema, value = _changed(schema, pool, draw), draw.choice((value, draw.choice(pool)[1]))
        try:
            compiled = compile_schema(schema)
        except OperatorError:
            continue
        started = time.process_time()
        compiled.evaluate(value)
        taken = _since(started)
        kept = sorted([*kept, (taken, schema, value)], key=lambda one: -one[0])[:20]
        if taken > worst.evaluating_ms:
            again_taken = measured(f"search: {json.dumps(schema)[:60]}", schema, value)
            worst = max(worst, again_taken, key=lambda one: one.evaluating_ms)
    return worst


def _changed(schema: Any, pool: list[tuple[Any, Any]], draw: random.Random) -> Any:
    """*schema* inside, beside or around another, or applied again and again."""
    other = {
        key: part for key, part in draw.choice(pool)[0].items() if key != "$defs" and "$ref" not in json.dumps(part)
    }
    match draw.randrange(5):
        case 0:
            return {**schema, **other}
        case 1:
            return {**schema, "items": other}
        case 2:
            return {**schema, draw.choice(("unevaluatedProperties", "unevaluatedItems", "additionalProperties")): other}
        case 3:
            return {**schema, "not": {"allOf": [other] * draw.randint(1, 9)}}
        case _:
            return {**schema, draw.choice(("anyOf", "oneOf", "allOf")): [other] * draw.randint(1, 40)}


def main() -> None:
    """Print the pairs, the worst first."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--seconds", type=float, default=5.0)
    chosen = options.parse_args()
    rows = [measured(*pair) for pair in pairs()]
    if chosen.seconds:
        rows.append(search(chosen.seconds, random.Random(7)))
    rows.sort(key=lambda row: -max(row.compiling_ms, row.evaluating_ms))
    if chosen.json:
        print(json.dumps([{name: getattr(row, name) for name in Taken.__slots__} for row in rows]))
        return
    print(f"{'pair':<72}{'compile ms':>11}{'evaluate ms':>12}  ended")
    for row in rows:
        print(f"{row.name:<72}{row.compiling_ms:>11.1f}{row.evaluating_ms:>12.1f}  {row.ended}")


if __name__ == "__main__":
    main()
