"""Whether a module and its manifest fit each other, from the report on the module alone. It runs nothing."""

from typing import Final

from holdfast.contracts.errors import OperatorError
from holdfast.contracts.specs import ToolSpec, Wasm

from .abi import COMPONENT, JAVASCRIPT, SOURCES
from .broker import misfit, unused
from .report import ModuleReport, shown
from .settings import TABLE_ELEMENTS

INTERPRETED_BYTES: Final = 64 << 20
"""The least memory of a tool that is source text: its interpreter takes about 20 MiB."""
_NAMES_SHOWN: Final = 20


def check_fit(report: ModuleReport, spec: ToolSpec, *, said: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Whether the module of *report* can run as *spec* says; answers what the operator should know.

    *said* are the keys that the manifest's `[grants]` holds: an empty one is a refusal, and so an answer.

    Raises: OperatorError when it cannot, with the line to add if one is missing.
    """
    if not isinstance(spec.runtime, Wasm):
        raise OperatorError("this is not a WebAssembly tool")
    if spec.runtime.abi != report.abi:
        raise OperatorError(f"`tool.abi` says {spec.runtime.abi}, but the module is a {report.abi} module")
    if report.memory_bytes > spec.limits.memory_bytes:
        raise OperatorError(
            f"`limits.memory_bytes` is {spec.limits.memory_bytes}, but the module starts with {report.memory_bytes}"
        )
    if report.tables and report.table_elements > TABLE_ELEMENTS // report.tables:
        raise OperatorError(f"the module's tables start with more than {TABLE_ELEMENTS} elements together")
    if report.abi in SOURCES:
        _check_interpreted(spec)
    _check_function(report, spec.runtime.function or spec.name)
    lacking = misfit(report.capabilities, spec.grants, said)
    if lacking is not None:
        sentence, line = lacking
        raise OperatorError(f"{sentence}; add `{line}`, or leave it empty to refuse it", remedy=line)
    withheld = [name for name, granted in (("clock", spec.grants.clock), ("random", spec.grants.random)) if not granted]
    answer = "stop the tool" if report.component or report.abi in SOURCES else "answer `not capable`"
    denied = tuple(f"`grants.{name} = false`: those WASI calls {answer}" for name in withheld)
    return (*report.notes, *denied, *unused(report.capabilities, spec.grants))


def _check_interpreted(spec: ToolSpec) -> None:
    """What a sealed interpreter needs for itself."""
    if spec.limits.memory_bytes < INTERPRETED_BYTES:
        raise OperatorError(f"`limits.memory_bytes`: an interpreted tool needs at least {INTERPRETED_BYTES}")
    if not spec.grants.random:
        raise OperatorError("`grants.random`: the interpreter itself is seeded when it starts; remove it")
    if not spec.grants.clock and isinstance(spec.runtime, Wasm) and spec.runtime.abi == JAVASCRIPT:
        raise OperatorError("`grants.clock`: this interpreter itself asks for the time in every call; remove it")


def _check_function(report: ModuleReport, function: str) -> None:
    """Whether a component or source has the function that a tool of it calls; with one only it is that one."""
    names = [offer.name for offer in report.offers]
    if report.abi in {COMPONENT, *SOURCES} and len(names) > 1 and function not in names:
        shown_names = ", ".join(shown(name) for name in names[:_NAMES_SHOWN])
        raise OperatorError(
            f"the {report.abi} tool has several functions: {shown_names}; name one in `tool.operations`",
            remedy='[[tool.operations]] name = "…", function = "…", description = "…", input_schema = {…}',
        )
