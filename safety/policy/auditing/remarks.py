"""What a check of a policy set may say, rule by rule, as values. It looks at nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..complaints import Complaint
from ..rules import Policy


class Severity(StrEnum):
    """`error`: the set is not loaded. `warning`: it is, and something is probably wrong. `note`: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is looked for."""

    id: str
    severity: Severity
    title: str
    remedy: str
    """What to do about it, whatever the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One rule that one policy, or the set, does not keep."""

    rule: str
    severity: Severity
    policy: str
    """The id; empty when it is about none."""
    file: str
    """Relative, with `/`; empty when it is about no one place."""
    line: int
    """From 1; 0 when it is about no one place."""
    message: str
    """One sentence: the place, the policy, what is wrong."""
    remedy: str


def _rules(severity: Severity, *texts: tuple[str, str, str]) -> Mapping[str, Rule]:
    return {name: Rule(id=name, severity=severity, title=title, remedy=remedy) for name, title, remedy in texts}


RULES: Final[Mapping[str, Rule]] = {
    **_rules(
        Severity.ERROR,
        ("files", "a policy folder is not laid out as one", "put `*.cedar` at the top or in a profile's folder"),
        ("syntax", "a statement is not Cedar", "mend the statement"),
        (
            "annotations",
            "a policy is not fully labelled",
            "give it `@id` and `@reason`, and no annotation unknown here",
        ),
        ("words", "a policy compares with a word that does not exist", "use one of the words named"),
        ("unknown-tool", "a policy names a tool that does not exist", "correct the name, or declare it under `tools`"),
        ("types", "a policy does not fit the tools", "use the arguments and attributes that the schema has"),
        ("cases", "a case file cannot be read", "correct the case file"),
        ("case-fails", "a case is decided otherwise than it expects", "change the policy, or what the case expects"),
    ),
    **_rules(
        Severity.WARNING,
        ("never-applies", "no call can make the policy apply", "correct the condition, or remove the policy"),
        ("shadowed", "the policy changes no answer beside another", "remove one of the two, or narrow the wider"),
        (
            "missing-tool",
            "a policy names a tool that its server does not offer",
            "name the tool as it is called now (`holdfast upstreams diff`), or approve it, or remove the policy",
        ),
        ("reads-nothing", "no tool has the argument a policy asks for", "correct the argument's name"),
        (
            "no-negative-test",
            "no case shows what a permit keeps out",
            "add a case next to it that expects `deny` or `ask`",
        ),
        ("arithmetic-overflow", "a sum that overflows denies the call", "compare without `+`, `-` or `*`"),
        (
            "unfolded-path",
            "a path is compared as it was written",
            (
                "to keep something out, compare `context.paths.text`, which is folded; to let only a folder in, ask"
                " `context.paths.within.contains`"
            ),
        ),
        (
            "path-allowlist",
            "a call is let through by how its folded paths begin",
            'ask `context.paths.within.contains("/the/folder/")`, which holds for every path and resolves `..`',
        ),
        (
            "case-sensitive",
            "a forbid compares letters whose case the other side may ignore",
            "list what is allowed with `unless`, or every spelling",
        ),
        (
            "caller-lifts-forbid",
            "an argument that the caller chooses lifts a forbid",
            "use `@approval`, or a fact that the caller cannot choose",
        ),
        (
            "claim-frees",
            "what others claim, or a detector guesses, lets a call through",
            "let it only make rules stricter",
        ),
        (
            "rounded-number",
            "a number is compared as if it were exact",
            "add `|| context.facts.inexact` to the forbid, or `&& !context.facts.inexact` to the permit",
        ),
        ("absent-permits", "a call that leaves the argument out is let through", "say `has x &&` outside the `!`"),
        ("open-host", "a pattern lets more hosts through than it names", "end the host with `/` before the `*`"),
        ("command-prefix", "a pattern takes a command line for its first word", "permit an exact list of commands"),
    ),
    **_rules(
        Severity.NOTE,
        (
            "dormant",
            "a policy waits for tools that are not connected",
            "connect them, check with `--tools`, or declare samples of them under `tools` in a case file",
        ),
        ("quarantined", "policy cannot see the arguments of a tool", "give the tool a schema within the limits"),
    ),
}


def about(policy: Policy, rule: str, what: str) -> Remark:
    """Say that *policy* does *what* against *rule*."""
    return Remark(
        rule=rule,
        severity=RULES[rule].severity,
        policy=policy.id,
        file=policy.source.file,
        line=policy.source.line,
        message=f"{policy.source.place}: policy `{policy.id}` {what}",
        remedy=RULES[rule].remedy,
    )


def from_complaint(complaint: Complaint) -> Remark:
    """Say why the set is not loaded."""
    return Remark(
        rule=complaint.rule,
        severity=Severity.ERROR,
        policy=complaint.policy,
        file=complaint.file,
        line=complaint.line,
        message=complaint.message,
        remedy=RULES[complaint.rule].remedy,
    )


def of_set(rule: str, message: str) -> Remark:
    """Say something about the set as a whole."""
    return Remark(
        rule=rule,
        severity=RULES[rule].severity,
        policy="",
        file="",
        line=0,
        message=message,
        remedy=RULES[rule].remedy,
    )
