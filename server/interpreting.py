"""The sealed interpreters: found, built where they must be, and kept in the user's cache. They need no house."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from holdfast.contracts import OperatorError, Reason
from holdfast.contracts.digests import Digest
from holdfast.sandbox.wasm.abi import JAVASCRIPT, PYTHON
from holdfast.sandbox.wasm.artifacts import ArtifactCache
from holdfast.sandbox.wasm.interpreter.building_unsafe import build
from holdfast.sandbox.wasm.interpreter.languages import JAVASCRIPT_LANGUAGE, PYTHON_LANGUAGE, Language
from holdfast.sandbox.wasm.interpreter.running import NO_MORE_THAN_USUAL, Interpreter
from holdfast.sandbox.wasm.interpreter.sessions import SessionBounds
from holdfast.sandbox.wasm.interpreter.source_tools import SourceTools
from holdfast.sandbox.wasm.interpreter.sources import Sources
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.abi import LANGUAGES

from .data_dir import DataDir, user_cache
from .keyed_files import KeyedFiles

Say = Callable[[str], None]
EXTENSIONS: Final = MappingProxyType({abi.value: extension for extension, abi in LANGUAGES.items()})
"""By the calling convention of source text: how its file ends."""


def python_sources() -> Sources:
    """The Python interpreter's sources, as they came with this installation."""
    return _sources(PYTHON_LANGUAGE)


def javascript_sources() -> Sources:
    """The JavaScript interpreter's sources, as they came with this installation."""
    return _sources(JAVASCRIPT_LANGUAGE)


def _sources(language: Language) -> Sources:
    return Sources(Path(str(files("holdfast").joinpath("_runners", language.abi))), language)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """How one interpreter is had: from what, kept where, and who is told."""

    sources: Sources
    identity: Digest
    folder: Path
    key: bytes
    say: Say
    may_download: bool


def open_interpreter(
    stack: AsyncExitStack,
    runtime: WasmRuntime,
    data: DataDir | None,
    say: Say | None = None,
    *,
    sessions: SessionBounds = NO_MORE_THAN_USUAL,
    sources: Callable[[], Sources] | None = None,
    may_download: bool = False,
) -> Interpreter | Reason:
    """The interpreter of *sources* in workers of *runtime*, or why there is none; Python's, unless they say otherwise.

    It is built and compiled when first needed. What is built is kept in the user's cache, or else in *data*. *say* is
    told what takes long. What cannot be built without a download is there only where it was built before, unless
    *may_download*.

    Raises: OperatorError when the sources or the cache will not do.
    """
    if runtime.unavailable is not None:
        return Reason(code="wasm/unavailable", layer="wasm", message=runtime.unavailable)
    found = (sources or python_sources)()
    language, identity = found.language, found.identity
    place = _place(data, language)
    if identity is None or place is None:
        return not_built(language, language.missing)
    folder, key = place
    making = _Making(
        sources=found, identity=identity, folder=folder, key=key, say=say or _nothing, may_download=may_download
    )
    if not _can_be_had(making):
        return not_built(
            language, f"the {language.title} interpreter is not built yet, and building it downloads packages"
        )
    interpreter = Interpreter(
        runtime,
        identity=identity,
        component=lambda: asyncio.to_thread(_built, making),
        artifacts=ArtifactCache(folder / "native", key),
        sessions=sessions,
        abi=language.abi,
    )
    stack.push_async_callback(interpreter.close)
    return interpreter


def adopt_languages(stack: AsyncExitStack, runtime: WasmRuntime) -> None:
    """Let *runtime* run tools that are source text, where there is no house; or have it know why it cannot.

    Raises: OperatorError as `open_interpreter` does.
    """
    for abi, sources in ((PYTHON, python_sources), (JAVASCRIPT, javascript_sources)):
        adopt(runtime, abi, open_interpreter(stack, runtime, None, sources=sources))


def adopt(runtime: WasmRuntime, abi: str, opened: Interpreter | Reason) -> None:
    """Let *runtime* run tools of *abi* by the interpreter *opened*, or have it know why there is none."""
    if isinstance(opened, Reason):
        runtime.adopt(abi, f"{opened.message} ({opened.remedy})" if opened.remedy else opened.message)
    else:
        runtime.adopt(abi, SourceTools(opened, extension=EXTENSIONS[abi]))


def not_built(language: Language, message: str) -> Reason:
    """Why there is no interpreter of *language*, and what to do."""
    return Reason(code=f"{language.abi}/not-built", layer=language.abi, message=message, remedy=language.remedy)


def _can_be_had(making: _Making) -> bool:
    if not making.sources.language.downloads or making.may_download or making.sources.prebuilt is not None:
        return True
    return KeyedFiles(making.folder, making.key).has(making.identity.hex)


def _place(data: DataDir | None, language: Language) -> tuple[Path, bytes] | None:
    place = user_cache()
    if place is None and data is not None:
        place = data.native, data.key("native")
    if place is None:
        return None
    root, key = place
    folder = root / language.abi
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder, key


def _built(making: _Making) -> bytes:
    kept, name = KeyedFiles(making.folder, making.key), making.identity.hex
    language, prebuilt = making.sources.language, making.sources.prebuilt
    if prebuilt is not None:
        making.say(f"compiling the {language.title} interpreter, once")
        return prebuilt.read_bytes()
    with _alone(making.folder / "lock"):  # of several processes that need it, one builds it
        component = kept.load(name)
        if component is None:
            if language.downloads and not making.may_download:
                raise OperatorError(f"the {language.title} interpreter is not built any more", remedy=language.remedy)
            fetching = "fetching what builds it, and " if language.downloads else ""
            making.say(f"{fetching}building the {language.title} interpreter from its sources, once (some seconds)")
            component = build(making.sources)
            kept.save(name, component)
        making.say(f"compiling the {language.title} interpreter, once (some seconds)")
        return component


@contextmanager
def _alone(lock: Path) -> Generator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _nothing(_text: str) -> None:
    """Nobody listens."""


def _main() -> None:
    """Build the components to where a wheel takes them from."""
    for found in (python_sources(), javascript_sources()):
        place = found.keep_prebuilt(build(found))
        print(f"{place}: {place.stat().st_size >> 20} MiB")  # noqa: T201 -- what was asked for


if __name__ == "__main__":
    _main()
