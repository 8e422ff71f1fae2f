"""The layers as they are shipped, and what counts as found. Every table asks these, so that all mean the same."""

from collections.abc import Iterable
from functools import cache

from holdfast.contracts import Action, Finding, Where
from holdfast.server.assembly.layers import build_layers
from holdfast.server.dispatch import Layers
from holdfast.server.scanning import Scanner

SECRETS = ("leaks", "credentials")
"""The layers whose findings are about credentials."""
TAKES_OUT = frozenset({Action.DENY, Action.REDACT})
"""What counts as found: a note changes nothing, so it counts in a column of its own."""


@cache
def layers() -> Layers:
    return build_layers()


@cache
def scanner() -> Scanner:
    return Scanner(layers())


def looked(text: str) -> tuple[Finding, ...]:
    """What `holdfast scan` finds in *text*."""
    return scanner().look(text, Where.OUTPUT).findings


def acted(findings: Iterable[Finding], names: Iterable[str] = SECRETS) -> list[Finding]:
    """The *findings* of the layers *names* that take something out."""
    return [finding for finding in findings if finding.layer in names and finding.action in TAKES_OUT]


def covered(findings: Iterable[Finding], start: int, end: int) -> float:
    """The share of the characters from *start* to *end* that lie in spans of *findings*."""
    inside = {at for found in findings for at in range(max(start, found.start), min(end, found.end))}
    return len(inside) / (end - start)
