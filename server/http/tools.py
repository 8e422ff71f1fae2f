"""`/v1/tools`: what may be called, and taking new tools in. Neither checks a module nor approves one."""

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import InvalidRequest, NotFound, OperatorError, Overloaded, Principal, Scope, ToolSpec
from holdfast.tools.formats import ListFormat, listed

from ..answers import Registration
from .exchange import answer, gives, invalid, only_query, principal_of, read, takes, while_connected
from .models import RegisterBody, RegistrationAnswer, ToolsAnswer
from .ports import Registrar, ToolService
from .surface import MIB, HttpLimits

_CACHED: Final = 20_000
_MULTIPART: Final = {
    "schema": {
        "type": "object",
        "properties": {"manifest": {"type": "string"}, "module": {"type": "string", "format": "binary"}},
        "required": ["manifest", "module"],
        "additionalProperties": False,
    }
}


class _Listing:
    """Written descriptions by tool digest and form, so that a list is only put together."""

    def __init__(self) -> None:
        self._written: OrderedDict[tuple[str, ListFormat], bytes] = OrderedDict()

    def write(self, specs: Sequence[ToolSpec], form: ListFormat) -> bytes:
        """The body that lists *specs*."""
        return b'{"tools":[' + b",".join([self.one(spec, form) for spec in specs]) + b"]}"

    def one(self, spec: ToolSpec, form: ListFormat) -> bytes:
        """The description of one."""
        key = (spec.digest.hex, form)
        written = self._written.get(key)
        if written is None:
            text = json.dumps(listed(spec, form), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            written = self._written[key] = text.encode("utf-8")
            if len(self._written) > _CACHED:
                self._written.popitem(last=False)
        return written


def listing_routes(tools: ToolService) -> APIRouter:
    """Routes that describe tools."""
    router = APIRouter()
    listing = _Listing()

    @router.get("/v1/tools", responses=gives() | {200: {"model": ToolsAnswer}})
    async def list_tools(request: Request, format: ListFormat = ListFormat.NATIVE) -> Response:  # noqa: A002 -- its name in the query
        """The tools the caller may know of."""
        principal = principal_of(request, Scope.CALL)
        only_query(request, "format")
        return Response(listing.write(tools.visible(principal), format), media_type="application/json")

    @router.get("/v1/tools/{name}", responses=gives(404) | {200: {"content": {"application/json": {}}}})
    async def show_tool(request: Request, name: str) -> Response:
        """One tool. A hidden one is as unknown as one that does not exist."""
        principal = principal_of(request, Scope.CALL)
        only_query(request)
        spec = next((spec for spec in tools.visible(principal) if spec.name == name), None)
        if spec is None:
            raise NotFound("there is no such tool")
        return Response(listing.one(spec, ListFormat.NATIVE), media_type="application/json")

    return router


def register_routes(registrar: Registrar, limits: HttpLimits) -> APIRouter:
    """Routes that take tools in."""
    router = APIRouter()
    room = asyncio.Semaphore(limits.registrations)
    body = takes(RegisterBody)
    body["requestBody"]["content"]["multipart/form-data"] = _MULTIPART

    @router.post(
        "/v1/tools",
        openapi_extra=body,
        status_code=201,
        responses=gives(409) | {201: {"model": RegistrationAnswer}},
    )
    async def register(request: Request) -> Response:
        """Take a tool in; it waits for an operator's approval."""
        principal = principal_of(request, Scope.REGISTER)
        if room.locked():
            raise Overloaded("other tools are being registered", remedy="try again")
        async with room:
            # The body first: while a client is watched for leaving, nobody else may read what it sends.
            manifest, module = await _tool_of(request)
            work = _register(registrar, manifest, module, principal)
            registered = await while_connected(request.receive, work)
        return answer(_written(registered), 201)

    return router


async def _tool_of(request: Request) -> tuple[str, bytes]:
    is_json = request.headers["content-type"].lower().startswith("application/json")
    return await (_from_json(request) if is_json else _from_form(request))


async def _register(registrar: Registrar, manifest: str, module: bytes, principal: Principal) -> Registration:
    try:
        return await registrar.register(manifest, module, principal)
    except OperatorError as error:  # the operator here is the caller: it is its manifest that is refused
        raise InvalidRequest(error.message, remedy=error.remedy) from error


async def _from_json(request: Request) -> tuple[str, bytes]:
    body = await read(request, RegisterBody)
    try:
        return body.manifest, base64.b64decode(body.module, validate=True)
    except binascii.Error:
        raise invalid("/module", "must be base64") from None


async def _from_form(request: Request) -> tuple[str, bytes]:
    async with request.form(max_files=1, max_fields=1, max_part_size=MIB) as form:
        manifest, module = form.get("manifest"), form.get("module")
        if set(form) != {"manifest", "module"} or not isinstance(manifest, str) or not isinstance(module, UploadFile):
            raise invalid("", "must be a form with the text `manifest` and the file `module`, and nothing else")
        return manifest, await module.read()


def _written(registered: Registration) -> dict[str, object]:
    return {
        "name": registered.name,
        "version": registered.version,
        "module": str(registered.module),
        "definition": str(registered.definition),
        "state": registered.state,
        "notes": list(registered.notes),
    }
