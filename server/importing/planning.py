"""Turns servers as a client describes them into entries of ours, or turns them down. It writes nothing and asks nobody.

1. A value that may be a secret goes into no entry, note or reason: the entry names a secret, and the plan says which.
2. Nothing is granted that the client's file does not name, except reading the server's own installed code.
3. An entry that our own configuration would refuse is turned down with that reason.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, assert_never

from pydantic import ValidationError

from holdfast.contracts import Json, OperatorError, Secret
from holdfast.sandbox.mcp import UpstreamConfig

from ..upstream_settings import UpstreamSettings
from .clients import TOKEN_INPUT, TOKEN_VARIABLE, Client
from .programs import Places, locate, refuse_outside
from .reading import ClientFile
from .secret_words import Judged, Suspicion, judged_arguments, judged_url, judged_value
from .words import NotTaken, filled, references

_NAME_LENGTH: Final = 31
_CONTROLS: Final = frozenset("\r\n\0")
_TAKEN_OVER: Final = frozenset(["args", "command", "cwd", "env", "headers", "serverUrl", "transport", "type", "url"])
_SILENT: Final = frozenset(["$schema", "description", "gallery", "icon", "name", "title", "version"])
_KINDS: Final = {
    "http": "streamable",
    "streamable-http": "streamable",
    "streamableHttp": "streamable",
    "streamable_http": "streamable",
    "sse": "sse",
    "stdio": "stdio",
}
_NAMES: Final = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}"),
    "headers": re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}"),
}
_SAID_OF: Final = {
    "envFile": "its `envFile` is not read: set what it needs in `grants.env`",
    "autoApprove": "what its client approves by itself is not taken over",
    "alwaysAllow": "what its client approves by itself is not taken over",
    "oauth": "it signs in with OAuth: see `[upstreams.oauth]` and `holdfast upstreams login`",
    "auth": "it signs in with OAuth: see `[upstreams.oauth]` and `holdfast upstreams login`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWanted:
    """A secret that an entry names."""

    name: str
    server: str
    where: str
    """`env NAME` or `header NAME`."""
    found: Secret | None = None
    """Its value, where the client's file holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One server as an entry of ours."""

    entry: Mapping[str, Json]
    called: str
    """What its client calls it."""
    secrets: tuple[SecretWanted, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the entry."""
        return str(self.entry["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedDown:
    """One server that is not taken over."""

    called: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What becomes of the servers of some files."""

    planned: tuple[Planned, ...] = ()
    turned_down: tuple[TurnedDown, ...] = ()
    there: tuple[str, ...] = field(default=())
    """Entries of the configuration that a server is already."""


def plan(
    files: Sequence[ClientFile], places: Places, suspicious: Suspicion, *, known: Sequence[UpstreamSettings]
) -> Plan:
    """What becomes of the servers of *files*, where *known* are there already. The same server twice is one."""
    planned: list[Planned] = []
    turned_down: list[TurnedDown] = []
    there: list[str] = []
    entries = list(known)
    for file in files:
        making = partial(_one, file.client, replace(places, project=file.project), suspicious)
        for called, body in file.servers.items():
            one = making(called, body, upstream_name(called))
            if isinstance(one, Planned):
                made = settings_of(one)
                same = next((have for have in entries if made.model_copy(update={"name": have.name}) == have), None)
                if same is not None:
                    there.append(same.name)
                    continue
                one = making(called, body, _free(one.name, frozenset(have.name for have in entries)))
            if isinstance(one, TurnedDown):
                turned_down.append(one)
            else:
                planned.append(one)
                entries.append(settings_of(one))
    before = {entry.name for entry in known}
    return Plan(
        planned=tuple(planned),
        turned_down=tuple(turned_down),
        there=tuple(dict.fromkeys(name for name in there if name in before)),
    )


def settings_of(planned: Planned) -> UpstreamSettings:
    """*planned* as our configuration reads it. Raises: ValidationError."""
    return UpstreamSettings.model_validate(dict(planned.entry))


def _one(
    client: Client, places: Places, suspicious: Suspicion, called: str, body: Json, name: str
) -> Planned | TurnedDown:
    try:
        made = _Making(called, name, body, client, places, suspicious).done()
        settings_of(made)
    except NotTaken as why:
        return TurnedDown(called=called, reason=why.reason, remedy=why.remedy)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        rule = "this version has no such key" if first["type"] == "extra_forbidden" else first["msg"]
        reason = f"`{where}`: {rule.removeprefix('Value error, ')}"
        return TurnedDown(called=called, reason=reason, remedy="correct its file")
    return made


class _Making:
    """One server on its way to an entry."""

    def __init__(
        self, called: str, name: str, body: Json, client: Client, places: Places, suspicious: Suspicion
    ) -> None:
        if not isinstance(body, dict):
            raise NotTaken("it is described by no object", "correct its file")
        self._body = body
        self._called = called
        self._name = name
        self._places = places
        self._suspicious = suspicious
        self._known = _known(client, places)
        self._secrets: list[SecretWanted] = []
        self._notes = [] if name == called else [f"called `{called[:64]}` by its client"]

    def done(self) -> Planned:
        """The entry. Raises: NotTaken when it is turned down."""
        if self._body.get("disabled") is True or self._body.get("enabled") is False:
            raise NotTaken("its client has it switched off", "switch it on, and import again")
        if "headersHelper" in self._body:
            raise NotTaken("a program of its client's makes its headers at each start", "give it fixed `headers`")
        entry = {"name": self._name, **(self._remote() if self._is_remote() else self._local())}
        for key in self._body:
            if key not in _TAKEN_OVER | _SILENT | {"disabled", "enabled"}:
                self._notes.append(_SAID_OF.get(key, f"its `{key[:64]}` is not taken over"))
        return Planned(
            entry=entry, called=self._called, secrets=tuple(self._secrets), notes=tuple(dict.fromkeys(self._notes))
        )

    def _is_remote(self) -> bool:
        return "command" not in self._body

    def _remote(self) -> dict[str, Json]:
        url = self._text("serverUrl" if "serverUrl" in self._body else "url")
        headers = self._words_of("headers")
        if any(one.name in {TOKEN_VARIABLE, TOKEN_INPUT} for text in headers.values() for one in references(text)):
            raise NotTaken("it is Holdfast itself", "leave it there")
        return self._reached(url, headers, self._kind())

    def _kind(self) -> str:
        said = self._body.get("type", self._body.get("transport", "http"))
        kind = _KINDS.get(said) if isinstance(said, str) else None
        if kind is None or kind == "stdio":
            raise NotTaken("its `type` is none of stdio, http and sse, or does not fit the rest", "correct its file")
        return kind

    def _reached(self, url: str, headers: Mapping[str, str], kind: str) -> dict[str, Json]:
        reached = judged_url(url, self._known, self._suspicious)
        try:
            UpstreamConfig(name=self._name, url=reached)
        except OperatorError as error:
            raise NotTaken(error.message, "correct its file") from None
        entry: dict[str, Json] = {"url": reached}
        if kind == "sse":
            entry["transport"] = "sse"
        written = {name: self._value(f"header {name}", name, value) for name, value in headers.items()}
        return {**entry, "headers": written} if written else entry

    def _local(self) -> dict[str, Json]:
        command = filled(self._text("command"), self._known)
        given = self._body.get("args", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise NotTaken("its `args` are no list of texts", "correct its file")
        arguments = [str(one) for one in given]
        bridge = _bridged(command, arguments)
        if bridge is not None:
            self._notes.append("`mcp-remote` is not needed: the server is reached itself")
            return self._reached(*bridge)
        if Path(command).name == "holdfast" or arguments[:2] == ["-m", "holdfast"]:
            raise NotTaken("it is Holdfast itself", "leave it there")
        refuse_outside(command)
        words = judged_arguments(arguments, self._known, self._suspicious)
        located = locate(command, words, self._places)
        self._notes += located.notes
        if "cwd" in self._body:
            self._notes.append("it starts in the first folder that it is granted, not in its `cwd`")
        env = {name: self._value(f"env {name}", name, value) for name, value in self._words_of("env").items()}
        grants: dict[str, Json] = {"read": list[Json](located.read)} if located.read else {}
        if env:
            grants["env"] = env
        self._notes += _paths_in(words, located.command, self._places)
        entry: dict[str, Json] = {"command": list[Json](located.command)}
        return {**entry, "grants": grants} if grants else entry

    def _text(self, key: str) -> str:
        said = self._body.get(key)
        if not isinstance(said, str) or not said.strip():
            raise NotTaken(f"its `{key}` is missing, or no text", "correct its file")
        return said

    def _words_of(self, key: str) -> dict[str, str]:
        said = self._body.get(key)
        if said is None:
            return {}
        if not isinstance(said, dict) or not all(isinstance(one, str | int | float) for one in said.values()):
            raise NotTaken(f"its `{key}` holds what is no text", "correct its file")
        if not all(_NAMES[key].fullmatch(name) for name in said):
            raise NotTaken(f"its `{key}` holds a name that is none", "correct its file")
        words = {name: _scalar(one) for name, one in said.items()}
        if any(not _CONTROLS.isdisjoint(one) for one in words.values()):
            raise NotTaken(f"its `{key}` holds a line break or NUL", "correct its file")
        return words

    def _secret_name(self, end: str) -> str:
        """A name that no other secret of this server has."""
        whole = f"{self._name}-{end}"
        return whole if all(one.name != whole for one in self._secrets) else f"{whole}-{len(self._secrets) + 1}"

    def _value(self, where: str, name: str, text: str) -> Json:
        """*text* as an entry has it; a secret by name."""
        judged: Judged = judged_value(name, text, self._known, self._suspicious, header=where.startswith("header"))
        if judged.secret is None:
            return judged.text
        wanted = SecretWanted(name=self._secret_name(judged.secret), server=self._name, where=where, found=judged.found)
        self._secrets.append(wanted)
        self._notes += judged.notes
        written: dict[str, Json] = {"secret": wanted.name}
        return {**written, "scheme": "bearer"} if judged.bearer else written


def _scalar(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def upstream_name(called: str) -> str:
    """*called* as the name of an upstream: small letters, digits and `-`, a letter first, at most 31."""
    written = re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")
    if not written:
        return "server"
    return (written if written[0].isalpha() else f"mcp-{written}")[:_NAME_LENGTH].rstrip("-")


def _free(name: str, names: frozenset[str]) -> str:
    """*name*, or one made of it, that none of *names* is."""
    free, count = name, 2
    while free in names:
        suffix = f"-{count}"
        free, count = name[: _NAME_LENGTH - len(suffix)] + suffix, count + 1
    return free


def _known(client: Client, places: Places) -> Mapping[str, str]:
    """What a reference of *client* may mean here."""
    project = str(places.project)
    folders = {
        "userHome": str(places.home),
        "workspaceFolder": project,
        "workspaceFolderBasename": places.project.name,
        "CLAUDE_PROJECT_DIR": project,
        "pathSeparator": "/",
    }
    match client:
        case Client.CLAUDE_DESKTOP:
            return dict(places.variables)
        case Client.CLAUDE_CODE | Client.CURSOR | Client.VSCODE:
            return {**places.variables, **folders}
        case _:
            assert_never(client)


_Bridge = tuple[str, Mapping[str, str], str]


def _bridged(command: str, arguments: Sequence[str]) -> _Bridge | None:
    """Where `npx mcp-remote` leads: it speaks stdio to a client that cannot reach a URL, and we can."""
    words = [one for one in arguments if one not in {"-y", "--yes"}]
    if not command.endswith(("npx", "npx.cmd")) or not words or words[0].partition("@")[0] != "mcp-remote":
        return None
    url = words[1] if len(words) > 1 else ""
    headers = dict(_headers_in(words[2:]))
    kind = "sse" if "sse-only" in words or "sse-first" in words else "streamable"
    return url, headers, kind


def _headers_in(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for flag, value in pairwise(words):
        if flag == "--header":
            name, _, said = value.partition(":")
            yield name.strip(), said.strip()


def _paths_in(words: Sequence[str], command: Sequence[str], places: Places) -> Iterator[str]:
    """A note for each folder or file among *words* that it will not see unless it is granted."""
    for word in words:
        path = places.project / word
        if ("/" in word or word == ".") and path.exists() and word not in command[:2] and str(path) not in command[:2]:
            yield f"it names `{path}`, which it sees only with `read` or `write` under `[upstreams.grants]`"
