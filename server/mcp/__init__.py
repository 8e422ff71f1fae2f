"""Holdfast as an MCP server, of both eras, over HTTP and stdio. Decides about no call and authenticates nobody."""

from .endpoint import PRINCIPAL, Endpoint
from .mapping import APPROVAL_META, RESULT_META
from .over_http import HttpEndpoint
from .over_stdio import run_stdio
from .parking import Lot
from .ports import Listing, ToolService

__all__ = [
    "APPROVAL_META",
    "PRINCIPAL",
    "RESULT_META",
    "Endpoint",
    "HttpEndpoint",
    "Listing",
    "Lot",
    "ToolService",
    "run_stdio",
]
