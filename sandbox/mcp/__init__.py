"""Tools that live on MCP servers: pooled connections, pinned definitions, checked answers. Trusts none of them."""

from .catalogue import CatalogueDiff, PinEntry, PinState, reconcile, spec_of
from .config import Prefix, ToolEntry, UpstreamConfig
from .definitions import Definition, Listing, Quarantined
from .ports import Child, ChildStarter, OutputCheck, PinStore
from .runtime import McpRuntime
from .upstreams import Upstreams, UpstreamStatus

__all__ = [
    "CatalogueDiff",
    "Child",
    "ChildStarter",
    "Definition",
    "Listing",
    "McpRuntime",
    "OutputCheck",
    "PinEntry",
    "PinState",
    "PinStore",
    "Prefix",
    "Quarantined",
    "ToolEntry",
    "UpstreamConfig",
    "UpstreamStatus",
    "Upstreams",
    "reconcile",
    "spec_of",
]
