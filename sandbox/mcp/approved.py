"""Whether what a call reaches on an upstream was approved, as it is listed now. Pure; approves nothing."""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Json, Method, Reason, ToolSpec, Upstream

from .catalogue.offered import served_uri
from .catalogue.serving import Served
from .connection import Compared

CHANGED: Final = Reason(
    code="upstreams/definition-changed",
    layer="upstreams",
    message="the server does not define this tool any more as it was approved; an operator has to look at it",
    remedy="`holdfast upstreams diff NAME` shows what changed, `holdfast upstreams approve NAME` accepts it",
)
ASKED_BY_NOBODY: Final = Reason(
    code="upstreams/not-asked",
    layer="upstreams",
    message="only a server asks this, in the middle of a call",
)


def refusal(known: Compared, place: Upstream, spec: ToolSpec, arguments: Mapping[str, Json]) -> Reason | None:
    """Why a call of *spec* may not go to its server, which is *known* now; None when what it reaches is approved."""
    served = known.served
    match place.method:
        case Method.TOOL:
            return None if served.tools.get(place.tool) == spec.digest else CHANGED
        case Method.RESOURCE:
            return None if served.reads(str(arguments.get("uri"))) else _not_approved(served, "resource")
        case Method.PROMPT:
            is_known = arguments.get("name") in served.prompts.values()
            return None if is_known else _not_approved(served, "prompt")
        case Method.COMPLETION:
            return _completion_refusal(served, arguments)
        case Method.ELICITATION | Method.SAMPLING | Method.ROOTS:
            return ASKED_BY_NOBODY


def reach(served: Served, uri: str) -> str | None:
    """The served URI of the server's *uri*, when it can be read."""
    return served_uri(served.config, uri) if served.reads(uri) else None


def _completion_refusal(served: Served, arguments: Mapping[str, Json]) -> Reason | None:
    ref = arguments.get("ref")
    if arguments.get("kind") == "prompt":
        return None if ref in served.prompts.values() else _not_approved(served, "prompt")
    return None if ref in served.templates or ref in served.resources else _not_approved(served, "resource")


def _not_approved(served: Served, kind: str) -> Reason:
    name = served.config.name
    return Reason(
        code="upstreams/not-approved",
        layer="upstreams",
        message=f"the server has no such {kind} that an operator approved",
        remedy=f"`holdfast upstreams diff {name}` shows what waits, `holdfast upstreams approve {name}` accepts it",
    )
