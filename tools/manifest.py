"""Reads `tool.toml` strictly: every key is known, in range and enforced by this version, or the manifest is refused.

1. Unknown keys are refused by their path. Nothing is ignored, repaired or capped in silence.
2. The digest is mandatory; a module without one has no identity to approve.
3. Limits above the server's ceilings are refused.
4. A grant that no calling convention of this version can use is refused with that reason.
It reads no file and runs nothing.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ValidationError

from holdfast.contracts.digests import Digest
from holdfast.contracts.effects import ALL_EFFECTS, Effect
from holdfast.contracts.errors import MalformedJson, OperatorError
from holdfast.contracts.json_values import Json, canonical, parse
from holdfast.contracts.limits import WASM_CEILING, Limits
from holdfast.contracts.specs import Grants, ToolName, ToolSpec, Wasm

from .abi import RUNNABLE, UNSUPPORTED
from .manifest_model import GrantsTable, HttpTable, LimitsTable, ManifestFile, SecretTable, ToolTable

MANIFEST_BYTES: Final = 256 << 10
SCHEMA_DEPTH: Final = 32

_NO_IMPORT: Final = "no calling convention of this version imports it, so it cannot be enforced; remove it"
_UNENFORCEABLE: Final = ("workspace_read", "workspace_write", "kv", "tools", "secret_exists", "http")
_SHOWN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NESTED: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "tool": ToolTable,
        "limits": LimitsTable,
        "grants": GrantsTable,
        "grants.http": HttpTable,
        "grants.http.secret": SecretTable,
    }
)

# pydantic's names of what went wrong, in words of ours: its own messages quote the value.
_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "extra_forbidden": "there is no such key",
        "missing": "this key is required",
        "string_pattern_mismatch": "this is not in the form the key needs",
        "string_too_short": "this must not be empty",
        "string_too_long": "this is too long",
        "too_short": "this must not be empty",
        "greater_than": "this must be above zero",
        "greater_than_equal": "this is below the least",
        "less_than_equal": "this is above the most",
        "enum": "this is not one of the words the key knows",
        "literal_error": "this is not one of the words the key knows",
        "int_type": "this must be a whole number",
        "bool_type": "this must be true or false",
        "string_type": "this must be text",
        "list_type": "this must be a list",
        "dict_type": "this must be a table",
        "model_type": "this must be a table",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One tool as its author describes it, checked."""

    name: ToolName
    version: str
    description: str
    abi: str
    module: str
    """The file beside the manifest that must have `digest`."""
    digest: Digest
    effects: frozenset[Effect]
    input_schema: Mapping[str, Json]
    limits: Limits
    grants: Grants

    def spec(self) -> ToolSpec:
        """The tool as it is registered and judged."""
        return ToolSpec(
            name=self.name,
            version=self.version,
            description=self.description,
            input_schema=self.input_schema,
            effects=self.effects,
            runtime=Wasm(module=self.digest, abi=self.abi),
            limits=self.limits,
            grants=self.grants,
        )


def load_manifest(text: str, *, ceiling: Limits = WASM_CEILING) -> Manifest:
    """The manifest that *text* is, under the server's *ceiling*.

    Raises: OperatorError that names the key and the rule, never the value.
    """
    if len(text) > MANIFEST_BYTES:
        raise OperatorError(f"`tool.toml` is larger than {MANIFEST_BYTES} characters")
    file = _model(_toml(text))
    if file.tool.abi not in RUNNABLE:
        raise OperatorError(f"`tool.abi` is {file.tool.abi.value}: {UNSUPPORTED}")
    _check_grants(file.grants)
    effects = file.tool.effects
    return Manifest(
        name=ToolName(file.tool.name),
        version=file.tool.version,
        description=file.tool.description,
        abi=file.tool.abi.value,
        module=file.tool.module,
        digest=Digest.parse(file.tool.digest),
        effects=ALL_EFFECTS if effects is None else frozenset(effects),
        input_schema=_schema(file.tool.input_schema),
        limits=_limits(file.limits, ceiling),
        grants=Grants(clock=file.grants.clock, random=file.grants.random),
    )


def manifest_keys() -> tuple[str, ...]:
    """Every key a manifest may have, by its path, sorted. Below `tool.input_schema` any JSON Schema may stand."""
    return tuple(sorted(_keys(ManifestFile, "")))


def _keys(model: type[BaseModel], above: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        nested = _NESTED.get(path)
        if nested is None:
            yield path
        else:
            yield from _keys(nested, f"{path}.")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        at = f" at line {where[1]}" if where else ""
        raise OperatorError(f"`tool.toml` is not valid TOML{at}") from None
    except (RecursionError, ValueError):
        raise OperatorError("`tool.toml` is not valid TOML") from None


def _model(data: dict[str, Any]) -> ManifestFile:
    try:
        return ManifestFile.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        rule = _RULES.get(first["type"], "this is not what the key needs")
        raise OperatorError(f"`{_path(first['loc'])}`: {rule}") from None


def _path(places: tuple[int | str, ...]) -> str:
    shown = [str(place) if _SHOWN_KEY.fullmatch(str(place)) else "?" for place in places]
    return ".".join(shown) or "tool.toml"


def _check_grants(grants: GrantsTable) -> None:
    for name in _UNENFORCEABLE:
        if getattr(grants, name):
            raise OperatorError(f"`grants.{name}`: {_NO_IMPORT}")


def _limits(table: LimitsTable, ceiling: Limits) -> Limits:
    limits = Limits(**table.model_dump(), total_output_bytes=ceiling.total_output_bytes)
    for field in fields(limits):
        if getattr(limits, field.name) > getattr(ceiling, field.name):
            most = getattr(ceiling, field.name)
            raise OperatorError(f"`limits.{field.name}`: this server allows at most {most}")
    return limits


def _schema(schema: dict[str, Any]) -> Mapping[str, Json]:
    try:
        written = parse(canonical(schema), max_depth=SCHEMA_DEPTH)
    except MalformedJson as error:
        raise OperatorError(f"`tool.input_schema`: {error.message}") from None
    if not isinstance(written, dict) or written.get("type") != "object":
        raise OperatorError('`tool.input_schema`: arguments are an object, so `type = "object"` is required')
    try:
        Draft202012Validator.check_schema(written)
    except SchemaError as error:
        raise OperatorError(
            f"`tool.input_schema.{_path(tuple(error.absolute_path))}`: not JSON Schema 2020-12"
        ) from None
    except RecursionError:
        raise OperatorError("`tool.input_schema`: nested too deep") from None
    return written
