"""The tools that may be called now (the `Catalogue` port); never two that a reader could take for one another.

1. A name, once taken, stays taken until it is removed: a second tool is refused, not preferred.
2. Names are compared without case, compatibility forms and the difference of `-` and `_`.
3. What a server is asked besides tools has names of its own, which no tool is given: a tool of such a name would read
   in the server's place, and answer its questions in the user's.
4. The names of our own tools are never given to another, even where ours is switched off, and there digits that
   look like letters count as those letters.
5. Readers see one whole state: a change builds a new one and puts it in place in a single assignment.
"""

import re
import threading
import unicodedata
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from holdfast.contracts import Json, Method, OperatorError, Standing, ToolName, ToolSpec, Upstream

from .formats import ListFormat, listed

BUILTIN_NAMES: Final[frozenset[str]] = frozenset(
    {
        *("echo", "time", "json", "hash", "http_fetch", "shell", "python", "javascript", "output_read"),
        *("file_read", "file_write", "file_list", "file_grep"),
    }
)
"""DESIGN section 4.6."""

RESERVED: Final = re.compile(
    r"(?:.*__)?(?:resources__read|prompts__get|completion__complete|elicitation__create|sampling__create|roots__list)"
)
"""Folded names of what a server is asked, and asks, besides tools; behind the server's own name unless it is alone."""

_LOOKS_LIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", "-": "_"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    tools: Mapping[ToolName, ToolSpec]
    taken: Mapping[str, ToolName]
    """From a folded name to the tool that has it."""
    ordered: tuple[ToolSpec, ...]
    withheld: frozenset[ToolName] = frozenset()
    """Tools in quarantine: they are none of the above, and their names are free."""


_EMPTY: Final = _State(tools=MappingProxyType({}), taken=MappingProxyType({}), ordered=())


class Registry:
    """All tools of one server. Reads take no lock and cost the same for ten tools and ten thousand."""

    def __init__(self, *, ours: frozenset[str] = BUILTIN_NAMES) -> None:
        """*ours* are the names kept for our own tools: all there are, unless a wrapped server is alone."""
        self._state = _EMPTY
        self._kept = frozenset(_close_reading(name) for name in ours)
        self._writing = threading.Lock()

    def add(self, spec: ToolSpec) -> None:
        """Take in *spec*, a tool that is not ours.

        Raises: OperatorError when its name is, or looks like, one that is taken, belongs to a built-in tool or to what
        a server is asked besides tools.
        """
        if _is_tool(spec) and RESERVED.fullmatch(_fold(spec.name)):
            raise OperatorError(
                f"tool name `{spec.name}` is, or looks like, that of what a server is asked besides tools",
                remedy="give the tool a name that does not end so",
            )
        if _close_reading(spec.name) in self._kept:
            raise OperatorError(
                f"tool name `{spec.name}` is, or looks like, that of a built-in tool",
                remedy="give the tool another name, or its upstream a `prefix`",
            )
        self._put(spec)

    def add_builtin(self, spec: ToolSpec) -> None:
        """Take in *spec*, one of our own tools.

        Raises: OperatorError when its name is not in `BUILTIN_NAMES` or already taken.
        """
        if spec.name not in BUILTIN_NAMES:
            raise OperatorError(f"tool name `{spec.name}` is not that of a built-in tool")
        self._put(spec)

    def replace(self, spec: ToolSpec) -> None:
        """Put *spec* in the place of the tool of exactly the same name, of the same kind of runtime.

        Raises: OperatorError when there is none, or it runs elsewhere.
        """
        with self._writing:
            before = self._state.tools.get(spec.name)
            if before is None or type(before.runtime) is not type(spec.runtime):
                raise OperatorError(f"no tool `{spec.name}` of that kind is registered; remove and add it instead")
            self._state = _with(self._state, spec)

    def remove(self, name: ToolName) -> bool:
        """Let go of the tool called *name*; answers whether there was one."""
        with self._writing:
            there = name in self._state.tools
            if there or name in self._state.withheld:
                self._state = _without(self._state, name)
            return there

    def withhold(self, name: ToolName) -> bool:
        """Put the tool called *name* into quarantine, or its name when it is not there; answers whether it was."""
        with self._writing:
            there = name in self._state.tools
            without = _without(self._state, name)
            self._state = replace(without, withheld=without.withheld | {name})
            return there

    def quarantined(self, name: ToolName, /) -> bool:
        """Whether the tool called exactly *name* is in quarantine: it is until one of that name is added."""
        return name in self._state.withheld

    def standing(self, name: ToolName, /) -> Standing:
        """What is known of the tool called exactly *name*: one that is in here was approved."""
        state = self._state
        if name in state.tools:
            return Standing.APPROVED
        return Standing.QUARANTINED if name in state.withheld else Standing.UNKNOWN

    def get(self, name: ToolName, /) -> ToolSpec | None:
        """The tool called exactly *name*, or None."""
        return self._state.tools.get(name)

    def specs(self) -> tuple[ToolSpec, ...]:
        """Every tool, sorted by name: one state, whatever happens meanwhile."""
        return self._state.ordered

    def tools(self) -> tuple[ToolSpec, ...]:
        """What of `specs` is a tool to its callers; what else a server is asked is judged alike and listed as none."""
        return tuple(spec for spec in self._state.ordered if _is_tool(spec))

    def listing(self, form: ListFormat) -> tuple[dict[str, Json], ...]:
        """Every tool as *form* writes it, sorted by name."""
        return tuple(listed(spec, form) for spec in self.tools())

    def _put(self, spec: ToolSpec) -> None:
        with self._writing:
            other = self._state.taken.get(_fold(spec.name))
            if other is not None:
                raise OperatorError(
                    f"tool name `{spec.name}` is taken by `{other}`, or too like it to tell apart",
                    remedy="give the tool another name, or its upstream a `prefix`",
                )
            self._state = _with(self._state, spec)


def _with(state: _State, spec: ToolSpec) -> _State:
    """*state* and *spec*, in the place of a tool of the same name if there is one."""
    ordered = list(_without(state, spec.name).ordered if spec.name in state.tools else state.ordered)
    insort(ordered, spec, key=_name)
    return _State(
        withheld=state.withheld - {spec.name},
        tools=MappingProxyType({**state.tools, spec.name: spec}),
        taken=MappingProxyType({**state.taken, _fold(spec.name): spec.name}),
        ordered=tuple(ordered),
    )


def _without(state: _State, name: ToolName) -> _State:
    return _State(
        withheld=state.withheld - {name},
        tools=MappingProxyType({key: spec for key, spec in state.tools.items() if key != name}),
        taken=MappingProxyType({key: taken for key, taken in state.taken.items() if taken != name}),
        ordered=tuple(spec for spec in state.ordered if spec.name != name),
    )


def _is_tool(spec: ToolSpec) -> bool:
    return not isinstance(spec.runtime, Upstream) or spec.runtime.method is Method.TOOL


def _name(spec: ToolSpec) -> str:
    return spec.name


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().replace("-", "_")


def _close_reading(name: str) -> str:
    return _fold(name).translate(_LOOKS_LIKE)
