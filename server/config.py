"""The configuration, `holdfast.toml`: every key, its unit, its default. What it cannot enforce it refuses.

Precedence: file, then environment (`HOLDFAST_SERVER__PORT`), then flags of the command line.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from holdfast.contracts import HttpGrant, OperatorError
from holdfast.contracts.limits import (
    JAVASCRIPT,
    JAVASCRIPT_CEILING,
    PYTHON,
    PYTHON_CEILING,
    SHELL_CEILING,
    UPSTREAM_CEILING,
    WASM_CEILING,
)

from .approval_settings import ApprovalSettings
from .auth_settings import AuthSettings
from .catalogue_settings import CatalogueSettings
from .flow_settings import LabelSettings
from .pii_settings import PiiSettings
from .table import Table
from .trust import TrustSettings
from .upstream_settings import UpstreamSettings

FILE_NAME = "holdfast.toml"
ENV_PREFIX = "HOLDFAST_"

_HOST = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*|\[?[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]?", re.ASCII)
_PATH = re.compile(
    r"(/(?!\.\.?(;|/|$))([\w.~!$&'()*+,;=:@-]|%(?!2[5eEfF]|5[cC]|7[fF])[2-9A-Fa-f][0-9A-Fa-f])*)+", re.ASCII
)


class TlsSettings(Table):
    """Certificate and key of the listener, as PEM files."""

    cert: Path
    key: Path


class ServerSettings(Table):
    """Where to listen, and for whom."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8700
    admin_http: bool = False
    """Answer approvals over HTTP for tokens with scope `approve`; otherwise only the admin socket does."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies that terminate TLS; needed to listen off loopback without `tls`."""
    allowed_hosts: tuple[str, ...] = ()
    """Names accepted in `Host` besides the address that is listened on."""
    tls: TlsSettings | None = None
    allow_root: bool = False


class WorkspaceSettings(Table):
    """The folder that file tools and the shell see."""

    root: Path | None = None
    """None: the file tools and the shell are off."""
    write_denied: tuple[str, ...] = ()
    """Names that may not be written, besides the built-in ones."""
    released: tuple[str, ...] = ()
    """Built-in protected names that may be written all the same."""


class PolicySettings(Table):
    """Which policies judge."""

    dir: Path | None = None
    """None: the policies that come with Holdfast."""
    profile: Literal["readonly", "supervised", "autonomous"] = "supervised"
    mode: Literal["enforce", "observe"] = "enforce"
    """`observe`: what policy would deny or ask for passes, and is recorded. Loud; what cannot be taken back counts."""
    observe: tuple[str, ...] = ()
    """Single things that are only observed: `policy/<id>`, `leaks`, `credentials`, `pii`, or a rule of these."""
    record: Literal["off", "redacted"] = "off"
    """`redacted`: keep what policy saw of each call, sealed, without what the detectors found, for replay and diff."""
    record_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """After which it is deleted."""
    watch: bool = False
    """Load the folder again when a file in it changes; SIGHUP and `holdfast policy reload` always do."""


class AuditSettings(Table):
    """How the record is kept."""

    durability: Literal["power", "process"] = "power"
    anchor: str | None = None
    """`file:PATH`: signed heads are appended there every ten seconds."""

    @model_validator(mode="after")
    def _anchor_is_known(self) -> "AuditSettings":
        if self.anchor is not None and not self.anchor.startswith("file:/"):
            raise ValueError(
                "`anchor` is `file:` and an absolute path; other anchors cannot be enforced by this version"
            )
        return self


class LimitSettings(Table):
    """Ceilings; a tool may ask for less, never for more."""

    calls_per_minute: Annotated[int, Field(ge=1)] = 600
    """A principal's sustained rate."""
    burst: Annotated[int, Field(ge=1)] = 200
    """Calls a principal may begin at once."""
    in_flight: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Calls under way, over all principals."""
    argument_bytes: Annotated[int, Field(ge=2, le=1 << 20)] = 100_000
    argument_depth: Annotated[int, Field(ge=1, le=64)] = 32
    argument_nodes: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    wasm_fuel: Annotated[int, Field(ge=1, le=WASM_CEILING.fuel)] = WASM_CEILING.fuel
    wasm_memory_bytes: Annotated[int, Field(ge=65_536, le=WASM_CEILING.memory_bytes)] = WASM_CEILING.memory_bytes
    wasm_wall_ms: Annotated[int, Field(ge=1, le=WASM_CEILING.wall_ms)] = WASM_CEILING.wall_ms
    wasm_workers: Annotated[int, Field(ge=1, le=256)] = 16
    python_memory_bytes: Annotated[int, Field(ge=64 << 20, le=PYTHON_CEILING.memory_bytes)] = PYTHON.memory_bytes
    """The interpreter itself takes about 20 MiB of it."""
    python_wall_ms: Annotated[int, Field(ge=1, le=PYTHON_CEILING.wall_ms)] = PYTHON.wall_ms
    python_sessions: Annotated[int, Field(ge=0, le=256)] = 8
    """Instances kept for calls with `session`, each a worker of its own; 0 keeps none."""
    python_sessions_each: Annotated[int, Field(ge=1, le=256)] = 2
    """Of one principal."""
    python_session_idle_ms: Annotated[int, Field(ge=1, le=86_400_000)] = 600_000
    """Without a call, after which one is ended."""
    builds_per_minute: Annotated[int, Field(ge=1, le=600)] = 10
    """A principal's sustained rate of `POST /v1/tools/build`, and how many it may ask for at once."""
    javascript_memory_bytes: Annotated[int, Field(ge=64 << 20, le=JAVASCRIPT_CEILING.memory_bytes)] = (
        JAVASCRIPT.memory_bytes
    )
    """The interpreter itself takes about 16 MiB of it."""
    javascript_wall_ms: Annotated[int, Field(ge=1, le=JAVASCRIPT_CEILING.wall_ms)] = JAVASCRIPT.wall_ms
    shell_memory_bytes: Annotated[int, Field(ge=1 << 20, le=SHELL_CEILING.memory_bytes)] = 512 << 20
    shell_wall_ms: Annotated[int, Field(ge=1, le=SHELL_CEILING.wall_ms)] = 60_000
    upstream_wall_ms: Annotated[int, Field(ge=1, le=UPSTREAM_CEILING.wall_ms)] = 60_000
    output_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 102_400


def _matchable_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError("write a name, an address, `*.suffix` or `*`, without scheme, port or path")
    return host


def _matchable_path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError("write an absolute path without query, dot segments, or encoded slashes and percent signs")
    return path


class EgressSettings(Table):
    """One place tools may reach over the network."""

    host: Annotated[str, AfterValidator(_matchable_host)]
    """Exact, `*.suffix`, or `*` for every public host."""
    scheme: Literal["https", "http"] = "https"
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    methods: tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], ...] = ("GET", "HEAD")
    path: Annotated[str, AfterValidator(_matchable_path)] = "/"
    unsafe_allow_network: IPv4Network | IPv6Network | None = None
    """A network whose addresses this host may have although they are not public. Loud at the start."""

    @model_validator(mode="after")
    def _network_of_a_named_host(self) -> "EgressSettings":
        if self.unsafe_allow_network is not None and self.host == "*":
            raise ValueError("`unsafe_allow_network` needs a `host` by name; with `*` it would open nothing")
        return self

    def grant(self) -> HttpGrant:
        """As the egress broker takes it."""
        return HttpGrant(
            scheme=self.scheme, host=self.host, port=self.port, methods=frozenset(self.methods), path=self.path
        )


def _only_sqlite(url: str | None) -> str | None:
    if url is not None and re.match(r"sqlite(\+aiosqlite)?://", url) is None:
        raise ValueError("this version keeps its state in SQLite; another database cannot be used yet")
    return url


class StoreSettings(Table):
    """Where state is kept."""

    url: Annotated[str | None, AfterValidator(_only_sqlite)] = None
    """None: `holdfast.db` in the data directory."""

    def path(self) -> Path | None:
        """The file `url` names; None for the data directory's own, and for memory."""
        written = "" if self.url is None else self.url.partition("://")[2].removeprefix("/")
        return Path(written) if written and written != ":memory:" else None


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    envelope: Literal["boundary", "xml"] = "boundary"
    """`boundary`: body as it is, between tags nobody can guess. `xml`: strict XML."""
    html_cleaner: Literal["bleach", "nh3"] = "bleach"
    """What parses HTML. Both keep the same; nh3 is ten times as quick, and bleach is deprecated by its authors."""
    server: ServerSettings = ServerSettings()
    workspace: WorkspaceSettings = WorkspaceSettings()
    policy: PolicySettings = PolicySettings()
    audit: AuditSettings = AuditSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    auth: AuthSettings = AuthSettings()
    trust: TrustSettings = TrustSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    limits: LimitSettings = LimitSettings()
    egress: tuple[EgressSettings, ...] = (EgressSettings(host="*"),)
    """Where tools may reach; without any row, GET and HEAD to every public host. `egress = []` closes it."""
    upstreams: tuple[UpstreamSettings, ...] = ()
    labels: tuple[LabelSettings, ...] = ()
    """What is private, public, untrusted or trusted, where effects alone would say too much or too little."""
    pii: PiiSettings = PiiSettings()
    store: StoreSettings = StoreSettings()

    @model_validator(mode="after")
    def _upstreams_have_names_of_their_own(self) -> "Settings":
        names = [upstream.name for upstream in self.upstreams]
        if len(set(names)) != len(names):
            raise ValueError("two `[[upstreams]]` have the same `name`; only one of them could be served")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- a .env file is never read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- nor secret files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; the file comes in as init values."""
        return (env_settings, init_settings)


ABSENT_TABLES = {
    "hooks": "hooks (steps 1b and 10b) are not part of this version, and one that does not run must not look as if",
}
"""Tables DESIGN names that nothing here would enforce."""


def load_settings(file: Path | None) -> Settings:
    """Read *file*, or the defaults when it is None; relative paths in it are relative to it.

    Raises: OperatorError naming the key and the rule.
    """
    values = _read(file) if file is not None else {}
    for table, why in ABSENT_TABLES.items():
        if table in values:
            raise OperatorError(f"`[[{table}]]` is refused: {why}", remedy=f"remove `[[{table}]]`")
    return _anchored(checked_settings(values), (file.parent if file is not None else Path()).absolute())


def checked_settings(values: Mapping[str, Any]) -> Settings:
    """*values* under what the environment says.

    Raises: OperatorError naming the key and the rule.
    """
    _check_environment(os.environ)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise OperatorError(
            _first(error), remedy=f"see the keys in `{FILE_NAME}` that `holdfast init` writes"
        ) from None
    except SettingsError as error:  # it names the field; the text that is no JSON is only in its cause
        raise OperatorError(
            f"the environment: {error}", remedy="a table or a list in a variable is written as JSON"
        ) from None


def _check_environment(environment: Mapping[str, str]) -> None:
    """Refuse a variable that names no table: it is meant as a key, and would be ignored.

    Names without `__` are other people's too (`HOLDFAST_DATA_DIR`, what an orchestrator sets for a service).
    """
    for variable in sorted(environment):
        table, nested, _key = variable.upper().removeprefix(ENV_PREFIX).lower().partition("__")
        if not variable.upper().startswith(ENV_PREFIX):
            continue
        if table in ABSENT_TABLES:
            raise OperatorError(f"`{variable}` is refused: {ABSENT_TABLES[table]}", remedy="unset it")
        if nested and table not in Settings.model_fields:
            raise OperatorError(f"unknown key `{variable}` in the environment", remedy="unset it, or correct its name")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(f"cannot read `{file}`: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"`{file.name}` is not TOML: {error}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return f"unknown key `{where}`"
    return f"`{where}`: {first['msg'].removeprefix('Value error, ')}"


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make the file's relative paths absolute once, so that no later change of folder moves them."""
    server, workspace, policy = settings.server, settings.workspace, settings.policy
    if server.tls is not None:
        tls = server.tls.model_copy(update={"cert": folder / server.tls.cert, "key": folder / server.tls.key})
        server = server.model_copy(update={"tls": tls})
    if workspace.root is not None:
        workspace = workspace.model_copy(update={"root": folder / workspace.root})
    if policy.dir is not None:
        policy = policy.model_copy(update={"dir": folder / policy.dir})
    return settings.model_copy(
        update={
            "server": server,
            "workspace": workspace,
            "policy": policy,
            "approvals": _anchored_approvals(settings.approvals, folder),
            "catalogue": _anchored_catalogue(settings.catalogue, folder),
            "store": _anchored_store(settings.store, folder),
            "upstreams": tuple(_anchored_grants(upstream, folder) for upstream in settings.upstreams),
        }
    )


def _anchored_store(store: StoreSettings, folder: Path) -> StoreSettings:
    path = store.path()
    return store if path is None else StoreSettings(url=f"sqlite:///{folder / path}")


def _anchored_approvals(approvals: ApprovalSettings, folder: Path) -> ApprovalSettings:
    key = approvals.webhook_key_file
    return approvals if key is None else approvals.model_copy(update={"webhook_key_file": folder / key})


def _anchored_catalogue(catalogue: CatalogueSettings, folder: Path) -> CatalogueSettings:
    lock = catalogue.lock
    return catalogue if lock is None else catalogue.model_copy(update={"lock": folder / lock})


def _anchored_grants(upstream: UpstreamSettings, folder: Path) -> UpstreamSettings:
    read, write = (tuple(folder / path for path in paths) for paths in (upstream.grants.read, upstream.grants.write))
    return upstream.model_copy(update={"grants": upstream.grants.model_copy(update={"read": read, "write": write})})
