"""`shell`: one command in the workspace, confined; no shell unless a script is given, and nothing in the background."""

from typing import Final, Protocol

from holdfast.contracts import (
    Authorized,
    Builtin,
    Effect,
    FlowSpec,
    InvalidRequest,
    Json,
    Limits,
    Outcome,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.limits import SHELL, SHELL_CEILING

from .arguments import strict_object, text, text_or, whole_or

_SHELL: Final = "/bin/sh"
_ARGUMENT_BYTES: Final = 100_000
"""Linux passes at most 128 KiB in one argument; arguments of a call are 100 KB at most."""
_ARGUMENTS: Final = 1_000

SPEC: Final = ToolSpec(
    name=ToolName("shell"),
    title="Run a command",
    description=(
        "Runs one program in the workspace and answers its output and exit code. Give `argv` (program and arguments, "
        "no shell in between) or `script` (run by `sh -c`). No network; nothing outside the workspace can be written; "
        "the environment is empty but for PATH, LANG, HOME and TMPDIR; `.git`, editor and agent settings and shell "
        "start files cannot be changed. Everything it starts ends with it. Symbolic links are followed only inside."
    ),
    input_schema=strict_object(
        {
            "argv": {
                "type": "array",
                "items": {"type": "string", "maxLength": _ARGUMENT_BYTES},
                "minItems": 1,
                "maxItems": _ARGUMENTS,
                "description": "Program and arguments, passed on exactly. Either this or `script`.",
            },
            "script": {
                "type": "string",
                "minLength": 1,
                "maxLength": _ARGUMENT_BYTES,
                "description": "Text for `sh -c`. Either this or `argv`.",
            },
            "cwd": {
                "type": "string",
                "maxLength": 4096,
                "description": "Folder to run in, relative to the workspace root; the root itself if absent.",
            },
            "timeout_ms": {
                "type": "integer",
                "minimum": 1,
                "maximum": SHELL_CEILING.wall_ms,
                "description": "Stop after so many milliseconds; never later than the server's own limit.",
            },
        }
    ),
    effects=frozenset({Effect.READ_PRIVATE, Effect.WRITE, Effect.EXECUTE}),
    flow=FlowSpec(decisive=("argv", "script", "cwd")),
    runtime=Builtin(),
    limits=SHELL,
)


class CommandRunner(Protocol):
    """Runs a program confined to the workspace; the server hands in the sandbox's."""

    async def run(self, argv: tuple[str, ...], /, *, cwd: str, wall_ms: int, limits: Limits) -> Outcome:
        """Run *argv* in folder *cwd* of the workspace, for at most *wall_ms* milliseconds in all."""
        ...


class ShellTool:
    """The `Handler` of `shell`."""

    def __init__(self, runner: CommandRunner) -> None:
        """Run commands with *runner*."""
        self._runner = runner

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Run the command of *call*.

        Raises: InvalidRequest unless exactly one of `argv` and `script` is given, or a text cannot be passed on.
        """
        wall_ms = min(whole_or(call, "timeout_ms", call.limits.wall_ms) or 1, call.limits.wall_ms)
        return await self._runner.run(
            _command(call), cwd=text_or(call, "cwd", "."), wall_ms=wall_ms, limits=call.limits
        )


def _command(call: Authorized) -> tuple[str, ...]:
    if ("argv" in call.arguments) == ("script" in call.arguments):
        raise InvalidRequest("give exactly one of `argv` and `script`")
    command = (_SHELL, "-c", text(call, "script")) if "script" in call.arguments else _words(call.arguments["argv"])
    if not command or not command[0]:
        raise InvalidRequest("`argv` starts with the program to run")
    if any("\0" in word or len(word.encode("utf-8", "surrogatepass")) > _ARGUMENT_BYTES for word in command):
        raise InvalidRequest(f"no argument may hold a NUL or more than {_ARGUMENT_BYTES} bytes")
    return command


def _words(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidRequest("`argv` is a list of strings")
    words = tuple(word for word in value if isinstance(word, str))
    if len(words) != len(value):
        raise InvalidRequest("`argv` is a list of strings")
    return words
