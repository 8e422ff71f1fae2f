"""Finds policies that name a tool which its server, though it is here, does not offer: it was renamed, or withdrawn.

Such a rule applies to nothing any more; what the tool is called now is judged by the other rules. It changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cedarpy import pst

from holdfast.contracts import Json, ToolSpec, Upstream

from .mentions import nodes, tools_named
from .narrowing import way_of
from .rules import Policy

_MARK: Final = "__"
"""Between the name of a server and that of its tool."""
_NAME: Final = ("resource", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One tool that one policy names in vain."""

    policy: str
    place: str
    """File and line of the policy."""
    tool: str
    server: str

    def words(self) -> str:
        """Say it, after the place and the policy."""
        return (
            f"names `{self.tool}`, which the server `{self.server}` does not offer, or nobody has approved as it is"
            " now; a tool that took its place is not under this policy"
        )

    def to_json(self) -> dict[str, Json]:
        """As operators are shown it."""
        return {"policy": self.policy, "tool": self.tool, "why": f"{self.place}: policy `{self.policy}` {self.words()}"}


def missing_tools(policies: Sequence[Policy], specs: Mapping[str, ToolSpec]) -> tuple[Missing, ...]:
    """Every tool that *policies* name, whose server has tools among *specs* but not this one."""
    servers = {spec.runtime.server for spec in specs.values() if isinstance(spec.runtime, Upstream)}
    return tuple(
        Missing(policy=policy.id, place=policy.source.place, tool=tool, server=server)
        for policy in policies
        for tool in sorted({*tools_named(policy), *_compared(policy)} - specs.keys())
        for server in _servers(tool)
        if server in servers
    )


def _servers(tool: str) -> Iterator[str]:
    """Whose tool it may be: everything before one of its marks."""
    at = tool.find(_MARK)
    while at > 0:
        yield tool[:at]
        at = tool.find(_MARK, at + 1)


def _compared(policy: Policy) -> Iterator[str]:
    """The names that a condition compares `resource.name` with."""
    sides: tuple[tuple[pst.Expr, tuple[pst.Expr, ...]], ...]
    for node in nodes(policy.template.clauses):
        match node:
            case pst.BinaryOp(op="eq" | "not_eq", left=one, right=other):
                sides = ((one, (other,)), (other, (one,)))
            case pst.BinaryOp(op="contains", left=pst.Set(elements=elements), right=one):
                sides = ((one, elements),)
            case _:
                continue
        for side, values in sides:
            if way_of(side) == _NAME:
                yield from (each.value for each in values if isinstance(each, pst.StringLit))
