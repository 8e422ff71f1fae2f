"""Builds a tool's module from its source: C and Zig in a confined child, WAT in the compile worker. It runs no tool.

1. A compiler reads its toolchain, the files it was handed, and a cache of its own; it writes a folder made for this one
   build. It has no network, no environment of ours, a deadline, and bounds on memory, processes, files and words.
2. Each build gets a copy of the cache that sources of ours filled: what one build leaves there, no other ever sees.
3. What comes out is read without following links, and must be a WebAssembly module of no more than the usual size.
4. Python and JavaScript are the tool as they are: nothing is compiled.
"""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Self

from holdfast.contracts import OperatorError
from holdfast.contracts.limits import MIB

from ..children import ChildSpec, ConfinedChild, Exit, Launcher
from ..wasm.module_scan import MODULE_BYTES
from .languages import MOST_SOURCE_BYTES, MOST_SOURCES, SOURCE_NAME, Language, sources_of
from .toolchain import MISSING, REMEDY, SAMPLES, Toolchain, find_toolchain

Assemble = Callable[[str], Awaitable[bytes]]

SECONDS: Final = 120.0
WARMING_SECONDS: Final = 600.0
"""The first build compiles the C library: about 20 s alone on two cores, several times that on a busy machine."""
MEMORY_BYTES: Final = 1536 * MIB
PROCESSES: Final = 16
SAID_BYTES: Final = 256 << 10
"""More words than this end a build."""
_READ: Final = 1 << 16
_MAGIC: Final = b"\0asm"
_INSTALLATION: Final = "installation"
"""In a warm cache: the folder of the compiler that it is for."""


class BuildRefused(OperatorError):
    """The source does not become a module. `said` is what the compiler wrote: untrusted, at most `SAID_BYTES`."""

    def __init__(self, message: str, *, said: str = "", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.said = said


class Builder:
    """Builds, in children of *launcher*; *cache* is a folder of ours for what every build of a language needs.

    Without a launcher, C and Zig are refused.
    """

    def __init__(
        self,
        launcher: Launcher | None,
        assemble: Assemble,
        *,
        cache: Path,
        seconds: float = SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """*say* is told what takes long."""
        self._launcher = launcher
        self._assemble = assemble
        self._cache = cache
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._say = say
        self._warming: dict[Language, asyncio.Task[None]] = {}

    async def build(self, language: Language, sources: Mapping[str, bytes]) -> bytes:
        """The module that *sources*, by relative name, become.

        Raises: BuildRefused; OperatorError when nothing of the language can be built here.
        """
        _check(sources)
        named = sources_of(sources, language)
        if len(named) == 0:
            raise BuildRefused(f"there is no source file of language {language.value}")
        if language in (Language.C, Language.ZIG):
            return await self._compiled(language, _first(named, language), sources)
        if len(named) > 1:
            raise BuildRefused(f"a tool in {language.value} is one file")
        source = sources[named[0]]
        if language is not Language.WAT:
            return source
        try:
            return await self._assemble(source.decode("utf-8", "replace"))
        except OperatorError as error:
            raise BuildRefused("the text does not assemble", said=error.message) from None

    async def _compiled(self, language: Language, named: tuple[str, ...], sources: Mapping[str, bytes]) -> bytes:
        toolchain = find_toolchain()
        if toolchain is None:
            raise OperatorError(MISSING, remedy=REMEDY)
        if self._launcher is None:
            raise OperatorError("C and Zig cannot be compiled here: commands cannot be confined on this machine")
        warm = await self._warm(self._launcher, toolchain, language)
        with _Folder() as folder:
            await asyncio.to_thread(shutil.copytree, warm, folder.cache, dirs_exist_ok=True)
            await asyncio.to_thread(folder.write, sources)
            return await self._run(self._launcher, toolchain, language, named, folder, self._seconds)

    async def _warm(self, launcher: Launcher, toolchain: Toolchain, language: Language) -> Path:
        """A cache that a program of ours filled; made the first time, even if whoever waits for it goes away."""
        place = self._cache / f"{toolchain.identity}-{language.value}"
        if place.is_dir():
            return place
        making = self._warming.get(language)
        if making is None or making.done():
            if self._say is not None:
                self._say("compiling the C library for tools, once (half a minute and more)")
            making = asyncio.create_task(self._fill(launcher, toolchain, language, place))
            making.add_done_callback(_looked_at)
            self._warming[language] = making
        await asyncio.shield(making)
        return place

    async def _fill(self, launcher: Launcher, toolchain: Toolchain, language: Language, place: Path) -> None:
        name, source = SAMPLES[language]
        with _Folder() as folder:
            folder.write({name: source})
            try:
                await self._run(launcher, toolchain, language, (name,), folder, WARMING_SECONDS)
            except BuildRefused as error:
                raise OperatorError(f"the compiler does not work here: {error.message}") from error
            (folder.cache / _INSTALLATION).write_text(str(toolchain.folder), encoding="utf-8")
            await asyncio.to_thread(_keep, folder.cache, place)
            await asyncio.to_thread(_tidy, place.parent)

    async def _run(
        self,
        launcher: Launcher,
        toolchain: Toolchain,
        language: Language,
        named: tuple[str, ...],
        folder: "_Folder",
        seconds: float,
    ) -> bytes:
        target = folder.out / "module.wasm"
        spec = ChildSpec(
            argv=toolchain.command(language, named, str(target)),
            cwd=str(folder.source),
            env={"ZIG_GLOBAL_CACHE_DIR": str(folder.cache), "ZIG_LOCAL_CACHE_DIR": str(folder.cache)},
            readable=(str(toolchain.folder), str(folder.source), "/dev/null"),
            scratch=(str(folder.out), str(folder.cache)),
            memory_bytes=self._memory_bytes,
            max_processes=PROCESSES,
            file_bytes=MODULE_BYTES,
        )
        async with await launcher.launch(spec) as child:
            said, ended = await _attended(child, seconds)
        words = _readable(said, folder.root)
        if ended.killed:
            raise BuildRefused("the compiler takes more memory than it is given", said=words)
        if ended.code or ended.signal:
            raise BuildRefused("the source does not compile", said=words)
        return await asyncio.to_thread(_module_in, target)


class _Folder:
    """The folders of one build, gone with it."""

    def __init__(self) -> None:
        self.root = Path(os.path.realpath(tempfile.mkdtemp(prefix="holdfast-build-")))
        self.source, self.out, self.cache = (self.root / name for name in ("source", "out", "cache"))
        for place in (self.source, self.out, self.cache):
            place.mkdir()

    def write(self, sources: Mapping[str, bytes]) -> None:
        """Put *sources* where the compiler reads them."""
        for name, data in sources.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def _check(sources: Mapping[str, bytes]) -> None:
    if len(sources) > MOST_SOURCES or sum(map(len, sources.values())) > MOST_SOURCE_BYTES:
        raise BuildRefused(f"a tool's source is at most {MOST_SOURCES} files and {MOST_SOURCE_BYTES} bytes together")
    if not all(SOURCE_NAME.fullmatch(name) for name in sources):
        raise BuildRefused("a source file's name is letters, digits, `_`, `-` and points, in folders if need be")
    folded = {name.casefold() for name in sources}
    if len(folded) != len(sources) or any(f"{name}/" in other for name in folded for other in folded):
        raise BuildRefused("two source files have the same place")


def _first(named: tuple[str, ...], language: Language) -> tuple[str, ...]:
    """What is named to the compiler: every C file, and the one Zig file that imports the others."""
    if language is Language.C:
        return named
    if len(named) > 1 and "main.zig" not in named:
        raise BuildRefused("of several Zig files one is `main.zig`")
    return ("main.zig",) if "main.zig" in named else named


async def _attended(child: ConfinedChild, seconds: float) -> tuple[bytes, Exit]:
    said = bytearray()
    try:
        async with asyncio.timeout(seconds):
            await child.end_input()
            await _both(child, said)
            return bytes(said), await child.wait()
    except TimeoutError:
        raise BuildRefused(f"the compiler takes longer than {seconds:g} seconds") from None
    except _TooMuch:
        raise BuildRefused(f"the compiler says more than {SAID_BYTES} bytes") from None


async def _both(child: ConfinedChild, said: bytearray) -> None:
    try:
        async with asyncio.TaskGroup() as streams:
            streams.create_task(_collected(child.receive, said))
            streams.create_task(_collected(child.receive_error, said))
    except* _TooMuch:
        raise _TooMuch from None


class _TooMuch(Exception):
    """More words than are read."""


async def _collected(receive: Callable[[int], Awaitable[bytes]], into: bytearray) -> None:
    while chunk := await receive(_READ):
        into += chunk
        if len(into) > SAID_BYTES:
            raise _TooMuch


def _readable(said: bytes, root: Path) -> str:
    text = said.decode("utf-8", "replace").replace(f"{root}/", "")
    clean = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
    return clean.strip()


def _module_in(target: Path) -> bytes:
    """What the compiler left at *target*; it could be anything."""
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        raise BuildRefused("the compiler left no module") from None
    with os.fdopen(descriptor, "rb") as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        data = file.read(MODULE_BYTES + 1) if regular else b""
    if not data.startswith(_MAGIC) or len(data) > MODULE_BYTES:
        raise BuildRefused("what the compiler left is no WebAssembly module, or too large")
    return data


def _keep(cache: Path, place: Path) -> None:
    """Put a copy of *cache* at *place*, whole or not at all; another process may be faster."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = Path(tempfile.mkdtemp(prefix=".warm-", dir=place.parent))
    try:
        shutil.copytree(cache, draft, dirs_exist_ok=True)
        draft.rename(place)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not place.is_dir():
            raise


def _tidy(cache: Path) -> None:
    """Remove what was warmed for a compiler that is not there any more."""
    for place in cache.iterdir():
        note = place / _INSTALLATION
        if not place.name.startswith(".") and not (note.is_file() and Path(note.read_text(encoding="utf-8")).is_dir()):
            shutil.rmtree(place, ignore_errors=True)


def _looked_at(task: asyncio.Task[None]) -> None:
    """Take note of how *task* ended: whoever waited for it may be gone."""
    if not task.cancelled():
        task.exception()
