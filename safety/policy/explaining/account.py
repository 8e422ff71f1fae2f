"""Everything there is to say about one decision, as a value, and as sentences and JSON. It decides nothing itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.contracts import Json

from ..bundle import PolicyBundle
from ..decisions import Allowed, Asks, Broken, Denied, Effect, Match, PolicyDecision, verdict_of
from ..explain import Seen
from ..inputs import PolicyInput, Unclear
from ..varying import facts_read
from . import wording
from .smallest import Search, smallest_change
from .statement import Files, Line, line_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One decision, explained."""

    decision: PolicyDecision
    matches: tuple[Match, ...]
    about: Mapping[str, str]
    """Whom and what each of them is about, by id; empty where that is everybody and everything."""
    errors: tuple[Broken, ...]
    facts: tuple[tuple[tuple[str, ...], Json], ...]
    """What the policies that matched read, and what it is."""
    search: Search
    line: Line | None

    def to_json(self) -> dict[str, Json]:
        """As programs read it."""
        line = self.line
        return {
            "decision": verdict_of(self.decision),
            "rules": [{**_match_json(one), "about": self.about[one.id]} for one in self.matches],
            "failed": [{"policy": one.policy, "kind": one.kind} for one in self.errors],
            "facts": [
                {"fact": ".".join(way), "value": value, "says": wording.sentence(way, value)}
                for way, value in self.facts
            ],
            "smallest_change": {
                "found": [
                    {
                        "facts": {".".join(option.way): option.value for option in one.options},
                        "says": f"if {wording.changed(one.options)}, {wording.outcome(one.decision)}",
                        "decision": verdict_of(one.decision),
                    }
                    for one in self.search.found
                ],
                "tried": self.search.tried,
                "facts_at_once": self.search.facts,
                "all_tried": self.search.whole,
            },
            "line": None
            if line is None
            else {
                "where": line.where,
                "text": line.text,
                "becomes": line.becomes,
                "left_out": [*line.left_out],
                "problem": line.problem,
            },
            "says": [*self.sentences()],
        }

    def sentences(self) -> Iterator[str]:
        """For people, one a line."""
        yield _verdict(self.decision)
        for match in self.matches:
            yield _rule(match, self.about[match.id])
        for error in self.errors:
            yield f"policy `{error.policy}` could not be evaluated ({error.kind}); that alone denies the call"
        for way, value in self.facts:
            yield f"what those rules looked at: {wording.sentence(way, value)}"
        yield from _smallest(self.search)
        yield from _line(self.line)


def account_of(
    bundle: PolicyBundle, given: PolicyInput, files: Files, *, shown: PolicyInput | None = None
) -> Account | Unclear:
    """Explain what *bundle*, which was loaded from *files*, says of *given*; values are those of *shown*, if any."""
    shown = given if shown is None else shown
    seen = bundle.look(given)
    if isinstance(seen, Unclear):
        return seen
    if isinstance(seen, Denied):
        seen = Seen(decision=seen, matches=(), errors=(), context="{}")
    decided = {match.id for match in seen.matches}
    policies = tuple(policy for policy in bundle.covering(given.tool) if policy.id in decided)
    read = facts_read(policies)
    return Account(
        decision=seen.decision,
        matches=seen.matches,
        about={policy.id: wording.covered(policy) for policy in policies},
        errors=seen.errors,
        facts=tuple((way, shown.at(way)) for way in read if way[0] != "resource" and len(way) > 1),
        search=smallest_change(bundle, given, seen.decision, hidden=shown.hidden),
        line=line_for(bundle, given, seen.decision, seen.matches, files, shown),
    )


def _verdict(decision: PolicyDecision) -> str:
    match decision:
        case Allowed(permits=permits):
            named = ", ".join(f"`{one}`" for one in permits)
            return f"policy allows this call, by {named}; the other layers still judge it"
        case Asks(level=level):
            return f"policy holds this call until somebody approves it (level `{level.value}`)"
        case Denied(leasable=leasable) if leasable:
            return "policy denies this call, and only a lease would lift that"
        case Denied(reason=reason):
            return f"policy denies this call: `{reason.code}`: {reason.message}"


def _rule(match: Match, about: str) -> str:
    does = "permits" if match.effect is Effect.PERMIT else "forbids"
    lifts = "" if match.approval is None else f"; lifted by an approval or lease, level `{match.approval.value}`"
    covers = f"; it is about {about}" if about else ""
    return f"`{match.id}` ({match.file} line {match.line}) {does} it: {match.reason}{lifts}{covers}"


def _smallest(search: Search) -> Iterator[str]:
    for change in search.found:
        yield f"if {wording.changed(change.options)}, {wording.outcome(change.decision)}"
    if not search.found:
        how = "every" if search.whole else "not every"
        yield (
            f"no change of at most {search.facts} facts was found that changes the answer"
            f" ({search.tried} tried, {how} combination of the values that the rules compare with)"
        )
    elif search.facts > 1:
        yield f"no change of fewer than {search.facts} facts does"


def _line(line: Line | None) -> Iterator[str]:
    if line is None:
        yield "no line in a policy would change that"
        return
    left_out = ", ".join(f"`{one}`" for one in line.left_out)
    if not line.text:
        yield f"no line changes exactly this call: {left_out} cannot be written in one, and without it {line.problem}"
        return
    which = f"this call, and any that differs only in {left_out}," if left_out else "exactly this call"
    if line.problem:
        yield f"the line for {which} would go to {line.where}, but {line.problem}"
    else:
        yield f"to have {which} decided `{line.becomes}`, add to {line.where}:"
    yield line.text


def _match_json(match: Match) -> dict[str, Json]:
    return {
        "id": match.id,
        "effect": match.effect.value,
        "reason": match.reason,
        "file": match.file,
        "line": match.line,
        "approval": None if match.approval is None else match.approval.value,
    }
