"""Starts the confined child of a stdio upstream from its entry. It grants what the entry names and guesses nothing.

Readable besides the grants: what programs of the system need, the program itself, the script it is given first, and
the installation of the interpreter that runs it, which is its `lib` folders and not the folder around them.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError

from ..children import SYSTEM_READABLE, ChildSpec, Endpoint, Launcher
from .config import UpstreamConfig
from .ports import Child

PATH: Final = "/usr/local/bin:/usr/bin:/bin"
ENVIRONMENT: Final = {"PATH": PATH, "GIT_CONFIG_NOSYSTEM": "1"}
"""What each has besides what its entry names; git gives up when it may not read the system's configuration."""
KEPT_LOG_BYTES: Final = 16 << 10

_RUNTIME_FILES: Final = ("/etc/ssl/openssl.cnf",)
"""Node refuses to start when this exists and cannot be read."""

_LIBRARIES: Final = ("lib", "lib64", "pyvenv.cfg")
_SHEBANG_BYTES: Final = 256
_MOST_LINKS: Final = 16


class ConfinedStarter:
    """Starts upstreams' children with a `Launcher`, which stays its owner's to close."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    async def __call__(self, config: UpstreamConfig, /) -> Child:
        """Start the command of *config*.

        Raises: OperatorError when its program is not there or it cannot be confined as asked.
        """
        return await self._launcher.launch(child_spec(config), keep_log_bytes=KEPT_LOG_BYTES)


def child_spec(config: UpstreamConfig) -> ChildSpec:
    """What the child of *config* is given.

    Raises: OperatorError when its program or something granted is not there, or a network grant is not `ip:port`.
    """
    for granted in (*config.readable, *config.writable):
        if not Path(granted).exists():
            raise OperatorError(
                f"upstream `{config.name}`: `{granted}` is granted and is not there; nothing would hold it"
            )
    env = {**ENVIRONMENT, **{name: text for name, text in config.env if isinstance(text, str)}}  # secrets are filled in
    program = shutil.which(config.command[0], path=env["PATH"])
    if program is None or not Path(program).is_absolute():
        raise OperatorError(f"upstream `{config.name}`: its program is not there, or not executable")
    needed = dict.fromkeys((*SYSTEM_READABLE, *_RUNTIME_FILES, *_needed(program, config.command[1:]), *config.readable))
    return ChildSpec(
        argv=(program, *config.command[1:]),
        cwd=config.cwd or _cwd(config),
        env=env,
        readable=tuple(needed),
        writable=config.writable,
        network=tuple(_endpoint(config.name, text) for text in config.network),
        memory_bytes=config.limits.memory_bytes,
    )


def _needed(program: str, arguments: tuple[str, ...]) -> Iterator[str]:
    yield from _installation(program)
    interpreter = _interpreter(program)
    if interpreter is not None:
        yield from _installation(interpreter)
    script = next((argument for argument in arguments if not argument.startswith("-")), None)
    if script is not None and Path(script).is_absolute() and Path(script).is_file():
        yield from _links(script)


def _installation(program: str) -> Iterator[str]:
    """*program*, every link on the way to it, and the libraries beside each folder one of them is in."""
    for step in _links(program):
        yield step
        beside = Path(step).parent.parent
        if Path(step).parent.name == "bin" and beside != Path("/"):
            yield from (str(beside / name) for name in _LIBRARIES if (beside / name).exists())


def _links(path: str) -> Iterator[str]:
    for _link in range(_MOST_LINKS):
        yield path
        if not Path(path).is_symlink():
            break
        path = str(Path(path).parent / os.readlink(path))  # noqa: PTH115 -- `Path.readlink` says the same, longer
    yield os.path.realpath(path)


def _interpreter(program: str) -> str | None:
    """Whom the first line of *program* names, when it is a script."""
    try:
        with Path(program).open("rb") as file:
            first = file.readline(_SHEBANG_BYTES)
    except OSError:
        return None
    words = first[2:].split() if first.startswith(b"#!") else []
    if not words:
        return None
    return os.fsdecode(words[0])


def _cwd(config: UpstreamConfig) -> str:
    return next((path for path in (*config.writable, *config.readable) if Path(path).is_dir()), "/usr")


def _endpoint(name: str, text: str) -> Endpoint:
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise OperatorError(f"upstream `{name}`: a network grant is `ip:port`")
    return Endpoint(address=address.removeprefix("[").removesuffix("]"), port=int(port))
