"""The data directory: where it is, its keys, and its folders. Nobody but its owner may enter."""

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from holdfast.contracts import OperatorError
from holdfast.contracts.digests import KEY_BYTES


@dataclass(frozen=True, slots=True)
class DataDir:
    """A folder only its owner can enter."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> "DataDir":
        """Make or enter *root*.

        Raises: OperatorError when somebody else owns it or others may enter.
        """
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = root.stat()
            if status.st_uid != os.getuid():
                raise OperatorError(f"data directory `{root}` belongs to another user")
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise OperatorError(f"others may enter data directory `{root}`", remedy=f"chmod 700 {root}")
            for name in ("audit", "keys", "modules", "native"):
                (root / name).mkdir(exist_ok=True, mode=0o700)
            return cls(root.resolve())
        except OSError as error:
            raise OperatorError(
                f"`{error.filename or root}` of the data directory cannot be used: {error.strerror}",
                remedy="name a folder of your own with `--data-dir`",
            ) from None

    def key(self, name: str) -> bytes:
        """The 32-byte key called *name*, made from the system's randomness the first time.

        Raises: OperatorError when the file is not such a key.
        """
        return key_at(self.root / "keys" / name)

    @property
    def audit(self) -> Path:
        """Folder of the audit chains."""
        return self.root / "audit"

    @property
    def modules(self) -> Path:
        """Folder of tool modules, named by digest."""
        return self.root / "modules"

    @property
    def native(self) -> Path:
        """Folder of compiled artifacts."""
        return self.root / "native"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "holdfast.db"

    @property
    def socket(self) -> Path:
        """The admin socket."""
        return self.root / "admin.sock"


def key_at(path: Path) -> bytes:
    """The 32-byte key in *path*, made from the system's randomness the first time.

    Raises: OperatorError when the file is not such a key.
    """
    try:
        if not path.exists():
            _make_key(path)
        data = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"key `{path}` cannot be read or made: {error.strerror}") from None
    if len(data) != KEY_BYTES:
        raise OperatorError(f"key `{path}` is damaged", remedy="restore it from a backup")
    return data


def _make_key(path: Path) -> None:
    """Put a whole key in place, unless another process was faster: nobody ever reads half of one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def user_cache() -> tuple[Path, bytes] | None:
    """A folder only this user can enter, for artifacts any data directory may share, and the key they are kept under.

    None where the user has no such place; then each data directory makes its own.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(named) if named else Path.home() / ".cache") / "holdfast"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            return None
        return folder, key_at(folder / "key")
    except (OSError, OperatorError, RuntimeError):  # no home, no room, no right: none of it keeps anybody from working
        return None


def find_data_dir(flag: Path | None) -> Path:
    """`--data-dir`, else `HOLDFAST_DATA_DIR`, else `.holdfast` here if it exists, else the user's state directory.

    Raises: OperatorError when the user has none.
    """
    if flag is not None:
        return flag
    if named := os.environ.get("HOLDFAST_DATA_DIR"):
        return Path(named)
    here = Path(".holdfast")
    if here.is_dir():
        return here
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state) / "holdfast"
    try:
        return Path.home() / ".local" / "state" / "holdfast"
    except RuntimeError:
        raise OperatorError("there is no home folder to keep state in", remedy="name one with `--data-dir`") from None
