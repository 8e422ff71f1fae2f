"""An MCP server of 2024-11-05 (HTTP with server-sent events) that misbehaves as the query parameter `k` names."""

import asyncio
import gzip
import itertools
import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

TOOL = {"name": "echo", "description": "says it back", "inputSchema": {"type": "object"}}
NUMBERS = itertools.count()
OPEN: dict[str, asyncio.Queue[bytes]] = {}


def event(data: bytes, kind: bytes = b"message") -> bytes:
    return b"event: " + kind + b"\nid: 9\ndata: " + data + b"\n\n"


async def written(kind: str, number: str):
    place = {
        "elsewhere": b"http://127.0.0.1:9/post",
        "other-scheme": b"https://127.0.0.1/post",
        "user": b"http://root:root@HOST/post",
    }.get(kind, b"/post?n=" + number.encode() + b"&k=" + kind.encode())
    if kind == "no-place":
        yield event(b'{"jsonrpc":"2.0","method":"x"}')
    yield event(place, b"endpoint")
    while True:
        data = await OPEN[number].get()
        if data == b"":
            return
        if data == b"FLOOD":
            while True:
                yield b": " + b"n" * 60_000 + b"\n"
                await asyncio.sleep(0)  # a server that shares its loop with the tests
        yield data


async def stream(request: Request) -> Response:
    if request.method != "GET":
        return Response(status_code=404 if request.query_params.get("k") == "not-found" else 405)
    kind, number = request.query_params.get("k", "fine"), str(next(NUMBERS))
    if kind == "redirect":
        return Response(status_code=307, headers={"location": "/sse?k=fine"})
    if kind == "html":
        return Response("<h1>hello</h1>", media_type="text/html")
    if kind == "gzip":
        body = gzip.compress(event(b"/post", b"endpoint"))
        return Response(body, media_type="text/event-stream", headers={"content-encoding": "gzip"})
    OPEN[number] = asyncio.Queue()
    return StreamingResponse(written(kind, number), media_type="text/event-stream")


async def post(request: Request) -> Response:
    kind, queue = request.query_params["k"], OPEN[request.query_params["n"]]
    body = await request.json()
    if body.get("id") is None:
        return Response("Accepted", status_code=202)
    answer = {"jsonrpc": "2.0", "id": body["id"]}
    match body["method"]:
        case "initialize":
            answer["result"] = {
                "protocolVersion": "2024-11-05",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "old", "version": "1"},
            }
        case "tools/list":
            answer["result"] = {"tools": [TOOL]}
        case "tools/call":
            text = str(body["params"]["arguments"].get("text", ""))
            answer["result"] = {"content": [{"type": "text", "text": text}]}
            misbehave(kind, queue, answer)
            if kind == "not-taken":
                return Response(status_code=500)
        case _:
            answer["error"] = {"code": -32601, "message": "unknown"}
    queue.put_nowait(event(json.dumps(answer, indent=1).replace("\n", "\ndata: ").encode()))
    return Response("Accepted", status_code=202)


def misbehave(kind: str, queue: "asyncio.Queue[bytes]", answer: dict) -> None:
    match kind:
        case "foreign-id":
            queue.put_nowait(event(json.dumps({**answer, "id": 424_242}).encode()))
        case "broken":
            queue.put_nowait(event(b'{"jsonrpc":"2.0","id":1,"result":{},"result":{}}'))
        case "break-in-a-text":
            queue.put_nowait(event(b'{"jsonrpc":"2.0","id":1,"result":{"a":"b\ndata: c"}}'))
        case "huge":
            queue.put_nowait(b"event: message\ndata: " + b"A" * 20_000_000 + b"\n\n")
        case "ends":
            queue.put_nowait(b"")
        case "flood":
            queue.put_nowait(b"FLOOD")
        case _:
            pass


app = Starlette(
    routes=[Route("/sse", stream, methods=["GET", "POST", "DELETE"]), Route("/post", post, methods=["POST"])]
)
