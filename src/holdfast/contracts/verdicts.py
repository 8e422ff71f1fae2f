"""What a layer says. A refusal always carries its reason; a finding never carries the matched text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NewType, TypeAlias, TypeVar

T = TypeVar("T")

RuleId = NewType("RuleId", str)
"""`part/kebab-case`, for example `leaks/github-pat`."""


class Severity(StrEnum):
    """How much harm the thing found could do."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Action(StrEnum):
    """What was done, or is asked to be done, about a finding."""

    ANNOTATE = "annotate"
    REMOVE = "remove"
    REDACT = "redact"
    DENY = "deny"


class Where(StrEnum):
    """Which side of the call a finding is on."""

    ARGUMENTS = "arguments"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth knowing. Carries positions, never the text at them."""

    rule: RuleId
    layer: str
    severity: Severity
    action: Action
    where: Where
    start: int
    """First character of it in its text."""
    end: int
    """One past the last."""
    part: int = 0
    """Which text of the subject: strings of the arguments in document order, or blocks of the output."""
    seen_by: tuple[str, ...] = ()
    """Where two detectors look for the same, the layers that saw something here: one name is one opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a call was refused or stopped."""

    code: str
    """`layer/kebab-case`; safe to show to an agent."""
    layer: str
    message: str
    """For an agent: what rule, and what it can do."""
    remedy: str | None = None
    """For an operator: the line that would change it. Only shown with scope `policy:read`."""


class Refusal(Exception):
    """Raised inside a broker; the runtime turns it into a `Refused` outcome."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Pass:
    """The subject may go on, unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite(Generic[T]):
    """The subject may go on in this form."""

    to: T
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """The subject stops here."""

    reason: Reason
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The subject stops here until somebody else approves exactly these forbids."""

    reason: Reason
    forbids: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.forbids:
            raise ValueError("a review must name what would be lifted")


Verdict: TypeAlias = Pass | Rewrite[T] | Deny | Review


class VerdictKind(StrEnum):
    """A verdict's name in results and records."""

    PASS = "pass"  # noqa: S105 -- not a password
    REWRITE = "rewrite"
    DENY = "deny"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one layer said about one call, and how long it took."""

    layer: str
    verdict: VerdictKind
    micros: int
    would: VerdictKind | None = None
    """What it would have been, where the rules behind it are only observed."""
    rules: tuple[str, ...] = ()
    """Those rules."""
