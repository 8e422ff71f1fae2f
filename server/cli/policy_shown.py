"""How a check of policies and a run of their cases look to people, and to programs."""

from typing import TYPE_CHECKING

from holdfast.contracts import Json

from ..terminal import OUT, TALK, counted, plain

if TYPE_CHECKING:
    from holdfast.safety.policy.auditing import Audit, Remark, Run


def show_audit(one: "Audit", *, strict: bool) -> None:
    """Print one profile's remarks, then how it stands."""
    for remark in one.remarks:
        colour = {"error": "red", "warning": "yellow", "note": "cyan"}[remark.severity]
        TALK.print(f"[{colour}]{remark.severity}[/]\\[{remark.rule}] {plain(remark.message)}")
        TALK.print(f"  [dim]=[/] {plain(remark.remedy)}")
    for each in one.unjudged:
        named = ", ".join(each.policies[:5]) + (", …" if len(each.policies) > 5 else "")  # noqa: PLR2004 -- enough to see which
        TALK.print(
            f"[cyan]not judged[/]\\[{each.rule}] {_policies(len(each.policies))} ({plain(named)}): {plain(each.why)}"
        )
    counts = {name: sum(remark.severity == name for remark in one.remarks) for name in ("error", "warning", "note")}
    said = ", ".join(counted(count, name) for name, count in counts.items())
    bad = counts["error"] or (strict and counts["warning"])
    colour, word = ("red", "wrong") if bad else ("green", "ok")
    OUT.print(f"[{colour}]{word}[/]  {one.profile}: {_policies(len(one.policies))}, {said}  [dim]{one.digest or ''}[/]")


def _policies(count: int) -> str:
    return counted(count, "policy", "policies")


def show_run(run: "Run", *, whole: bool) -> None:
    """Print what failed, then how the profile stands; of a *whole* run also what no case reaches."""
    for trial in run.failed:
        case = trial.case
        TALK.print(
            f"[red]failed[/]  {plain(case.file)} line {case.line}: case `{plain(case.name)}`: {plain(trial.problem)}"
        )
    for policy in run.uncovered if whole else ():
        TALK.print(
            f"[yellow]no case[/]  `{plain(policy.file)}` line {policy.line}: policy `{policy.id}` applies in none"
        )
    for policy in run.dormant if whole else ():
        TALK.print(
            f"[cyan]dormant[/]  `{plain(policy.file)}` line {policy.line}: policy `{policy.id}` waits for its tools,"
            " of which there is no sample"
        )
    passed = len(run.tried) - len(run.failed)
    colour, word = ("red", "failed") if run.failed else ("green", "ok")
    reached = run.awake - len(run.uncovered)
    covered = f"; {reached} of {run.awake} policies apply in one ({run.coverage:.0f} %)" if whole else ""
    OUT.print(
        f"[{colour}]{word}[/]  {run.profile}: {passed} of {len(run.tried)} cases hold{covered}  [dim]{run.digest}[/]"
    )


def audit_json(one: "Audit") -> Json:
    """One profile as JSON."""
    return {
        "profile": one.profile,
        "digest": None if one.digest is None else str(one.digest),
        "policies": [*one.policies],
        "remarks": [_remark_json(remark) for remark in one.remarks],
        "unjudged": [{"rule": each.rule, "policies": [*each.policies], "why": each.why} for each in one.unjudged],
    }


def _remark_json(remark: "Remark") -> Json:
    return {
        "rule": remark.rule,
        "severity": str(remark.severity),
        "policy": remark.policy,
        "file": remark.file,
        "line": remark.line,
        "message": remark.message,
        "remedy": remark.remedy,
    }


def run_json(run: "Run") -> Json:
    """One profile as JSON."""
    return {
        "profile": run.profile,
        "digest": str(run.digest),
        "cases": [
            {
                "name": one.trial.case.name,
                "file": one.trial.case.file,
                "line": one.trial.case.line,
                "expect": one.trial.case.expect,
                "decided": one.trial.verdict,
                "by": [*one.trial.by],
                "message": one.trial.message,
                "applied": [*one.applied],
                "problem": one.trial.problem,
            }
            for one in run.tried
        ],
        "coverage": round(run.coverage, 1),
        "uncovered": [policy.id for policy in run.uncovered],
        "dormant": [policy.id for policy in run.dormant],
    }
