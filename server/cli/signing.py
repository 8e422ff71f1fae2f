"""`holdfast tools keygen` and `sign`: the two ends of a signature that an author keeps. Neither asks the server."""

import os
import secrets
import stat
from pathlib import Path
from typing import Annotated, Final

import typer

from holdfast.contracts import Digest, OperatorError
from holdfast.tools.manifest import MANIFEST_BYTES, load_manifest
from holdfast.tools.signatures import SIGNATURE_FILE, public_key, read_key, sign, written_key

from ..terminal import OUT, TALK, plain
from .reading import bounded, whole
from .tools import module_name, module_of

_KEY_FILE_BYTES: Final = 512


def register(group: typer.Typer) -> None:
    """Add these verbs to *group*."""
    group.command()(keygen)
    group.command("sign")(sign_tool)


def keygen(file: Annotated[Path, typer.Argument(help="A new file, which only you can read.")]) -> int:
    """Make a key to sign tools with, and print its public half for `[trust] keys`."""
    seed = secrets.token_bytes(32)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise OperatorError(f"`{file}` is there already, and nothing was changed") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(written_key(seed))
    OUT.print(public_key(seed))
    TALK.print(f"  [dim]=[/] the private key is in {plain(str(file))}; keep it away from servers")
    TALK.print(f'  [dim]=[/] trust it: \\[trust] keys = \\["{public_key(seed)}"]')
    return 0


def sign_tool(
    folder: Annotated[Path, typer.Argument(help="A folder with tool.toml and its module, built.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="As `keygen` wrote it.")],
) -> int:
    """Sign the manifest and the module of a folder: writes `tool.sig` beside them. Any later change needs a new one."""
    manifest = whole(folder / "tool.toml", MANIFEST_BYTES).decode("utf-8", "replace")
    seed = _own_key(key)
    module = Digest.of(module_of(folder / module_name(manifest)))
    if load_manifest(manifest).digest != module:
        raise OperatorError("`tool.digest` is not the digest of the module", remedy=f'digest = "{module}"')
    signature = sign(seed, manifest, module)
    (folder / SIGNATURE_FILE).write_text(signature.written(), encoding="ascii")
    TALK.print(f"signed {plain(str(folder))} as {signature.key}")
    return 0


def _own_key(file: Path) -> bytes:
    data = bounded(file, _KEY_FILE_BYTES)
    status = file.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise OperatorError(f"others may read the private key `{file}`", remedy=f"chmod 600 {file}")
    return read_key(data.decode("utf-8", "replace"))
