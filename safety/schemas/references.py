"""Resolves every reference of a schema inside the schema itself; there is no registry, so nothing is ever fetched."""

from typing import Any, Final, cast

import referencing
import referencing.exceptions
from referencing.jsonschema import DRAFT202012

from holdfast.contracts import OperatorError

from .effort import Effort
from .evaluation import Schema
from .walk import Path, in_place, subschemas
from .wording import pointer

_KEYWORDS = ("$ref", "$dynamicRef")
_UNRESOLVED = (
    referencing.exceptions.Unresolvable,
    referencing.exceptions.NoSuchResource,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What referencing raises for a URI that leads nowhere, a malformed URI, and a pointer through a scalar."""

MAX_REFERENCES: Final = 500
"""Following one takes about 30 µs."""

_REFERENCE_STEPS = 25
_NAME_STEPS = 12
"""Of each `$id` and anchor, which is looked up and written into a registry."""
_URI_CHARACTERS_A_STEP = 12
"""Joining a relative URI to the one it stands in costs by the length of both."""
_SEGMENT_STEPS = 3
_SEGMENTS_A_STEP = 16
"""Each segment of a pointer looks at those before it again."""
_WALK_STEPS = 3

References = dict[tuple[int, str], Schema]


def resolve(root: dict[str, Any], effort: Effort) -> tuple[References, tuple[Schema, ...]]:
    """Where each reference leads, and the schemas that are reached by reference only.

    Raises: OperatorError for a reference that leaves the document, leads nowhere, or depends on the dynamic scope.
    """
    _pay_for_names(root, effort)
    resource = DRAFT202012.create_resource(root)
    registry: referencing.Registry[Any] = referencing.Registry()
    try:
        base = resource.id() or ""
        registry = registry.with_resource(base, resource).crawl()
    except (*_UNRESOLVED, referencing.exceptions.CannotDetermineSpecification):
        raise OperatorError("an `$id` or anchor of the schema is malformed") from None
    return _Resolution(registry.resolver(base), _dynamic_anchors(root), effort).run(root)


def _pay_for_names(root: dict[str, Any], effort: Effort) -> None:
    """Pay for the registry of all names in *root*, before it is made."""
    outermost = len(str(root.get("$id", "")))
    longest: dict[Path, int] = {}
    for schema, path in subschemas(root, ()):
        if not isinstance(schema, dict):
            continue
        effort.pay(_NAME_STEPS * sum(name in schema for name in ("$anchor", "$dynamicAnchor")))
        if isinstance(own := schema.get("$id"), str):
            length = longest[path] = _scope(longest, path, outermost) + len(own)
            effort.pay(_NAME_STEPS + length // _URI_CHARACTERS_A_STEP)


def _joining(scope: Any, uri: str) -> int:
    # There is no public name for the URI that a resolver joins to.
    return (len(scope._base_uri) + len(uri)) // _URI_CHARACTERS_A_STEP  # noqa: SLF001 -- said above


def _following(scope: Any, uri: str) -> int:
    segments = uri.count("/") + uri.count("%2")
    joining = 0 if uri.startswith("#") else _joining(scope, uri)
    return _REFERENCE_STEPS + joining + segments * _SEGMENT_STEPS + segments * segments // _SEGMENTS_A_STEP


def refuse_loops(references: References, schemas: tuple[Schema, ...]) -> None:
    """Refuse a schema that applies itself to the same value again.

    Raises: OperatorError.
    """
    state: dict[int, str] = {}
    for start in schemas:
        stack: list[tuple[Schema, str]] = [(start, "enter")]
        while stack:
            schema, event = stack.pop()
            if not isinstance(schema, dict):
                continue
            if event == "leave":
                state[id(schema)] = "done"
            elif state.get(id(schema)) == "open":
                raise OperatorError("a `$ref` of the schema leads back to itself without looking into the value")
            elif id(schema) not in state:
                state[id(schema)] = "open"
                stack.append((schema, "leave"))
                stack.extend((inner, "enter") for inner in _applied(schema, references))


def _applied(schema: dict[str, Any], references: References) -> list[Schema]:
    targets = [references[id(schema), keyword] for keyword in _KEYWORDS if keyword in schema]
    return [*in_place(schema), *targets]


def _dynamic_anchors(root: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for schema, _ in subschemas(root, ()):
        if isinstance(schema, dict) and isinstance(name := schema.get("$dynamicAnchor"), str):
            counts[name] = counts.get(name, 0) + 1
    return counts


class _Resolution:
    """One walk over a document and over what its references reach."""

    def __init__(self, resolver: Any, dynamic_anchors: dict[str, int], effort: Effort) -> None:
        self._root = resolver
        self._dynamic = dynamic_anchors
        self._effort = effort
        self._found: References = {}
        self._seen: set[int] = set()
        self._counted = 0
        self._reached: list[Schema] = []

    def run(self, root: dict[str, Any]) -> tuple[References, tuple[Schema, ...]]:
        """Walk *root*, then whatever is referred to outside of every place where schemas stand."""
        pending: list[tuple[Schema, Any]] = [(root, self._root)]
        while pending:
            start, resolver = pending.pop()
            if id(start) in self._seen:
                continue
            if start is not root:
                self._reached.append(start)
            pending.extend(self._walk(start, resolver))
        return self._found, tuple(self._reached)

    def _walk(self, start: Schema, resolver: Any) -> list[tuple[Schema, Any]]:
        targets: list[tuple[Schema, Any]] = []
        scopes: dict[Path, Any] = {}
        for schema, path in subschemas(start, ()):
            self._effort.pay(_WALK_STEPS)
            if not isinstance(schema, dict):
                continue
            self._seen.add(id(schema))
            scope = _scope(scopes, path, resolver)
            if path and "$id" in schema:
                self._count()
                self._effort.pay(_REFERENCE_STEPS + _joining(scope, str(schema["$id"])))
                scope = scopes[path] = _entered(scope, schema, path)
            targets += [self._follow(schema, keyword, scope, path) for keyword in _KEYWORDS if keyword in schema]
        return [target for target in targets if isinstance(target[0], dict)]

    def _count(self) -> None:
        self._counted += 1
        if self._counted > MAX_REFERENCES:
            raise OperatorError(f"the schema has more than {MAX_REFERENCES} references and names of its own (`$id`)")

    def _follow(self, schema: dict[str, Any], keyword: str, scope: Any, path: Path) -> tuple[Schema, Any]:
        self._count()
        uri = schema[keyword]
        where = pointer((*path, keyword))
        if not isinstance(uri, str):  # what a reference reaches is walked before it is checked as a schema
            raise OperatorError(f"the reference at `{where}` is no string")
        if keyword == "$dynamicRef" and self._dynamic.get(str(uri).rpartition("#")[2], 0) > 1:
            raise OperatorError(f"the `$dynamicRef` at `{where}` has more than one target, which is not supported")
        self._effort.pay(_following(scope, uri))
        try:
            resolved = scope.lookup(uri)
        except _UNRESOLVED:
            raise OperatorError(
                f"the reference at `{where}` leads out of the schema or nowhere; references are never fetched"
            ) from None
        target: Any = resolved.contents
        if not isinstance(target, bool) and not isinstance(target, dict):
            raise OperatorError(f"the reference at `{where}` does not lead to a schema")
        found = cast("Schema", target)
        self._found[id(schema), keyword] = found
        return found, resolved.resolver


def _scope(scopes: dict[Path, Any], path: Path, outermost: Any) -> Any:
    """What *scopes* has of the nearest enclosing schema that has an `$id`."""
    if scopes:
        for length in range(len(path), 0, -1):
            if path[:length] in scopes:
                return scopes[path[:length]]
    return outermost


def _entered(scope: Any, schema: dict[str, Any], path: Path) -> Any:
    try:
        return scope.in_subresource(DRAFT202012.create_resource(schema))
    except _UNRESOLVED:
        raise OperatorError(f"the `$id` at `{pointer(path)}` is malformed") from None
