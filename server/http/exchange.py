"""Reads a request and writes an answer: strict JSON, closed fields, who is calling, whether it still listens."""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

from holdfast.contracts import InternalError, InvalidRequest, Json, Principal, Scope
from holdfast.contracts.json_values import parse

from .guard import PRINCIPAL
from .models import ProblemAnswer
from .problems import MEDIA_TYPE, FieldError, InvalidFields, LacksScope, field_errors

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

INLINE_BYTES: Final = 64 * 1024
"""Larger bodies are parsed on a thread: a megabyte of small numbers takes a tenth of a second, for everybody."""
WATCH_AFTER_S: Final = 0.05
"""Shorter calls are not worth a second task; a caller that left is noticed this much later."""


def principal_of(request: Request, needed: Scope | None = None) -> Principal:
    """Who is calling.

    Raises: LacksScope when its token does not have *needed*.
    """
    principal = request.scope.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise InternalError("a route without a token asked who is calling")
    if needed is not None and needed not in principal.scopes:
        raise LacksScope(needed.value)
    return principal


async def read(request: Request, model: type[Model]) -> Model:
    """The body of *request* as a *model*.

    Raises: MalformedJson; InvalidFields with a pointer to each; TooLarge.
    """
    return as_model(await read_json(request), model)


async def read_json(request: Request) -> Json:
    """The body of *request*, which is strict JSON. Raises: MalformedJson, TooLarge."""
    data = await whole_body(request.receive)
    return parse(data) if len(data) <= INLINE_BYTES else await asyncio.to_thread(parse, data)


def as_model(value: Json, model: type[Model]) -> Model:
    """*value* as a *model*. Raises: InvalidFields with a pointer to each."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise field_errors(
            cast("list[Mapping[str, Any]]", error.errors(include_url=False, include_input=False))
        ) from None


async def whole_body(receive: Receive) -> bytes:
    """Every byte of the body, which the guard has capped.

    Raises: ClientDisconnect.
    """
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def only_query(request: Request, *names: str) -> None:
    """Refuse a query with anything but *names*, each at most once.

    Raises: InvalidFields.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = [name for name in given if name not in names or given.count(name) > 1]
    if wrong:
        raise InvalidFields(
            FieldError(pointer=name[:64], detail="is not a known parameter, or is repeated") for name in wrong
        )


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do *work*, and cancel it when the client goes away. The body has been read: *work* receives nothing.

    Raises: ClientDisconnect then, after *work* has ended.
    """
    task = asyncio.current_task()
    if task is None:
        raise InternalError("a request runs in a task")
    watch = _Watch(task, receive)
    timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, watch.start)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.left and task.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        watch.stop()


class _Watch:
    """Waits for a client to leave, beside the task that works for it."""

    def __init__(self, working: asyncio.Task[Any], receive: Receive) -> None:
        self._working = working
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self.left = False

    def start(self) -> None:
        """Begin to wait."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """Wait no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self._working.cancel()


def answer(value: Json | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """*value* as a JSON response."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8"), status, headers, "application/json")


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI text of a route that `read`s a *model*; FastAPI itself never sees the body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def gives(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI text of problems with those *statuses*, and of those that any route can answer."""
    problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
    every = (400, 401, 403, 408, 413, 415, 421, 422, 431, 500, 503)
    return {status: {"description": "A problem (RFC 9457)", **problem} for status in sorted({*every, *statuses})}


def invalid(name: str, rule: str) -> InvalidRequest:
    """One field breaks one rule."""
    return InvalidFields([FieldError(pointer=name, detail=rule)])


PROBLEM_SCHEMA: Final = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
