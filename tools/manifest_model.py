"""The keys of `tool.toml`, as frozen models that know no others. They say what a key may be, not what it may mean."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from holdfast.contracts.effects import Effect
from holdfast.contracts.secret import SECRET_NAME
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
SecretName = Annotated[str, Field(pattern=f"^{SECRET_NAME.pattern}$")]


def _from_the_root(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("a path from the workspace's root")
    return path


# No patterns: braces, stars and escapes mean something where labels are kept by path.
FolderPath = Annotated[str, Field(max_length=1024, pattern=r"^[^{}*%\\\x00-\x1f]+$"), AfterValidator(_from_the_root)]


class OperationTable(BaseModel):
    """`[[tool.operations]]`: one of several functions, served as a tool `{tool}_{name}`."""

    model_config = _STRICT
    name: Annotated[str, Field(pattern=f"^{TOOL_NAME.pattern}$")]
    capability_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")] | None = None
    """What a near-agent tool is told it was called as."""
    function: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The exported function of a component or plugin, as `holdfast tools inspect` names it."""
    description: Annotated[str, Field(min_length=1, max_length=4096)]
    input_schema: dict[str, Any]


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
    input_schema: dict[str, Any] | None = None
    """Required, but with `operations`, which have one each."""
    operations: Annotated[list[OperationTable], Field(max_length=64)] = []


class LimitsTable(BaseModel):
    """`[limits]`; None is the default of the calling convention (DESIGN section 5)."""

    model_config = _STRICT
    fuel: Positive | None = None
    memory_bytes: Positive | None = None
    wall_ms: Positive | None = None
    output_bytes: Positive | None = None
    host_calls: Annotated[int, Field(ge=0)] | None = None


class SecretTable(BaseModel):
    """`grants.http.secret`."""

    model_config = _STRICT
    name: SecretName
    place: Annotated[
        str,
        Field(alias="in", pattern=r"^(bearer|basic|header:[A-Za-z0-9][A-Za-z0-9-]{0,63}|query:[A-Za-z0-9._~-]{1,64})$"),
    ]
    user: Annotated[str, Field(pattern=r"^[\x20-\x39\x3b-\x7e]{1,128}$")] | None = None
    """Of `basic`; no colon, which would end it."""


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
