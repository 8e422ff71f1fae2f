"""Holdfast as an MCP server, of both eras, over HTTP and stdio. Decides about no call and authenticates nobody."""

from .endpoint import PRINCIPAL, Endpoint
from .mapping import APPROVAL_META, RESULT_META
from .over_http import HttpEndpoint
from .over_stdio import run_stdio
from .ports import ToolService

__all__ = ["APPROVAL_META", "PRINCIPAL", "RESULT_META", "Endpoint", "HttpEndpoint", "ToolService", "run_stdio"]
