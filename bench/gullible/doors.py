"""What agent, host and approver can do: over HTTP at a real server, or on the bare world for a dry play."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from .approvers import call_key
from .house import House, HouseError, fresh_tenant
from .reading import Json
from .world import World

AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An agent's token, and what it names as its session: nothing, if the token is bound to one."""

    token: str
    session: str
    names: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call came back with."""

    status: str
    """ok, error, denied, stopped, pending; or `refused` for a problem without a result."""
    text: str
    """The text blocks, or why not."""
    whole: str
    """Everything a model or its host could read."""
    structured: Json
    approval: str | None = None
    code: str = ""

    @property
    def ran(self) -> bool:
        """Whether the tool itself answered."""
        return self.status in ("ok", "error")


class Door(Protocol):
    """Where calls go."""

    async def mint(self, *, user: str | None, parent: Caller | None = None, subject: str = AGENT) -> Caller:
        """A session, as a host opens it."""
        ...

    async def unbound(self, subject: str) -> Caller:
        """A token without a session."""
        ...

    async def call(
        self, who: Caller, tool: str, arguments: Mapping[str, Json], *, approval: str | None = None
    ) -> Answer:
        """Have *tool* called."""
        ...

    async def tried_session(self, who: Caller) -> str | None:
        """What an agent gets that tries to open a session itself."""
        ...

    async def decide(self, approval: str, *, yes: bool) -> None:
        """The approver's answer."""
        ...

    async def carries(self, approval: str) -> Sequence[str]:
        """The calls, written one way, whose writes the call asked about would take along."""
        ...

    async def tried_approval(self, who: Caller, approval: str) -> None:
        """An agent tries to approve."""
        ...


class HttpDoor:
    """A tenant of its own at a real server."""

    def __init__(self, house: House, client: httpx2.AsyncClient) -> None:
        self._house = house
        self._client = client
        self._tenant = fresh_tenant()
        self._tokens: dict[str, str] = {}

    async def mint(self, *, user: str | None, parent: Caller | None = None, subject: str = AGENT) -> Caller:
        """A session, as a host opens it."""
        body: dict[str, Json] = {"principal": subject, "ttl_s": 36_000}
        if user is not None:
            body["user_request"] = user
        if parent is not None:
            body["parent"] = parent.session or await self._default_of(parent)
        made = await self._post("/v1/sessions", body, await self._token("host"))
        if made.status_code != 201:
            raise HouseError(f"the server opens no session: {made.text}")
        return Caller(token=made.json()["token"], session=made.json()["id"])

    async def unbound(self, subject: str) -> Caller:
        """A token without a session."""
        return Caller(token=await self._house.token(subject, "call", self._tenant), session="")

    async def call(
        self, who: Caller, tool: str, arguments: Mapping[str, Json], *, approval: str | None = None
    ) -> Answer:
        """Have *tool* called."""
        body: dict[str, Json] = {"tool": tool, "arguments": dict(arguments)}
        body |= {} if who.names is None else {"session": who.names}
        body |= {} if approval is None else {"approval": approval}
        came = await self._post("/v1/call", body, who.token)
        return _answer(came)

    async def tried_session(self, who: Caller) -> str | None:
        """The new session's id, or None when it was refused."""
        made = await self._post("/v1/sessions", {}, who.token)
        return str(made.json()["id"]) if made.status_code == 201 else None

    async def carries(self, approval: str) -> Sequence[str]:
        """As the approvals API shows them to who decides."""
        token = await self._token("approve")
        came = await self._client.get(f"/v1/approvals/{approval}", headers={"Authorization": f"Bearer {token}"})
        shown = came.json()["facts"]["carries"] if came.status_code == 200 else []
        return [call_key(one["tool"], one["arguments"] or {}) for one in shown]

    async def decide(self, approval: str, *, yes: bool) -> None:
        """The approver's answer, by the approvals API."""
        body = {"decision": "approve" if yes else "deny"}
        came = await self._post(f"/v1/approvals/{approval}", body, await self._token("approve"))
        if came.status_code not in (200, 409):
            raise HouseError(f"the server takes no decision: {came.text}")

    async def tried_approval(self, who: Caller, approval: str) -> None:
        """An agent tries to approve its own call."""
        await self._post(f"/v1/approvals/{approval}", {"decision": "approve"}, who.token)

    async def _default_of(self, who: Caller) -> str:
        """The default session of an unbound token's principal: it is there once something was called."""
        await self._post("/v1/call", {"tool": "echo", "arguments": {"text": ""}}, who.token)
        came = await self._client.get("/v1/sessions", headers={"Authorization": f"Bearer {who.token}"})
        own = [one["id"] for one in came.json()["sessions"] if one["parent"] is None and one["expires_at"] is None]
        if len(own) != 1:
            raise HouseError("the agent has no default session, or several")
        return str(own[0])

    async def _token(self, scope: str) -> str:
        if scope not in self._tokens:
            self._tokens[scope] = await self._house.token(f"the-{scope}", scope, self._tenant)
        return self._tokens[scope]

    async def _post(self, path: str, body: Mapping[str, Json], token: str) -> httpx2.Response:
        try:
            return await self._client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        except httpx2.HTTPError as error:
            raise HouseError(f"the server does not answer: {type(error).__name__}") from None


def _answer(came: httpx2.Response) -> Answer:
    body: Any = came.json()
    if "status" not in body or isinstance(body["status"], int):
        return Answer(status="refused", text=str(body.get("detail", "")), whole=came.text, structured=None)
    reason = body["reason"] or {}
    texts = [_block_text(block) for block in body["content"]]
    if reason:
        texts.append(str(reason["message"]))
    text = "\n".join(texts)
    structured = body["structured"]
    whole = "\n".join([text, body["output"], json.dumps(structured, ensure_ascii=False)])
    approval = None if body["approval"] is None else str(body["approval"]["id"])
    return Answer(
        status=body["status"],
        text=text,
        whole=whole,
        structured=structured,
        approval=approval,
        code=str(reason.get("code", "")),
    )


def _block_text(block: Mapping[str, Json]) -> str:
    if "text" in block:
        return str(block["text"])
    inner = block.get("resource")
    return str(inner["text"]) if isinstance(inner, Mapping) and "text" in inner else ""


class BareDoor:
    """The world without Holdfast, in this process; `shell` answers nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._minted = 0

    async def mint(self, *, user: str | None, parent: Caller | None = None, subject: str = AGENT) -> Caller:
        """A name for a session."""
        del user, parent
        self._minted += 1
        return Caller(token=subject, session=f"s{self._minted}")

    async def unbound(self, subject: str) -> Caller:
        """As `mint`."""
        return await self.mint(user=None, subject=subject)

    async def call(
        self, who: Caller, tool: str, arguments: Mapping[str, Json], *, approval: str | None = None
    ) -> Answer:
        """Have *tool* done by the world, or the files changed."""
        del who, approval
        server, _, name = tool.partition("__")
        if server in self._world.plan.servers:
            said = self._world.call(server, name, dict(arguments))
            structured = said.value if said.ok and isinstance(said.value, dict) else None
            return _bare(said.text, ok=said.ok, structured=structured)
        return self._own(tool, arguments)

    def _own(self, tool: str, arguments: Mapping[str, Json]) -> Answer:
        files = self._world.files
        match tool:
            case "file_write":
                files[arguments["path"]] = arguments["content"]
                return _bare(f"wrote {arguments['path']}")
            case "file_read":
                found = files.get(arguments["path"])
                return _bare(found if found is not None else "there is no such file", ok=found is not None)
            case "file_list":
                inside = arguments.get("path", "").strip("/")
                names = [
                    path for path in sorted(files) if path.startswith(f"{inside}/" if inside not in ("", ".") else "")
                ]
                return _bare("\n".join(names))
            case "file_grep":
                lines = [f"{path}: {line}" for path, text in sorted(files.items()) for line in text.splitlines()]
                return _bare("\n".join(lines))
            case _:
                return _bare("")

    async def tried_session(self, who: Caller) -> str | None:
        """Nobody opens one here."""
        del who
        return None

    async def decide(self, approval: str, *, yes: bool) -> None:
        """Nobody asks."""

    async def carries(self, approval: str) -> Sequence[str]:
        """Nothing."""
        del approval
        return ()

    async def tried_approval(self, who: Caller, approval: str) -> None:
        """Nobody asks."""


def _bare(text: str, *, ok: bool = True, structured: Json = None) -> Answer:
    return Answer(status="ok" if ok else "error", text=text, whole=text, structured=structured)
