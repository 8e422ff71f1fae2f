"""Reads `tool.toml` strictly: every key is known, in range and enforced by this version, or the manifest is refused.

1. Unknown keys are refused by their path. Nothing is ignored, repaired or capped in silence.
2. The digest is mandatory; a module without one has no identity to approve.
3. Limits above the server's ceilings are refused.
4. A grant that the tool's calling convention cannot use is refused with that reason.
5. Effects follow grants: a tool that is granted what it does not say it does is refused with the line to add.
It reads no file and runs nothing.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from holdfast.contracts.digests import Digest
from holdfast.contracts.effects import ALL_EFFECTS, Effect
from holdfast.contracts.errors import MalformedJson, OperatorError
from holdfast.contracts.flow import FlowSpec
from holdfast.contracts.json_values import Json, canonical, parse
from holdfast.contracts.limits import JAVASCRIPT, JAVASCRIPT_CEILING, PYTHON, PYTHON_CEILING, WASM, WASM_CEILING, Limits
from holdfast.contracts.schema_shape import misshapen
from holdfast.contracts.specs import TOOL_NAME, Grants, HttpGrant, ToolName, ToolSpec, Wasm

from .abi import Abi
from .manifest_model import GrantsTable, HttpTable, LimitsTable, ManifestFile, OperationTable, SecretTable, ToolTable
from .secret_grants import check_secrets, secret_use

MANIFEST_BYTES: Final = 256 << 10
_INTERPRETED: Final[Mapping[Abi, Limits]] = MappingProxyType({Abi.PYTHON: PYTHON, Abi.JAVASCRIPT: JAVASCRIPT})
"""The limits of tools that are source text, where their manifest says none: an interpreter needs more than a module."""
SCHEMA_DEPTH: Final = 32

_IMPORTED: Final = ("workspace_read", "workspace_write", "kv", "tools", "secret_exists", "http")
"""Grants that a module must be able to import host functions for."""
_IMPORT_NOTHING: Final = frozenset({Abi.WASI_COMMAND, Abi.CORE_JSON})
_EFFECTS: Final[Mapping[str, tuple[Effect, ...]]] = MappingProxyType(
    {
        "workspace_read": (Effect.READ_PRIVATE, Effect.READ_UNTRUSTED),
        "workspace_write": (Effect.WRITE,),
        "http": (Effect.EGRESS,),
    }
)
"""What a tool with the grant does, in one of these words at least."""
_SHOWN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NESTED: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "tool": ToolTable,
        "tool.operations": OperationTable,
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
class Operation:
    """One function of a module, as a tool of its own."""

    name: ToolName
    """The whole name, `{tool}_{operation}`."""
    function: str
    """What `Wasm.function` says; empty for the only one there is."""
    description: str
    input_schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One module as its author describes it, checked: one tool, or one for each operation."""

    name: ToolName
    version: str
    description: str
    abi: str
    module: str
    """The file beside the manifest that must have `digest`."""
    digest: Digest
    effects: frozenset[Effect]
    operations: tuple[Operation, ...]
    """One at least; of a manifest without `tool.operations`, the tool itself."""
    limits: Limits
    grants: Grants
    said: frozenset[str] = frozenset()
    """The keys that `[grants]` holds, given or empty: an empty one refuses what the module imports."""

    @property
    def input_schema(self) -> Mapping[str, Json]:
        """Of the first operation, which of most manifests is the only one."""
        return self.operations[0].input_schema

    def spec(self) -> ToolSpec:
        """The first operation as it is registered and judged."""
        return self.specs()[0]

    def specs(self) -> tuple[ToolSpec, ...]:
        """Every operation as it is registered and judged."""
        return tuple(self._spec(one) for one in self.operations)

    def _spec(self, one: Operation) -> ToolSpec:
        return ToolSpec(
            name=one.name,
            version=self.version,
            description=one.description,
            input_schema=one.input_schema,
            effects=self.effects,
            runtime=Wasm(module=self.digest, abi=self.abi, function=one.function),
            limits=self.limits,
            grants=self.grants,
            flow=_flow(self.grants),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The most that a manifest may ask for on one server."""

    module: Limits = WASM_CEILING
    python: Limits = PYTHON_CEILING
    """Of source text, which an interpreter runs."""
    javascript: Limits = JAVASCRIPT_CEILING

    def of(self, abi: Abi) -> Limits:
        """Those of tools that are called as *abi* says."""
        match abi:
            case Abi.PYTHON:
                return self.python
            case Abi.JAVASCRIPT:
                return self.javascript
            case _:
                return self.module


USUAL_CEILINGS: Final = Ceilings()


def load_manifest(text: str, *, ceilings: Ceilings = USUAL_CEILINGS) -> Manifest:
    """The manifest that *text* is, under the server's *ceilings*.

    Raises: OperatorError that names the key and the rule, never the value.
    """
    if len(text) > MANIFEST_BYTES:
        raise OperatorError(f"`tool.toml` is larger than {MANIFEST_BYTES} characters")
    file = _model(_toml(text))
    effects = ALL_EFFECTS if file.tool.effects is None else frozenset(file.tool.effects)
    _check_grants(file.grants, file.tool.abi, effects)
    return Manifest(
        name=ToolName(file.tool.name),
        version=file.tool.version,
        description=file.tool.description,
        abi=file.tool.abi.value,
        module=file.tool.module,
        digest=Digest.parse(file.tool.digest),
        effects=effects,
        operations=_operations(file.tool),
        limits=_limits(file.limits, file.tool.abi, ceilings.of(file.tool.abi)),
        grants=_grants(file.grants),
        said=frozenset(file.grants.model_fields_set),
    )


def _operations(tool: ToolTable) -> tuple[Operation, ...]:
    name = ToolName(tool.name)
    if not tool.operations:
        if tool.input_schema is None:
            raise OperatorError("`tool.input_schema`: this key is required")
        schema = _schema(tool.input_schema, "tool.input_schema")
        return (Operation(name=name, function="", description=tool.description, input_schema=schema),)
    if tool.input_schema is not None:
        raise OperatorError("`tool.input_schema`: each of `tool.operations` has its own; remove it")
    names = [f"{name}_{one.name}" for one in tool.operations]
    if len(set(names)) != len(names):
        raise OperatorError("`tool.operations`: two have the same name")
    if not all(TOOL_NAME.fullmatch(one) for one in names):
        raise OperatorError("`tool.operations.name`: with the tool's name before it, it has more than 64 characters")
    return tuple(
        Operation(
            name=ToolName(whole),
            function=_chosen(tool.abi, one),
            description=one.description,
            input_schema=_schema(one.input_schema, f"tool.operations.{at}.input_schema"),
        )
        for at, (whole, one) in enumerate(zip(names, tool.operations, strict=True))
    )


def _chosen(abi: Abi, operation: OperationTable) -> str:
    """What chooses the function. Each calling convention has one key for it, and those with one function none."""
    if abi in _IMPORT_NOTHING:
        raise OperatorError(f"`tool.operations`: a {abi.value} tool has one function; remove them")
    wanted, other = ("capability_id", "function") if abi is Abi.NEAR_AGENT else ("function", "capability_id")
    if getattr(operation, other) is not None:
        raise OperatorError(f"`tool.operations.{other}`: a {abi.value} tool is told `{wanted}`; remove it")
    chosen: str | None = getattr(operation, wanted)
    if chosen is None:
        raise OperatorError(f"`tool.operations.{wanted}`: this key is required")
    return chosen


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


def _check_grants(grants: GrantsTable, abi: Abi, effects: frozenset[Effect]) -> None:
    for name in _IMPORTED:
        if getattr(grants, name) and abi in _IMPORT_NOTHING:
            raise OperatorError(
                f"`grants.{name}`: a {abi.value} tool imports no such function, so this gives it nothing"
            )
    check_secrets(grants.http)
    for name, enough in _EFFECTS.items():
        if getattr(grants, name) and not effects.intersection(enough):
            wanted = ", ".join(f'"{one.value}"' for one in sorted({*effects, enough[0]}))
            line = f"effects = [{wanted}]"
            raise OperatorError(
                f"`grants.{name}`: a tool with this grant has the effect `{enough[0].value}`; write `{line}`",
                remedy=line,
            )


def _grants(table: GrantsTable) -> Grants:
    return Grants(
        clock=table.clock,
        random=table.random,
        http=tuple(
            HttpGrant(
                scheme=one.scheme,
                host=one.host,
                port=one.port,
                methods=frozenset(one.methods),
                path=one.path,
                secret=secret_use(one.secret),
            )
            for one in table.http
        ),
        workspace_read=tuple(table.workspace_read),
        workspace_write=tuple(table.workspace_write),
        kv=table.kv,
        tools=tuple(table.tools),
        secret_exists=tuple(table.secret_exists),
    )


def _flow(grants: Grants) -> FlowSpec:
    """The places its grants lead to. Without any it keeps what it always had: all of the workspace, if it says so."""
    if grants == replace(Grants(), clock=grants.clock, random=grants.random):
        return FlowSpec()
    return FlowSpec(reads=_places(grants.workspace_read), writes=_places(grants.workspace_write))


def _places(granted: tuple[str, ...]) -> tuple[str, ...]:
    """Each file or folder, and what is below it."""
    paths = ["/".join(part for part in path.split("/") if part not in {"", "."}) for path in granted]
    return tuple(dict.fromkeys(place for path in paths for place in ((path, f"{path}/*") if path else ("*",))))


def _limits(table: LimitsTable, abi: Abi, ceiling: Limits) -> Limits:
    usual = _INTERPRETED.get(abi, WASM)
    limits = replace(usual, **table.model_dump(exclude_none=True), total_output_bytes=ceiling.total_output_bytes)
    for field in fields(limits):
        if getattr(limits, field.name) > getattr(ceiling, field.name):
            most = getattr(ceiling, field.name)
            raise OperatorError(f"`limits.{field.name}`: this server allows at most {most}")
    return limits


def _schema(schema: dict[str, Any], key: str) -> Mapping[str, Json]:
    try:
        written = parse(canonical(schema), max_depth=SCHEMA_DEPTH)
    except MalformedJson as error:
        raise OperatorError(f"`{key}`: {error.message}") from None
    if not isinstance(written, dict) or written.get("type") != "object":
        raise OperatorError(f'`{key}`: arguments are an object, so `type = "object"` is required')
    if (fault := misshapen(written)) is not None:
        raise OperatorError(f"`{key}.{_path(fault.path)}`: not JSON Schema 2020-12, it {fault.wants}")
    return written
