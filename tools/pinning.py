"""Writes a digest into a manifest's text and changes nothing else of it. It reads no file."""

import re
import tomllib
from typing import Any, Final, cast

from holdfast.contracts import Digest, OperatorError

_HEADER: Final = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\][^\n]*\n", re.MULTILINE)
_NEXT: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)
_DIGEST: Final = re.compile(r"""^([ \t]*digest[ \t]*=[ \t]*)(?:"[^"\n]*"|'[^'\n]*')""", re.MULTILINE)


def with_digest(manifest: str, digest: Digest) -> str:
    """*manifest* with *digest* as `tool.digest`, put in or replaced.

    Raises: OperatorError when it is not TOML with a table `[tool]` that a person would write.
    """
    header = _HEADER.search(manifest)
    if header is None:
        raise OperatorError("`tool.toml` has no table `[tool]`")
    following = _NEXT.search(manifest, header.end())
    end = len(manifest) if following is None else following.start()
    table = manifest[header.end() : end]
    written, found = _DIGEST.subn(lambda match: f'{match[1]}"{digest}"', table, count=1)
    if not found:
        written = f'digest = "{digest}"\n{table}'
    pinned = manifest[: header.end()] + written + manifest[end:]
    if _but_digest(pinned) != _but_digest(manifest) or _digest_of(pinned) != str(digest):
        raise OperatorError(
            "`tool.digest` cannot be written into this `tool.toml`; write it yourself", remedy=str(digest)
        )
    return pinned


def _read(manifest: str) -> dict[str, Any]:
    try:
        return tomllib.loads(manifest)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise OperatorError("`tool.toml` is not valid TOML") from None


def _digest_of(manifest: str) -> object:
    tool: Any = _read(manifest).get("tool")
    return cast("dict[str, Any]", tool).get("digest") if isinstance(tool, dict) else None


def _but_digest(manifest: str) -> dict[str, Any]:
    read = _read(manifest)
    tool: Any = read.get("tool")
    if not isinstance(tool, dict):
        raise OperatorError("`tool.toml` has no table `[tool]`")
    kept = {key: value for key, value in cast("dict[str, Any]", tool).items() if key != "digest"}
    return {**read, "tool": kept}
