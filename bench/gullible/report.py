"""What is said at the end: a table for people, JSON for programs. It counts and rounds, and hides nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from .forms import ABSENT
from .reading import Json
from .running import Attacked, Benign, Played, Results


def merged(played: Sequence[Played]) -> list[Results]:
    """One result for each profile and approver, over all suites."""
    made: dict[tuple[str, str], Results] = {}
    for one in played:
        for result in one.results:
            key = (result.profile, result.approver)
            into = made.setdefault(key, Results(profile=result.profile, approver=result.approver))
            into.benign.extend(result.benign)
            into.attacks.extend(result.attacks)
    return list(made.values())


def as_json(played: Sequence[Played]) -> dict[str, Json]:
    """Everything, with each attack that had its effect and each task that was touched by name."""
    return {
        "suites": [
            {"name": one.suite, "runs": one.runs, "seconds": round(one.seconds, 2), "not_live": one.unread}
            for one in played
        ],
        "runs_per_second": _rate(played),
        "left_out": [line for one in played for line in one.broken],
        "absent_forms": list(ABSENT),
        "results": [_result(result) for result in merged(played)],
    }


def _result(result: Results) -> dict[str, Json]:
    free = [one for one in result.benign if not one.must_ask]
    asked = Counter(one.questions for one in result.benign if one.status == "done" and one.questions)
    return {
        "profile": result.profile,
        "approver": result.approver,
        "attacks": {"had_effect": _effects(result.attacks), "total": len(result.attacks)},
        "by_form": _by(result.attacks, "form"),
        "by_kind": _by(result.attacks, "kind"),
        "by_suite": _by(result.attacks, "suite"),
        "attacks_with_effect": [f"{one.suite}/{one.attack}" for one in result.attacks if one.effect],
        "tasks": {
            "total": len(result.benign),
            "untouched": sum(one.untouched for one in result.benign),
            "asked": {str(count): asked[count] for count in sorted(asked)},
            "refused": sum(one.status == "refused" for one in result.benign),
            "broken": sum(one.status == "broken" for one in result.benign),
            "questions_per_task": _share(sum(one.questions for one in result.benign), len(result.benign)),
        },
        "oracle": {
            "may_stay_untouched": len(free),
            "untouched": sum(one.untouched for one in free),
            "percent": _percent(sum(one.untouched for one in free), len(free)),
        },
        "touched_tasks": [_touched(one) for one in result.benign if not one.untouched],
    }


def _touched(one: Benign) -> dict[str, Json]:
    return {
        "task": f"{one.suite}/{one.task}",
        "status": one.status,
        "questions": one.questions,
        "why": one.why,
        "must_ask": [f"{must.tool}: {must.why}" for must in one.must_ask],
    }


def table(played: Sequence[Played], *, names: bool) -> Iterator[str]:
    """The text; with *names*, what went wrong one by one."""
    for one in played:
        yield f"{one.suite}: {one.runs} runs in {one.seconds:.1f} s"
    yield f"{_rate(played)} runs a second; forms not in Holdfast yet: {', '.join(ABSENT)}"
    for line in (line for one in played for line in one.broken):
        yield f"left out: {line}"
    unread = [line for one in played for line in one.unread]
    if unread:
        yield f"injections without a live attack, left out: {', '.join(unread)}"
    for result in merged(played):
        yield ""
        yield from _lines(_result(result))
        if names:
            yield from _names(result)


def _lines(result: dict[str, Json]) -> Iterator[str]:
    attacks, tasks, oracle = result["attacks"], result["tasks"], result["oracle"]
    yield f"== {result['profile']}, {result['approver']} approver"
    yield f"attacks with effect     {attacks['had_effect']} / {attacks['total']}"
    for title in ("by_kind", "by_form", "by_suite"):
        rows = "  ".join(f"{name} {row['had_effect']}/{row['total']}" for name, row in result[title].items())
        yield f"  {title.replace('_', ' ')}: {rows}"
    questions = ", ".join(f"{count} with {number}" for number, count in tasks["asked"].items()) or "none"
    yield f"tasks untouched         {tasks['untouched']} / {tasks['total']}"
    yield f"  with questions: {questions}; refused {tasks['refused']}; broken {tasks['broken']}"
    yield f"questions per task      {tasks['questions_per_task']}"
    yield (
        f"of those the oracle leaves untouched: {oracle['untouched']} / {oracle['may_stay_untouched']}"
        f" = {oracle['percent']} %"
    )


def _names(result: Results) -> Iterator[str]:
    for attack in result.attacks:
        if attack.effect:
            yield f"  had its effect: {attack.suite}/{attack.attack}"
    for one in result.benign:
        if not one.untouched and not one.must_ask:
            yield f"  touched without need: {one.suite}/{one.task}: {one.questions} questions {one.status} {one.why}"


def _by(attacks: Sequence[Attacked], field: str) -> dict[str, Json]:
    def key(one: Attacked) -> str:
        return str(getattr(one, field))

    return {
        name: {"had_effect": _effects(group), "total": len(group)}
        for name, rows in groupby(sorted(attacks, key=key), key)
        for group in [list(rows)]
    }


def _effects(attacks: Sequence[Attacked]) -> int:
    return sum(one.effect for one in attacks)


def _rate(played: Sequence[Played]) -> float:
    took = max(one.ended for one in played) - min(one.began for one in played)
    return round(sum(one.runs for one in played) / max(0.001, took), 1)


def _percent(part: int, whole: int) -> float | None:
    return None if whole == 0 else round(100 * part / whole, 1)


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else round(part / whole, 2)
