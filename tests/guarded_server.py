"""An MCP server of the handshake era that wants tokens, and the authorization server it leads to, on one loopback port.

It records what it was asked and given; each switch makes one thing of it wrong. A thread of its own serves it.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("read", "write", "told")]


@dataclass
class Guarded:
    """What it was told, what it does, and what is wrong with it."""

    url: str = ""
    issuer: str | None = None
    """What the metadata says; None: the truth."""
    resource: str | None = None
    metadata_url: str | None = None
    """Where a challenge says that the metadata of the resource is; None: where it is."""
    token_endpoint: str | None = None
    answers_iss: str | None = None
    knows_documents: bool = False
    write_scope: str | None = None
    """What `write` wants beyond what was granted first."""
    never_satisfied: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    """What came to the token endpoint, with `_authorization` from the header."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What came to the authorization endpoint."""
    registered: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of the requests to the MCP server."""
    paths: list[str] = field(default_factory=list)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    refreshes: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def revoke(self) -> None:
        """Forget every access token."""
        self.tokens.clear()

    def grants(self) -> list[str]:
        """The grant of each request for a token, in order."""
        return [form["grant_type"] for form in self.forms]

    # The MCP server

    async def mcp(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405)
        self.headers.append(dict(request.headers))
        granted = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        place = self.metadata_url or f"{self.url}/.well-known/oauth-protected-resource/mcp"
        if granted is None or self.never_satisfied:
            challenge = f'Bearer resource_metadata="{place}"'
            return Response(status_code=401, headers={"www-authenticate": challenge})
        body = await request.json()
        tool = body.get("params", {}).get("name")
        if tool == "write" and self.write_scope is not None and self.write_scope not in granted:
            challenge = f'Bearer error="insufficient_scope", scope="{self.write_scope}", resource_metadata="{place}"'
            return Response(status_code=403, headers={"www-authenticate": challenge})
        if "id" not in body:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], **self.answer(body["method"], tool, request)})

    def answer(self, method: str, tool: str | None, request: Request) -> dict[str, Any]:
        info = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
        match method:
            case "initialize":
                return {"result": {**info, "serverInfo": {"name": "guarded", "version": "1"}}}
            case "tools/list":
                return {"result": {"tools": TOOLS}}
            case "tools/call":
                said = dict(request.headers)["authorization"] if tool == "told" else f"{tool} done"
                return {"result": {"content": [{"type": "text", "text": said}]}}
            case _:
                return {"error": {"code": -32601, "message": "unknown"}}

    # The authorization server

    async def resource_metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "resource": self.resource or f"{self.url}/mcp",
                "authorization_servers": [self.url],
                "scopes_supported": ["a"],
            }
        )

    async def server_metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": self.token_endpoint or f"{self.url}/token",
                "registration_endpoint": f"{self.url}/register",
                "code_challenge_methods_supported": ["S256"],
                "client_id_metadata_document_supported": self.knows_documents,
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def register(self, request: Request) -> Response:
        body = await request.json()
        self.registered.append(body)
        return JSONResponse({**body, "client_id": f"client-{len(self.registered)}"}, status_code=201)

    async def authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        self.asked.append(given)
        code = secrets.token_hex(8)
        self.codes[code] = given
        back = {"code": code, "state": given["state"], "iss": self.answers_iss or self.url}
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode(back)}", status_code=302)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.forms.append(form | {"_authorization": request.headers.get("authorization", "")})
        match form["grant_type"]:
            case "authorization_code":
                asked = self.codes.pop(form["code"], None)
                proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
                if asked is None or asked["code_challenge"] != proof.decode():
                    return JSONResponse({"error": "invalid_grant"}, status_code=400)
                scopes = set(asked.get("scope", "").split())
            case "refresh_token":
                found = self.refreshes.pop(form["refresh_token"], None)
                if found is None:
                    return JSONResponse({"error": "invalid_grant"}, status_code=400)
                scopes = found
            case _:
                scopes = set(form.get("scope", "").split())
        token, refresh = secrets.token_hex(16), secrets.token_hex(16)
        self.tokens[token], self.refreshes[refresh] = scopes, scopes
        given = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh}
        return JSONResponse(given)

    def app(self) -> Starlette:
        async def noted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.paths.append(scope["path"])
            await inner(scope, receive, send)

        inner = Starlette(
            routes=[
                Route("/mcp", self.mcp, methods=["GET", "POST", "DELETE"]),
                Route("/.well-known/oauth-protected-resource/mcp", self.resource_metadata),
                Route("/.well-known/oauth-authorization-server", self.server_metadata),
                Route("/register", self.register, methods=["POST"]),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
            ]
        )
        return noted  # type: ignore[return-value] -- an ASGI application all the same


@contextlib.contextmanager
def guarded(**switches: Any):
    """One that listens while the block runs."""
    made = Guarded(**switches)
    server = uvicorn.Server(
        uvicorn.Config(made.app(), host="127.0.0.1", port=0, log_level="error", ws="none", lifespan="off")
    )
    ready = threading.Event()

    async def serve() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.01)
        made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        ready.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield made
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(20)


async def browse(url: str) -> None:
    """Do what a browser does: open *url* and go where it leads."""
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=True) as client:
        await client.get(url)


def written(value: Any) -> str:
    """*value* as TOML has it, for what tests write."""
    return json.dumps(value)
