"""`/v1/tools`: what may be called, and taking new tools in. Neither checks a module nor approves one."""

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, assert_never

from fastapi import APIRouter, Query
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import InvalidRequest, Json, NotFound, OperatorError, Overloaded, Principal, Scope, ToolSpec
from holdfast.tools.formats import ListFormat, listed

from ..answers import Registration
from .exchange import answer, as_model, gives, invalid, only_query, principal_of, read_json, takes, while_connected
from .models import RegisterBody, RegisterSourceBody, RegistrationAnswer, RemovedAnswer, ToolsAnswer
from .ports import Registrar, ToolService
from .surface import MIB, HttpLimits

_CACHED: Final = 20_000
_MULTIPART: Final = {
    "schema": {
        "type": "object",
        "properties": {
            "manifest": {"type": "string"},
            "module": {"type": "string", "format": "binary"},
            "signature": {"type": "string"},
        },
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
    json_body = body["requestBody"]["content"]["application/json"]
    json_body["schema"] = {"anyOf": [json_body["schema"], RegisterSourceBody.model_json_schema()]}
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
            work = _register(registrar, await _tool_of(request), principal)
            registered = await while_connected(request.receive, work)
        return answer(written_registration(registered), 201)

    @router.delete("/v1/tools", responses=gives() | {200: {"model": RemovedAnswer}})
    async def withdraw(request: Request, source: Annotated[str, Query(min_length=1, max_length=256)]) -> Response:
        """Remove every tool that *source* registered: the token's own subject. Others are for an operator."""
        principal = principal_of(request, Scope.REGISTER)
        only_query(request, "source")
        return answer({"removed": [*await registrar.withdraw(source, principal)]})

    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    manifest: str
    module: bytes
    signature: str | None


async def _tool_of(request: Request) -> _Given | RegisterSourceBody:
    is_json = request.headers["content-type"].lower().startswith("application/json")
    return await (_from_json(request) if is_json else _from_form(request))


async def _register(registrar: Registrar, tool: _Given | RegisterSourceBody, principal: Principal) -> Registration:
    try:
        match tool:
            case _Given(manifest=manifest, module=module, signature=signature):
                return await registrar.register(manifest, module, principal, signature=signature)
            case RegisterSourceBody(source=source, file=file, manifest=written):
                text = source.encode("utf-8")
                return await registrar.register_source(text, file, principal, written=written)
            case _:
                assert_never(tool)
    except OperatorError as error:  # the operator here is the caller: it is its manifest that is refused
        raise InvalidRequest(error.message, remedy=error.remedy) from error


async def _from_json(request: Request) -> _Given | RegisterSourceBody:
    value = await read_json(request)
    if isinstance(value, dict) and "source" in value:
        return as_model(value, RegisterSourceBody)
    body = as_model(value, RegisterBody)
    try:
        module = base64.b64decode(body.module, validate=True)
        return _Given(manifest=body.manifest, module=module, signature=body.signature)
    except binascii.Error:
        raise invalid("/module", "must be base64") from None


async def _from_form(request: Request) -> _Given:
    async with request.form(max_files=1, max_fields=2, max_part_size=MIB) as form:
        manifest, module, signature = form.get("manifest"), form.get("module"), form.get("signature")
        known = len(form.multi_items()) == len(form) and set(form) <= {"manifest", "module", "signature"}
        texts = isinstance(manifest, str) and (signature is None or isinstance(signature, str))
        if not known or not texts or not isinstance(module, UploadFile):
            raise invalid(
                "", "must be a form with the text `manifest`, the file `module`, perhaps the text `signature`"
            )
        written = None if signature is None else str(signature)
        return _Given(manifest=str(manifest), module=await module.read(), signature=written)


def written_registration(registered: Registration) -> dict[str, Json]:
    """As clients read it."""
    return {
        "name": registered.name,
        "version": registered.version,
        "module": str(registered.module),
        "definition": str(registered.definition),
        "state": registered.state,
        "notes": list(registered.notes),
        **({} if registered.manifest is None else {"manifest": registered.manifest}),
        "signer": registered.signer,
    }
