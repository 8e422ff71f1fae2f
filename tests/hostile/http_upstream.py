"""An MCP server over HTTP that misbehaves in the way the query parameter `k` names. Ends with its process.

It speaks 2025-11-25, and 2026-07-28 where the parameter `e` says so.
"""

import gzip
import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
TOOL = {"name": "echo", "description": "says it back", "inputSchema": SCHEMA}


async def huge():
    yield b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"'
    for _ in range(60):
        yield b"A" * 1_000_000
    yield b'"}]}}'


async def huge_event():
    yield b"event: message\ndata: "
    for _ in range(60):
        yield b"A" * 1_000_000
    yield b"\n\n"


async def broken(request_id):
    yield b": nothing comes\n\n"


HEARD: list[tuple[str, dict[str, str]]] = []
"""Every request: its method, and what it said outside its body."""
LEFT: dict[str, object] = {}
ASKED: list[str | None] = []


async def primed():
    yield b"retry: 10\nid: place-1\ndata: \n\n"


def rest(kind: str, place: str | None) -> Response:
    ASKED.append(place)
    if kind == "polls-elsewhere":
        return StreamingResponse(
            events({"jsonrpc": "2.0", "id": 424_242, "result": {}}), media_type="text/event-stream"
        )
    if kind == "polls-forever" or len(ASKED) == 1:
        return StreamingResponse(primed(), media_type="text/event-stream")
    return StreamingResponse(events(LEFT["answer"]), media_type="text/event-stream")


async def events(*messages):
    for message in messages:
        yield b"event: message\nid: 7\ndata: " + json.dumps(message).encode() + b"\n\n"


def call(kind: str, request_id: object, text: str) -> Response:  # noqa: C901, PLR0911, PLR0912 -- one arm for each way
    result = {"content": [{"type": "text", "text": text}]}
    good = {"jsonrpc": "2.0", "id": request_id, "result": result}
    match kind:
        case "huge":
            return StreamingResponse(huge(), media_type="application/json")
        case "huge-event":
            return StreamingResponse(huge_event(), media_type="text/event-stream")
        case "foreign-id":
            return JSONResponse({**good, "id": 424_242})
        case "id-as-text":
            return JSONResponse({**good, "id": str(request_id)})
        case "foreign-event":
            return StreamingResponse(events({**good, "id": 424_242}), media_type="text/event-stream")
        case "twice-the-key":
            body = b'{"jsonrpc":"2.0","id":%d,"result":{"content":[],"content":[]}}' % request_id
            return Response(body, media_type="application/json")
        case "html":
            return Response("<h1>gateway</h1>", status_code=502, media_type="text/html")
        case "gzip":
            body = gzip.compress(json.dumps(good).encode())
            return Response(body, media_type="application/json", headers={"content-encoding": "gzip"})
        case "cut-stream":
            return StreamingResponse(broken(request_id), media_type="text/event-stream")
        case "polls" | "polls-forever" | "polls-elsewhere":
            LEFT["answer"] = good
            return StreamingResponse(primed(), media_type="text/event-stream")
        case "moved":
            return Response(status_code=307, headers={"location": "/mcp?k=fine"})
        case "redirect":
            return Response(status_code=307, headers={"location": "http://127.0.0.1:9/elsewhere"})
        case "event":
            notice = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
            return StreamingResponse(events(notice, good), media_type="text/event-stream")
        case "nobody":
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "who?"}})
        case "cookie":
            return JSONResponse(good, headers={"set-cookie": "who=you; Path=/"})
        case "forgets":
            return Response(status_code=404)
        case _:
            return JSONResponse(good)


async def endpoint(request: Request) -> Response:
    kind = request.query_params.get("k", "fine")
    if request.method == "GET" and kind.startswith("polls") and "last-event-id" in request.headers:
        return rest(kind, request.headers["last-event-id"])
    if request.method != "POST":
        return Response(status_code=405)
    body = await request.json()
    method, request_id = body.get("method"), body.get("id")
    if request_id is None:
        return Response(status_code=202)
    HEARD.append((method, dict(request.headers)))
    if method == "server/discover" and "e" in request.query_params:
        result = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "resultType": "complete"}
        result |= {"ttlMs": 60_000, "cacheScope": "private"}
        return JSONResponse({"jsonrpc": "2.0", "id": request_id, "result": result})
    if method == "initialize":
        result = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "hostile", "version": "1"},
        }
        headers = {"mcp-session-id": "s1"}
        return JSONResponse({"jsonrpc": "2.0", "id": request_id, "result": result}, headers=headers)
    if method == "tools/list":
        return JSONResponse({"jsonrpc": "2.0", "id": request_id, "result": {"tools": [TOOL]}})
    if method == "tools/call":
        return call(kind, request_id, str(body["params"]["arguments"].get("text", "")))
    return JSONResponse({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32601, "message": "unknown"}})


app = Starlette(routes=[Route("/mcp", endpoint, methods=["GET", "POST", "DELETE"])])
