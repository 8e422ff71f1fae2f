"""`hash`: the digest of a text or of a workspace file; never a keyed one, and no proof of who made it."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from blake3 import blake3

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    Effect,
    FlowSpec,
    InvalidRequest,
    Outcome,
    Text,
    ToolName,
    ToolSpec,
    When,
    Workspace,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text, text_or
from .threads import off_loop

_ALGORITHMS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "blake3": lambda data: blake3(data).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "sha512": lambda data: hashlib.sha512(data).hexdigest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
_WEAK: Final = frozenset({"md5"})

SPEC: Final = ToolSpec(
    name=ToolName("hash"),
    title="Hash",
    description=(
        "Digest of a text (as UTF-8) or of a workspace file, in hexadecimal. Give exactly one of `text` and `path`. "
        "md5 is weak: fit to compare with an old list, not to tell whether somebody changed a file."
    ),
    # One of the two is checked in the handler: several model APIs refuse a schema with `oneOf` at its top.
    input_schema=strict_object(
        {
            "text": {"type": "string", "description": "The text to digest."},
            "path": {"type": "string", "maxLength": 4096, "description": "A file, relative to the workspace root."},
            "algorithm": {
                "type": "string",
                "enum": list(_ALGORITHMS),
                "description": "`blake3` if absent. `md5` is weak.",
            },
        }
    ),
    effects=frozenset({Effect.READ_PRIVATE}),
    flow=FlowSpec(when=(When(argument="path", effects=frozenset({Effect.READ_PRIVATE})),), reads=("{path}",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class HashTool:
    """The `Handler` of `hash`."""

    def __init__(self, workspace: Workspace) -> None:
        """Read files from *workspace*."""
        self._workspace = workspace

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer the digest as text, and with its algorithm and the size as structured content."""
        algorithm = text_or(call, "algorithm", "blake3")
        digest = _ALGORITHMS.get(algorithm)
        if digest is None:
            raise InvalidRequest("`algorithm` is one of " + ", ".join(_ALGORITHMS))
        if ("text" in call.arguments) == ("path" in call.arguments):
            raise InvalidRequest("give exactly one of `text` and `path`")
        if "text" in call.arguments:
            data = text(call, "text").encode("utf-8")
            return _answer(algorithm, digest(data), len(data))
        path = text(call, "path")
        hexadecimal, size = await off_loop(lambda _ended: self._of_file(path, digest))
        return _answer(algorithm, hexadecimal, size)

    def _of_file(self, path: str, digest: Callable[[bytes], str]) -> tuple[str, int]:
        data, _size = self._workspace.read(path)
        return digest(data), len(data)


def _answer(algorithm: str, hexadecimal: str, size: int) -> Outcome:
    weak = algorithm in _WEAK
    note = " (weak: two files with the same digest can be made)" if weak else ""
    return Completed(
        content=(Text(text=f"{algorithm} {hexadecimal}{note}"),),
        structured={"algorithm": algorithm, "hex": hexadecimal, "bytes": size, "weak": weak},
    )
