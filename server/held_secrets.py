"""Keeps what the leak detector must know of the secrets of this house: what is kept, sent along, and signed with.

1. What is set or removed here counts before whoever did it has an answer; what another process did, within a second.
2. Values are held in memory alone, in the form in which they are looked for.
3. A row that does not open is left out, and said in the log: its value is not known here, so nobody here could leak it.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from holdfast.contracts import MalformedJson, Secret, Where
from holdfast.contracts.digests import KEY_BYTES
from holdfast.contracts.json_values import parse
from holdfast.safety.leaks import Held, LeakDetector
from holdfast.sandbox.mcp import UpstreamConfig

from .store import UpstreamTokens, Vault

STALE_SECONDS: Final = 1.0
"""How long what another process keeps may be unknown here."""
_SECRET_KEY: Final = re.compile(r"token|secret|assertion")
_NAMED: Final = re.compile(
    r"(?:authorization|auth|token|secret|password|passwd|passphrase|pass|pwd|cookie|credentials?|key)\Z", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"(?i:bearer|basic|token)\s+")

Mark = tuple[str, str]


class HeldSecrets:
    """The values, and when they were looked at."""

    def __init__(self, vault: Vault, tokens: UpstreamTokens, *, keys: Path, leaks: LeakDetector) -> None:
        """*keys* is the folder of the keys of the house; *leaks* says which plain texts of entries are credentials."""
        self._vault = vault
        self._tokens = tokens
        self._leaks = leaks
        self._keys = tuple(_keys(keys))
        self._entries: Callable[[], Iterable[UpstreamConfig]] = tuple
        self._mark: tuple[Mark, tuple[str, ...]] | None = None
        self._looked = -math.inf
        self._turn = asyncio.Lock()
        self._held: Held | None = None
        vault.watch(self.refresh)
        tokens.watch(self.refresh)

    def current(self) -> Held | None:
        """What to look for now; None when there is nothing."""
        return self._held

    def bind(self, entries: Callable[[], Iterable[UpstreamConfig]]) -> None:
        """From here on, what *entries* send along counts as well."""
        self._entries = entries

    async def fresh(self) -> None:
        """Look again, unless somebody did within `STALE_SECONDS`."""
        if time.monotonic() - self._looked > STALE_SECONDS:
            await self.refresh()

    async def refresh(self) -> None:
        """Look again."""
        async with self._turn:
            written = tuple(_literals(self._entries(), self._leaks))
            mark = ((await self._vault.mark(), await self._tokens.mark()), written)
            if mark != self._mark:
                kept = (*await self._vault.all(), *_values(await self._tokens.all()))
                values = (*kept, *(Secret(one.encode("utf-8", "surrogatepass")) for one in written), *self._keys)
                self._held = await asyncio.to_thread(Held.of, values)
                self._mark = mark
            self._looked = time.monotonic()


def _keys(folder: Path) -> Iterator[Secret]:
    for path in sorted(folder.iterdir()):
        data = path.read_bytes() if path.is_file() else b""
        if len(data) == KEY_BYTES:
            yield Secret(data)


def _values(states: Iterable[Secret]) -> Iterator[Secret]:
    """The tokens among what authorization servers gave us."""
    for state in states:
        try:
            known = parse(state.reveal())
        except MalformedJson:
            continue
        for name, value in _strings("", known):
            if _SECRET_KEY.search(name):
                yield Secret(value.encode())


def _strings(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType] -- of JSON
            yield from _strings(str(key), item)  # pyright: ignore[reportUnknownArgumentType] -- of JSON


def _literals(entries: Iterable[UpstreamConfig], leaks: LeakDetector) -> Iterator[str]:
    """What entries send along in plain text, as far as its name or its form says that it is secret."""
    for entry in entries:
        for name, text in (*entry.headers, *entry.env):
            if isinstance(text, str) and (_NAMED.search(name) or leaks.scan([f"{name}={text}"], Where.OUTPUT)):
                yield _SCHEME.sub("", text, count=1)
