"""The `holdfast` command: verbs and groups of verbs, and the exit code of each."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import structlog
import typer

from holdfast.contracts import CallerError, HoldfastError, OperatorError

from ..terminal import OUT, TALK, plain
from . import (
    approvals,
    audit,
    calls,
    importing,
    labels,
    leases,
    making,
    policy,
    programs,
    serving,
    sessions,
    setup,
    signing,
    standing,
    tokens,
    tools,
    upstreams,
    vault,
    wrapping,
)

EXIT_USAGE = 2
EXIT_TOOL = 3

app = typer.Typer(
    name="holdfast",
    help="Decides whether a tool call may run, runs it where it can do no harm, cleans the answer, keeps the record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for register in (
    setup.register,
    serving.register,
    standing.register,
    wrapping.register,
    calls.register,
    programs.register,
):
    register(app)
making.register(tools.group)
signing.register(tools.group)
importing.register(upstreams.group)
app.add_typer(tools.group, name="tools", help="Sandboxed tools: make, build, sign, add, look, try, approve, remove.")
app.add_typer(upstreams.group, name="upstreams", help="MCP servers behind the fence.")
app.add_typer(policy.group, name="policy", help="Policy: check, test, explain, compare, replay and prove it.")
app.add_typer(approvals.group, name="approvals", help="Calls that wait for somebody.")
app.add_typer(leases.group, name="leases", help="Calls that run without asking, a number of times, for a while.")
app.add_typer(labels.group, name="labels", help="Places that keep labels: what was written there, and by whom.")
app.add_typer(sessions.group, name="sessions", help="Conversations: what each learned; clear a default one.")
app.add_typer(audit.group, name="audit", help="The record: look, verify, export its head.")
app.add_typer(
    vault.group, name="secrets", help="Secrets that requests of tools carry: set, list, remove. None is ever shown."
)
app.add_typer(tokens.group, name="token", help="Tokens: issue, list, revoke.")


def _version(asked: bool) -> None:  # noqa: FBT001 -- typer hands over the value of the option
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 -- only this option needs it

        OUT.print(f"holdfast {version('holdfast')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_version, help="Say which version this is.")
]


@app.callback()
def options(version: VersionOption = False) -> None:  # noqa: FBT002 -- a flag, and its callback has answered
    """Hold what stands before any verb."""


def main() -> int:
    """Run the command line; answers the exit code (DESIGN section 4.1)."""
    structlog.configure(logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr))
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if callable(reconfigure):
        reconfigure(errors="backslashreplace")  # what a terminal's charset lacks is no reason to break
    return _flushed(_run())


def _run() -> int:
    try:
        done = app(standalone_mode=False)
    except typer.Abort:
        return EXIT_USAGE
    except typer.exceptions.TyperException as error:
        _explain_usage(error)
        return EXIT_USAGE
    except (OperatorError, CallerError) as error:
        _say(error)
        return EXIT_USAGE
    except HoldfastError as error:
        _say(error)
        return EXIT_TOOL
    except OSError as error:
        place = "" if error.filename is None else f" `{plain(str(error.filename))}`"
        TALK.print(f"[red]error[/]: the system refused{place}: {plain(error.strerror or type(error).__name__)}")
        return EXIT_USAGE
    except Exception as error:  # noqa: BLE001 -- the command line's one broad catch: a trace may quote a secret
        TALK.print(f"[red]error[/]: holdfast broke ({type(error).__name__}{_place(error)}); please report it")
        return EXIT_TOOL
    return done if isinstance(done, int) else 0


def _flushed(code: int) -> int:
    """*code*, once everything is written; that of the verb when only its reader went away early."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- a device
            os.dup2(nowhere.fileno(), sys.stdout.fileno())  # so that the interpreter's own last flush succeeds
    return code


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _explain_usage(error: Exception) -> None:
    show = getattr(error, "show", None)  # typer keeps the class that has it to itself
    if callable(show):
        show()
    else:
        TALK.print(f"[red]error[/]: {plain(str(error))}")


def _say(error: HoldfastError) -> None:
    TALK.print(f"[red]error[/]: {plain(error.message)}")
    if error.remedy:
        TALK.print(f"  [dim]=[/] {plain(error.remedy)}")
