"""The keys of `tool.toml`, as frozen models that know no others. They say what a key may be, not what it may mean."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.effects import Effect
from holdfast.contracts.limits import WASM
from holdfast.contracts.specs import TOOL_NAME

from .abi import Abi

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)

# Enumerations arrive as text, which strict mode would refuse; everything else must be of its own TOML type.
AbiName = Annotated[Abi, Field(strict=False)]
EffectName = Annotated[Effect, Field(strict=False)]
Positive = Annotated[int, Field(gt=0)]
# `[a-z0-9-]` labels, at least two unless exact and local names are granted on purpose; `*.` only in front.
HostName = Annotated[
    str, Field(max_length=253, pattern=r"^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
]
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
FolderPath = Annotated[str, Field(min_length=1, max_length=1024)]


class ToolTable(BaseModel):
    """`[tool]`."""

    model_config = _STRICT
    name: Annotated[str, Field(pattern=f"^{TOOL_NAME.pattern}$")]
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$")]
    description: Annotated[str, Field(min_length=1, max_length=4096)]
    abi: AbiName
    module: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$")]
    """A file name beside the manifest; no folders."""
    digest: Annotated[str, Field(pattern=r"^blake3:[0-9a-f]{64}$")]
    effects: list[EffectName] | None = None
    """None means all of them."""
    input_schema: dict[str, Any]


class LimitsTable(BaseModel):
    """`[limits]`; the defaults are DESIGN section 5's."""

    model_config = _STRICT
    fuel: Positive = WASM.fuel
    memory_bytes: Positive = WASM.memory_bytes
    wall_ms: Positive = WASM.wall_ms
    output_bytes: Positive = WASM.output_bytes
    host_calls: Annotated[int, Field(ge=0)] = WASM.host_calls


class SecretTable(BaseModel):
    """`grants.http.secret`."""

    model_config = _STRICT
    name: SecretName
    place: Annotated[Literal["bearer"], Field(alias="in")]


class HttpTable(BaseModel):
    """`[[grants.http]]`."""

    model_config = _STRICT
    scheme: Literal["https", "http"] = "https"
    host: HostName
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    methods: Annotated[list[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)]
    path: Annotated[str, Field(pattern=r"^/", max_length=1024)]
    secret: SecretTable | None = None


class GrantsTable(BaseModel):
    """`[grants]`. What is absent or empty is not granted; `clock` and `random` are WASI's and on by default."""

    model_config = _STRICT
    workspace_read: list[FolderPath] = []
    workspace_write: list[FolderPath] = []
    kv: bool = False
    tools: list[Annotated[str, Field(pattern=f"^{TOOL_NAME.pattern}$")]] = []
    secret_exists: list[SecretName] = []
    clock: bool = True
    random: bool = True
    http: list[HttpTable] = []


class ManifestFile(BaseModel):
    """All of `tool.toml`."""

    model_config = _STRICT
    tool: ToolTable
    limits: LimitsTable = LimitsTable()
    grants: GrantsTable = GrantsTable()
