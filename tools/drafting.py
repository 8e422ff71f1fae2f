"""Writes the manifest of a tool that is source text, from what the text offers and its author wrote beside it.

What is written beside it stands; what is absent is drafted: no grants, and so no effects. It reads no source.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import tomli_w

from holdfast.contracts import Digest, Effect, InvalidRequest, Json, OperatorError

from .abi import LANGUAGES, Abi

Table: TypeAlias = dict[str, Any]

WRITTEN_BYTES: Final = 256 << 10
_VERSION: Final = "1.0.0"
_PORTS: Final = {"https": 443, "http": 80}
_GRANT_WORDS: Final = "read:PATH, write:PATH, kv, tool:NAME, secret:NAME, http:[METHOD,…:]URL"
_LISTS: Final = {"read": "workspace_read", "write": "workspace_write", "tool": "tools", "secret": "secret_exists"}
_EFFECTS: Final = {
    "workspace_read": (Effect.READ_PRIVATE,),
    "workspace_write": (Effect.WRITE,),
    "http": (Effect.EGRESS, Effect.READ_UNTRUSTED),
}
"""What a grant lets a tool do. One without grants can do nothing but answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One function that a source offers. All text is the source's."""

    name: str
    description: str
    input_schema: Mapping[str, Json]


def language_of(file: str) -> Abi:
    """The calling convention of the source called *file*, by its ending. Raises: InvalidRequest."""
    abi = LANGUAGES.get(PurePosixPath(file).suffix)
    if abi is None:
        raise InvalidRequest(f"`{PurePosixPath(file).suffix}` is no ending of source text: {', '.join(LANGUAGES)}")
    return abi


def draft(
    offered: Sequence[Offered], *, file: str, digest: Digest, written: str = "", grants: Sequence[str] = ()
) -> str:
    """The manifest of the source *file* with *digest*, which has the functions *offered*.

    *written* is the TOML its author wrote beside it; *grants* are more of them, as the command line takes them.

    Raises: OperatorError, InvalidRequest. Whether the manifest will do is for `load_manifest` to say.
    """
    beside = _beside(written)
    granted = _granted(_part(beside, "grants"), grants)
    tool = _drafted(offered, file, digest, _part(beside, "tool"))
    tool.setdefault("effects", _effects(granted))
    parts = {**beside, "tool": tool, **({"grants": granted} if granted else {})}
    try:
        return tomli_w.dumps(parts)
    except (TypeError, ValueError, RecursionError):
        raise OperatorError("a schema of the source holds what TOML cannot say, such as null") from None


def _drafted(offered: Sequence[Offered], file: str, digest: Digest, beside: Table) -> Table:
    stem = PurePosixPath(file).stem
    tool: Table = {"version": _VERSION, "abi": language_of(file).value, "module": file, "digest": str(digest)}
    if "operations" in beside:
        return {"name": stem, "description": _names(offered), **tool, **beside}
    if len(offered) == 1:
        (one,) = offered
        found = {"name": one.name, "description": one.description, **tool, "input_schema": dict(one.input_schema)}
        return {**found, **beside}
    operations = [
        {"name": one.name, "function": one.name, "description": one.description, "input_schema": dict(one.input_schema)}
        for one in offered
    ]
    return {"name": stem, "description": _names(offered), **tool, **beside, "operations": operations}


def _names(offered: Sequence[Offered]) -> str:
    return f"Functions: {', '.join(one.name for one in offered)}"[:4096]


def _effects(granted: Table) -> list[str]:
    return sorted({effect.value for name, effects in _EFFECTS.items() if granted.get(name) for effect in effects})


def _granted(beside: Table, given: Sequence[str]) -> Table:
    granted = dict(beside)
    for grant in given:
        kind, _, value = grant.partition(":")
        if grant == "kv":
            granted["kv"] = True
        elif kind == "http" and value:
            granted["http"] = [*_listed(granted, "http"), _http(value)]
        elif kind in _LISTS and value:
            granted[_LISTS[kind]] = [*_listed(granted, _LISTS[kind]), value]
        else:
            raise InvalidRequest(f"a grant is one of {_GRANT_WORDS}")
    return granted


def _listed(granted: Table, name: str) -> list[object]:
    there: object = granted.get(name, [])
    if not isinstance(there, list):
        raise OperatorError(f"`grants.{name}`: this must be a list")
    return cast("list[object]", there)


def _http(value: str) -> Table:
    methods, url = ("GET", value) if value.lower().startswith(("http:", "https:")) else tuple(_split(value))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRequest(f"a grant is one of {_GRANT_WORDS}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidRequest("`--grant http` takes a URL of a scheme, a host and a path, and nothing else")
    return {
        "scheme": parts.scheme,
        "host": parts.hostname,
        "port": port or _PORTS[parts.scheme],
        "methods": methods.split(","),
        "path": parts.path or "/",
    }


def _split(value: str) -> tuple[str, str]:
    methods, _, url = value.partition(":")
    return methods, url


def _beside(written: str) -> Table:
    if len(written) > WRITTEN_BYTES:
        raise OperatorError(f"the manifest is larger than {WRITTEN_BYTES} characters")
    try:
        return tomllib.loads(written)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise OperatorError("the manifest beside the source is not valid TOML") from None


def _part(beside: Table, name: str) -> Table:
    part = beside.get(name, {})
    if not isinstance(part, dict):
        raise OperatorError(f"`{name}`: this must be a table")
    return cast("Table", part)
