"""Reads Cedar statements into policies with their annotations; refuses what is not fully labelled.

1. Every policy has an `@id` of its own and a `@reason`; there are no templates.
2. The annotations are `@id`, `@reason` and `@approval`; anything else is refused, because it would not be enforced.
3. `@approval` stands only on a forbid, with a level that exists.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cedarpy
from cedarpy import pst

from holdfast.contracts import OperatorError

from .complaints import Complaint, refuse_first
from .decisions import RESERVED, ApprovalLevel, Effect, Match
from .depth import DEEPEST, is_too_deep
from .source import Statement, statements

_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ID_LENGTH: Final = 64
_REASON_LENGTH: Final = 300
_ANNOTATIONS: Final = frozenset({"id", "reason", "approval"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy, parsed."""

    id: str
    reason: str
    approval: ApprovalLevel | None
    source: Statement
    template: pst.Template

    @property
    def effect(self) -> Effect:
        """Whether it permits or forbids."""
        return Effect(self.template.effect)

    def match(self) -> Match:
        """The policy as an explanation shows it."""
        return Match(
            id=self.id,
            effect=self.effect,
            reason=self.reason,
            file=self.source.file,
            line=self.source.line,
            approval=self.approval,
        )


def read_policies(sources: Mapping[str, str]) -> tuple[Policy, ...]:
    """Read every policy of *sources* (file name to Cedar text), in order of file name, then of place.

    Raises: OperatorError naming file and line when one breaks a rule above or there is none at all.
    """
    policies, complaints = read_each(sources)
    refuse_first(complaints)
    if not policies:
        raise OperatorError("there are no policies; without one every call would be denied")
    return policies


def read_each(sources: Mapping[str, str]) -> tuple[tuple[Policy, ...], tuple[Complaint, ...]]:
    """Read what can be read of *sources*, and say what is wrong with each of the rest."""
    found: dict[str, Policy] = {}
    wrong: list[Complaint] = []
    for file in sorted(sources):
        for statement, template in _parsed_file(file, sources[file]):
            try:
                parsed = _parsed(statement) if template is None else template
            except OperatorError as error:
                wrong.append(_complaint("syntax", statement, error))
                continue
            try:
                policy = _policy(statement, parsed)
                _check_new(policy, found)
            except OperatorError as error:
                wrong.append(_complaint("annotations", statement, error))
            else:
                found[policy.id] = policy
    return tuple(found.values()), tuple(wrong)


def policy_set(policies: tuple[Policy, ...]) -> cedarpy.PolicySet:
    """Hand *policies* to the engine, each under its own id."""
    nodes = {policy.id: policy.template for policy in policies}
    return cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=nodes, template_links=()))


def _parsed_file(file: str, text: str) -> list[tuple[Statement, pst.Template | None]]:
    """Cut *text* into statements, each with its tree; without any tree where the whole cannot be read at once.

    One call for a file costs a third of one call for each statement.
    """
    cut = statements(file, text)
    if any(is_too_deep(statement.text) for statement in cut):
        return [(statement, None) for statement in cut]
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError:
        return [(statement, None) for statement in cut]
    trees = [parsed.static_policies.get(f"policy{number}") for number in range(len(parsed.static_policies))]
    if parsed.templates or len(trees) != len(cut):
        return [(statement, None) for statement in cut]
    return list(zip(cut, trees, strict=True))


def _complaint(rule: str, statement: Statement, error: OperatorError) -> Complaint:
    return Complaint(rule=rule, file=statement.file, line=statement.line, policy="", message=error.message)


def _check_new(policy: Policy, found: Mapping[str, Policy]) -> None:
    earlier = found.get(policy.id)
    if earlier is not None:
        raise OperatorError(f"{policy.source.place}: the id `{policy.id}` is already taken at {earlier.source.place}")


def _policy(statement: Statement, parsed: pst.Template) -> Policy:
    written = dict(parsed.annotations)
    unknown = sorted(written.keys() - _ANNOTATIONS)
    if unknown:
        raise OperatorError(
            f"{statement.place}: the annotation `@{unknown[0]}` is not known; there are @id, @reason and @approval"
        )
    policy = Policy(
        id=_id(statement, written.get("id", "")),
        reason=_reason(statement, written.get("reason", "")),
        approval=_approval(statement, written.get("approval")),
        source=statement,
        template=parsed,
    )
    if policy.approval is not None and policy.effect is Effect.PERMIT:
        raise OperatorError(f"{statement.place}: `@approval` stands on a permit; only a forbid can ask")
    return _named(policy)


def _named(policy: Policy) -> Policy:
    template = policy.template
    renamed = pst.Template(
        id=policy.id,
        effect=template.effect,
        principal=template.principal,
        action=template.action,
        resource=template.resource,
        clauses=template.clauses,
        annotations=template.annotations,
    )
    return Policy(id=policy.id, reason=policy.reason, approval=policy.approval, source=policy.source, template=renamed)


def _parsed(statement: Statement) -> pst.Template:
    if is_too_deep(statement.text):
        raise OperatorError(
            f"{statement.place}: nested too deeply, or too many operators in a row (over {DEEPEST} levels);"
            " name values in a set, as in `[…].contains(…)`, or write several policies"
        )
    try:
        parsed = cedarpy.policies_to_pst(statement.text)
    except ValueError as error:
        said = str(error).splitlines()[0] if str(error) else "not Cedar"
        raise OperatorError(f"{statement.place}: not a Cedar policy: {said}") from None
    if len(parsed.static_policies) != 1 or parsed.templates:
        raise OperatorError(f"{statement.place}: a template is never linked here; write a policy without slots")
    return next(iter(parsed.static_policies.values()))


def _id(statement: Statement, written: str) -> str:
    if not _ID.fullmatch(written) or len(written) > _ID_LENGTH:
        raise OperatorError(f"{statement.place}: a policy needs an `@id` of lower-case words joined by `-`")
    if written in RESERVED:
        raise OperatorError(f"{statement.place}: the id `{written}` is a code of ours; choose another")
    return written


def _reason(statement: Statement, written: str) -> str:
    if not written.strip() or not written.isprintable() or len(written) > _REASON_LENGTH:
        raise OperatorError(
            f"{statement.place}: a policy needs a `@reason`, one line of at most {_REASON_LENGTH} characters"
        )
    return written


def _approval(statement: Statement, written: str | None) -> ApprovalLevel | None:
    if written is None:
        return None
    try:
        return ApprovalLevel(written)
    except ValueError:
        levels = " or ".join(f'"{level.value}"' for level in ApprovalLevel)
        raise OperatorError(f"{statement.place}: `@approval` takes {levels}") from None
