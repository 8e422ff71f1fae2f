"""Whether what an operator says of a tool's arguments fits the tool. It repairs nothing."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from holdfast.contracts import Json, ToolSpec

_NAMED: Final = re.compile(r"\{([^{}]+)\}")


def misfit(spec: ToolSpec) -> str | None:
    """The first argument that *spec*'s flow names and its schema does not, as one sentence; None when all fit.

    A condition on an argument that is never there would never hold, and take an effect away for good.
    """
    for path in _arguments(spec):
        if not _declared(dict(spec.input_schema), path.split(".")):
            return f"its entry names the argument `{path}`, which the tool's schema does not have"
    return None


def _arguments(spec: ToolSpec) -> Iterator[str]:
    flow = spec.flow
    yield from (when.argument for when in flow.when)
    yield from flow.decisive or ()
    yield from flow.receivers
    for template in (*(flow.reads or ()), *(flow.writes or ()), *flow.carries):
        yield from (name for name in _NAMED.findall(template) if not name.startswith("result."))


def _declared(schema: Json, path: list[str]) -> bool:
    if not path:
        return True
    if not isinstance(schema, Mapping):
        return False
    items = schema.get("items")
    if items is not None and "properties" not in schema:
        return _declared(items, path)
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or path[0] not in properties:
        return False
    return len(path) == 1 or _declared(properties[path[0]], path[1:])
