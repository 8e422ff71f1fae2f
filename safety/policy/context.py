"""Writes what policies read of a call beside principal and tool, and only that: every value costs Cedar 2 µs."""

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from holdfast.contracts import Json

from .decisions import PolicyRequest
from .mentions import Wanted
from .paths import path_fact
from .values import Written

Reader: TypeAlias = Callable[[PolicyRequest, Written], Json]

_WRITE: Final = json.JSONEncoder(sort_keys=True).encode
_READERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "session": {
        "id": lambda request, _: request.session.id,
        "labels": lambda request, _: [label.value for label in sorted(request.session.labels)],
        "private": lambda request, _: request.flow.private,
        "untrusted": lambda request, _: request.flow.untrusted,
    },
    "flow": {
        "sink": lambda request, _: request.flow.sink.value,
        "args_from_user": lambda request, _: request.flow.args_from_user,
        "all_from_user": lambda request, _: request.flow.all_from_user,
        "repeated": lambda request, _: request.flow.repeated,
        "receivers_listed": lambda request, _: request.flow.receivers_listed,
        "receivers_from_user": lambda request, _: request.flow.receivers_from_user,
        "args_contain_private": lambda request, _: request.flow.args_contain_private,
        "args_from_untrusted": lambda request, _: request.flow.args_from_untrusted,
    },
    "facts": {
        "leaks": lambda request, _: request.facts.leaks,
        "credentials": lambda request, _: request.facts.credentials,
        "injection": lambda request, _: request.facts.injection,
        "pii": lambda request, _: request.facts.pii,
        "rules": lambda request, _: [*sorted(request.facts.rules)],
        "inexact": lambda _, written: written.inexact,
        "unseen": lambda _, written: written.unseen,
    },
}
"""Everything that has fields of its own, but for the arguments and the paths in them."""


class Context:
    """How the context of a request is written for one set of policies."""

    __slots__ = ("_readers", "_wants")

    def __init__(self, wants: Wanted) -> None:
        self._wants = wants
        self._readers = tuple(
            (attribute, tuple((name, read) for name, read in fields.items() if wants.takes(attribute, name)))
            for attribute, fields in _READERS.items()
        )

    def written(self, request: PolicyRequest, arguments: Written) -> str:
        """The context of *request*, whose arguments are written as *arguments*, as JSON."""
        wants = self._wants
        seen: dict[str, Json] = {
            attribute: {name: read(request, arguments) for name, read in fields} for attribute, fields in self._readers
        }
        seen["input"] = {name: value for name, value in arguments.input.items() if wants.takes("input", name)}
        paths = path_fact(request.arguments) if wants.sees("paths") else {}
        seen["paths"] = {name: value for name, value in paths.items() if wants.takes("paths", name)}
        if wants.sees("effects"):
            seen["effects"] = [effect.value for effect in sorted(request.flow.effects)]
        return _WRITE(seen)
