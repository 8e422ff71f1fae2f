"""Tools that live on MCP servers: pooled connections, pinned definitions, checked answers. Trusts none of them."""

from .breaker import BreakerState
from .catalogue.definitions import Definition
from .catalogue.kinds import Kind, Quarantined, key_of, split_key
from .catalogue.offered import Defined, Guidance, Listing, Offered, argument_json
from .catalogue.pins import CatalogueDiff, PinEntry, PinState, reconcile, spec_of
from .catalogue.serving import reserved_name
from .config import ASKS, Era, Prefix, ToolEntry, TransportKind, UpstreamConfig
from .credential import ClientAuth, Grant, OAuthConfig, Scheme, SecretText, Text, check_headers
from .credentials.keyring import Keyring
from .ports import Asker, Child, ChildStarter, OutputCheck, PinStore, TokenStore
from .runtime import McpRuntime
from .turns import ASKING_SECONDS
from .upstreams import Upstreams, UpstreamStatus

__all__ = [
    "ASKING_SECONDS",
    "ASKS",
    "Asker",
    "BreakerState",
    "CatalogueDiff",
    "Child",
    "ChildStarter",
    "ClientAuth",
    "Defined",
    "Definition",
    "Era",
    "Grant",
    "Guidance",
    "Keyring",
    "Kind",
    "Listing",
    "McpRuntime",
    "OAuthConfig",
    "Offered",
    "OutputCheck",
    "PinEntry",
    "PinState",
    "PinStore",
    "Prefix",
    "Quarantined",
    "Scheme",
    "SecretText",
    "Text",
    "TokenStore",
    "ToolEntry",
    "TransportKind",
    "UpstreamConfig",
    "UpstreamStatus",
    "Upstreams",
    "argument_json",
    "check_headers",
    "key_of",
    "reconcile",
    "reserved_name",
    "spec_of",
    "split_key",
]
