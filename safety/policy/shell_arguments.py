"""Which arguments of a call are commands: scripts for a shell, or a program with arguments. It reads none of them."""

import re
from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Effect, Json, ToolSpec

from ..shell import Commands, commands_in

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAMES: Final = frozenset({"command", "commands", "cmd", "cmds", "script", "shell", "argv"})
_ARGUMENTS: Final = ("args", "arguments", "argv")
NOTHING_RUN: Final = commands_in((), ())


def commands_of(spec: ToolSpec, arguments: Mapping[str, Json]) -> Commands:
    """What a call of *spec* would run, where it executes at all; nothing else takes an argument for a command."""
    if Effect.EXECUTE not in spec.effects:
        return NOTHING_RUN
    scripts: list[str] = []
    lists: list[list[str]] = []
    for name, value in arguments.items():
        words = _WORDS.findall(name)
        if not words or words[-1].lower() not in _NAMES:
            continue
        if isinstance(value, str):
            following = _texts(next((arguments[one] for one in _ARGUMENTS if one in arguments and one != name), None))
            if following is None:
                scripts.append(value)
            else:  # a program in one argument, what it is given in another
                lists.append([value, *following])
        elif (texts := _texts(value)) is not None:
            if words[-1].lower() in {"commands", "cmds"}:
                scripts.extend(texts)
            elif name not in _ARGUMENTS or not any(isinstance(arguments.get(one), str) for one in ("command", "cmd")):
                lists.append(texts)
    return commands_in(scripts, lists)


def _texts(value: Json) -> list[str] | None:
    if not isinstance(value, list):
        return None
    texts = [one for one in value if isinstance(one, str)]
    return texts if len(texts) == len(value) else None
