"""Every fact of `principal`, `resource` and `context`, declared once; schema, cases and reference follow.

The arguments, `context.input`, are not among them: each tool's own schema says what they are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .calls import CALL, FINDINGS, FLOW, PATHS, SESSION
from .declared import Fact, Judging, Kind, Parties, Trust, cedar_type, fits
from .egress import EGRESS
from .entities import PRINCIPAL, RESOURCE, runtime_of
from .house import JUDGES, RATE, TIME
from .shell import SHELL
from .workspace import WORKSPACE

OF_PARTIES: Final[tuple[Fact[Parties], ...]] = (*PRINCIPAL, *RESOURCE)
"""The facts of `principal` and `resource`."""
OF_CALL: Final[tuple[Fact[Judging], ...]] = (
    *CALL,
    *JUDGES,
    *SESSION,
    *FLOW,
    *FINDINGS,
    *PATHS,
    *WORKSPACE,
    *EGRESS,
    *SHELL,
    *RATE,
    *TIME,
)
"""The facts under `context`."""
FACTS: Final[tuple[Fact[Parties] | Fact[Judging], ...]] = (*OF_PARTIES, *OF_CALL)
"""All of them, in the order of the reference."""

NAMED: Final[Mapping[str, Fact[Parties] | Fact[Judging]]] = MappingProxyType({fact.path: fact for fact in FACTS})
"""By the path a policy writes: `context.flow.sink`."""


def of_party(holder: str) -> tuple[Fact[Parties], ...]:
    """The facts of `principal` or `resource`."""
    return tuple(fact for fact in OF_PARTIES if fact.holder == holder)


def of_call(group: str = "") -> tuple[Fact[Judging], ...]:
    """The facts of `context.<group>`, or those of `context` itself."""
    return tuple(fact for fact in OF_CALL if fact.holder == (f"context.{group}" if group else "context"))


GROUPS: Final = tuple(
    dict.fromkeys(fact.holder.removeprefix("context.") for fact in FACTS if fact.holder.startswith("context."))
)
"""The records under `context` that hold facts."""

__all__ = [
    "FACTS",
    "GROUPS",
    "NAMED",
    "Fact",
    "Judging",
    "Kind",
    "Parties",
    "Trust",
    "cedar_type",
    "fits",
    "of_call",
    "of_party",
    "runtime_of",
]
