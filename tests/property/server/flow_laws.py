"""The laws, by bytes: whether what was done in the modelled world was anybody's to do unasked. Looks at no label."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.contracts import Label, SessionId
from holdfast.server.store import Approval

from .flow_agents import REQUEST, Made
from .flow_tools import BY_NAME
from .flow_world import Performed, Value

_LISTED: Final = re.compile(r"[^@\s,;/]+@ours\.example", re.IGNORECASE)
_AROUND: Final = " '\"`.,:;!?/"
_CONSEQUENTIAL: Final = frozenset({"change", "send", "execute", "spend"})

Use = tuple[SessionId, str, frozenset[tuple[str, str]]]


def _runs(text: str) -> frozenset[str]:
    """Every run of whole words of *text*."""
    words = text.lower().split()
    cut = range(len(words) + 1)
    return frozenset(" ".join(words[start:end]).strip(_AROUND) for start in cut for end in cut[start + 1 :])


_SAID: Final = _runs(REQUEST)


def is_said(value: Value) -> bool:
    """Whether the user said it, or it says nothing."""
    return value.text.lower().strip(_AROUND) in _SAID | {""}


def is_listed(name: str, value: Value) -> bool:
    """Whether the operator listed it as a receiver."""
    return name == "to" and _LISTED.fullmatch(value.text.strip()) is not None


@dataclass
class Ledger:
    """What each line of sessions has done so far."""

    uses: set[Use] = field(default_factory=set)
    to: set[Use] = field(default_factory=set)

    def breach(self, made: Made, deed: Performed, strangers: frozenset[str], *, has_request: bool) -> str | None:
        """Which law *deed* breaks if nobody allowed it; *strangers* had a say in what its context did."""
        said = _said(deed, has_request=has_request)
        found = None
        if _leaks(deed) and not self._may_leave(made, deed, said):
            found = "private bytes left that strangers may have asked for"
        elif strangers and deed.deeds & _CONSEQUENTIAL and not self._may_do(made, deed, said):
            found = "something was done that strangers may have asked for, and the user did not"
        self.uses.add(_use(made, deed.tool, deed.arguments, _decisive(deed)))
        self.to.add(_use(made, deed.tool, deed.arguments, _receivers(deed)))
        return found

    def _may_leave(self, made: Made, deed: Performed, said: frozenset[str]) -> bool:
        receivers = _receivers(deed)
        if receivers and all(is_listed(name, deed.arguments[name]) for name in receivers):
            return True
        before = _use(made, deed.tool, deed.arguments, _decisive(deed)) in self.uses
        whole = all(
            name in said or (name in receivers and is_listed(name, deed.arguments[name])) for name in deed.arguments
        )
        return whole and (not before or deed.deeds == {"egress"})  # a question may be put twice

    def _may_do(self, made: Made, deed: Performed, said: frozenset[str]) -> bool:
        arguments, receivers, decisive = deed.arguments, _receivers(deed), _decisive(deed)
        before = _use(made, deed.tool, arguments, decisive) in self.uses
        if said is not None and not before and all(one in said or is_listed(one, arguments[one]) for one in decisive):
            return True
        is_first = _use(made, deed.tool, arguments, receivers) not in self.to
        named = bool(receivers) and all(one in said and is_listed(one, arguments[one]) for one in receivers)
        return "send" in deed.deeds and named and is_first


def _leaks(deed: Performed) -> bool:
    return (
        "egress" in deed.deeds
        and any(value.private for value in deed.payload)
        and any(value.strangers for value in deed.payload)
    )


def _said(deed: Performed, *, has_request: bool) -> frozenset[str]:
    return frozenset(name for name, value in deed.arguments.items() if has_request and is_said(value))


def _receivers(deed: Performed) -> tuple[str, ...]:
    plan = BY_NAME.get(deed.tool)
    return () if plan is None else tuple(name for name in plan.receivers if name in deed.arguments)


def _decisive(deed: Performed) -> tuple[str, ...]:
    plan = BY_NAME.get(deed.tool)
    names: Iterable[str] = ("path",) if plan is None else plan.decisive
    return tuple(name for name in names if name in deed.arguments)


def _use(made: Made, tool: str, arguments: Mapping[str, Value], names: tuple[str, ...]) -> Use:
    return (made.who.line, tool, frozenset((name, arguments[name].text) for name in names))


def is_for(record: Approval, made: Made, labels: frozenset[Label]) -> bool:
    return (
        record.tool == made.tool
        and record.session == made.who.session
        and record.principal == made.who.principal.subject
        and record.tenant == made.who.principal.tenant
        and dict(record.arguments) == {name: value.text for name, value in made.given.items()}
        and labels <= record.labels
    )
