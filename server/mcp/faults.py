"""What a client reads when there is no result: MCP's codes, words of ours, and nothing of an exception."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import mcp.types as t
import structlog
from mcp import MCPError
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from holdfast.contracts import CallerError, Forbidden, HoldfastError, NotFound, Status, ToolResult, Unauthenticated

from .lines import Context
from .mapping import RESULT_META, result_meta

_log = structlog.get_logger("holdfast.mcp")

UNKNOWN: Final = frozenset({"tools/unknown", "upstreams/not-approved", "upstreams/not-found"})
"""The reason codes of what there is not, or what the caller may not know of."""

NOT_DONE: Final = -31_000
"""Our code of a read that was denied, stopped or failed: MCP has no result that says so, and keeps its own codes."""

RESOURCE_NOT_FOUND: Final = -32_002
"""Up to 2025-11-25; then it became `INVALID_PARAMS`."""

OUTPUT_DATA: Final = "dev.holdfast/output"
"""Where in an error's data the words for the model stand, in their envelope."""

P = TypeVar("P")
R = TypeVar("R")
Missing = Callable[[Context, ToolResult | None], MCPError]


def modern(ctx: Context) -> bool:
    """Whether the client speaks 2026-07-28 or later."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def no_tool(_ctx: Context, result: ToolResult | None = None) -> MCPError:
    """There is no such tool."""
    return MCPError(t.INVALID_PARAMS, "there is no such tool", _data(result))


def no_prompt(_ctx: Context, result: ToolResult | None = None) -> MCPError:
    """There is no such prompt, or nothing to complete."""
    return MCPError(t.INVALID_PARAMS, "there is nothing of that name", _data(result))


def no_resource(ctx: Context, result: ToolResult | None = None) -> MCPError:
    """There is no such resource."""
    code = t.INVALID_PARAMS if modern(ctx) else RESOURCE_NOT_FOUND
    uri = (ctx.params or {}).get("uri")
    return MCPError(code, "there is no such resource", {**({} if result is None else _data(result)), "uri": uri})


def known(ctx: Context, result: ToolResult, missing: Missing) -> None:
    """Go on if there is such a thing for this caller. Raises: MCPError."""
    if result.reason is not None and result.reason.code in UNKNOWN:
        raise missing(ctx, result)


def done(ctx: Context, result: ToolResult, missing: Missing) -> None:
    """Go on if something was read. Raises: MCPError, with the words for the model in their envelope."""
    known(ctx, result, missing)
    if result.status is not Status.OK:
        reason = "the server says that it failed" if result.reason is None else result.reason.code
        data = {RESULT_META: result_meta(result), OUTPUT_DATA: result.output}
        raise MCPError(NOT_DONE, f"{result.status.value}: {reason}", data)


def guarded(work: Callable[[Context, P], Awaitable[R]], missing: Missing = no_prompt) -> Callable[[Context, P], Any]:
    """*work* as a handler; whatever it raises, the caller reads only what is ours."""

    async def handler(ctx: Context, params: P) -> R:
        try:
            return await work(ctx, params)
        except MCPError:
            raise
        except NotFound:
            raise missing(ctx, None) from None
        except (Unauthenticated, Forbidden) as error:
            raise MCPError(t.INVALID_REQUEST, error.message) from None
        except CallerError as error:
            raise MCPError(t.INVALID_PARAMS, error.message) from None
        except Exception as error:  # noqa: BLE001 -- the top of MCP: the SDK would write `str(error)` to the caller
            _log.error("mcp.failed", error=type(error).__name__, ours=isinstance(error, HoldfastError))
            raise MCPError(t.INTERNAL_ERROR, "holdfast could not answer") from None

    return handler


def _data(result: ToolResult | None) -> Any:
    return None if result is None else {RESULT_META: result_meta(result)}
