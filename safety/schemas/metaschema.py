"""The metaschema of 2020-12 as one document without dynamic scope, so that our own bounded keywords can evaluate it."""

from typing import Any, Final

import jsonschema_specifications  # type: ignore[import-untyped]  # it has no types
from jsonschema import Draft202012Validator

from .bounds import is_array, is_object

_VOCABULARY_PREFIX: Final = "https://json-schema.org/draft/2020-12/"
_ONLY_NAMES = ("$id", "$schema", "$vocabulary", "$dynamicAnchor")


def flattened() -> dict[str, Any]:
    """The metaschema with its vocabularies under `$defs`; `$dynamicRef: #meta` means the whole, as it does there."""
    registry: Any = jsonschema_specifications.REGISTRY
    root: Any = Draft202012Validator.META_SCHEMA
    vocabularies = [part["$ref"] for part in root["allOf"]]
    flat: dict[str, Any] = _relocated(root, "")
    flat["$defs"] = {
        _key(name): _relocated(registry.contents(_VOCABULARY_PREFIX + name), f"/$defs/{_key(name)}")
        for name in vocabularies
    }
    return flat


def _key(vocabulary: str) -> str:
    return vocabulary.rpartition("/")[2]


def _relocated(value: Any, base: str) -> Any:
    """A copy of *value* whose references hold when it stands at *base* of another document."""
    if is_array(value):
        return [_relocated(item, base) for item in value]
    if not is_object(value):
        return value
    moved: dict[str, Any] = {}
    for key, item in value.items():
        if key == "$dynamicRef" and isinstance(item, str):
            moved["$ref"] = "#"
        elif key == "$ref" and isinstance(item, str):
            document, _, fragment = item.partition("#")
            moved["$ref"] = f"#/$defs/{_key(document)}{fragment}" if document else f"#{base}{fragment}"
        elif key not in _ONLY_NAMES or isinstance(item, dict):
            moved[key] = _relocated(item, base)
    return moved
