"""The facts of what a call would run: programs and how grave they are, from the text of its commands."""

from typing import Final

from ...shell import Risk
from .declared import Fact, Judging, Kind, Trust

_NOTHING: Final = "none"

SHELL: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.shell",
        name="programs",
        kind=Kind.TEXTS,
        says="every program that its commands name; with its folders where those are not the system's",
        source="the arguments, by a grammar of Bash",
        trust=Trust.READ,
        read=lambda judging: [*sorted(judging.commands.programs)],
    ),
    Fact(
        holder="context.shell",
        name="risks",
        kind=Kind.TEXTS,
        says="what they do, program by program, redirections too: [the list](#programs-and-risks)",
        source="the same",
        trust=Trust.READ,
        words=frozenset(Risk),
        word="risk",
        read=lambda judging: [*sorted(risk.value for risk in judging.commands.risks)],
    ),
    Fact(
        holder="context.shell",
        name="risk",
        kind=Kind.TEXT,
        says="the worst of them, from `read` to `unknown`; `none` where the call runs no command",
        source="the same",
        trust=Trust.READ,
        words=frozenset(Risk) | {_NOTHING},
        word="risk",
        read=lambda judging: _NOTHING if judging.commands.risk is None else judging.commands.risk.value,
    ),
    Fact(
        holder="context.shell",
        name="count",
        kind=Kind.WHOLE,
        says="how many commands there are",
        source="the same",
        trust=Trust.READ,
        read=lambda judging: judging.commands.count,
    ),
)
