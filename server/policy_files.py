"""Reads the files of policy sets, from a folder or a git revision; nothing outside that folder is ever part of one.

A link is followed where it stays inside: so folders mounted by Kubernetes work, where every file is a link by way of
`..data`. One that leads out is refused by name: what stands there is nobody's policy, and changes unseen. What is
neither file nor folder is refused too.
"""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, TypeAlias

from holdfast.contracts import OperatorError

from .git_unsafe import files_at

Sets: TypeAlias = tuple[Mapping[str, str], Mapping[str, str]]
"""Cedar files and case files, by relative name."""
MAX_FILE_BYTES: Final = 1 << 20
EXAMPLES: Final = "examples"
"""A folder of this name beside the profiles is never part of a set; each folder in it is one of its own."""
_SUFFIXES: Final = (".cedar", ".yaml", ".yml")
_MOUNTED: Final = ".."
"""Folders that begin so hold the files that a mount links to, each of which has its name beside them."""
_LINK: Final = "put what it leads to into the folder itself"


def shipped() -> Traversable:
    """The policies that come with Holdfast."""
    return files("holdfast").joinpath("_policies")


def read_policy_files(folder: Path | None) -> Sets:
    """Cedar files and case files under *folder*, by relative name; None means the shipped ones.

    Raises: OperatorError when a file cannot be read, or is not of the folder.
    """
    found: dict[str, str] = {}
    root: Traversable = shipped() if folder is None else folder
    try:
        if isinstance(root, Path):
            root = root.resolve(strict=True)
        _collect(root, "", found, ())
    except OSError as error:
        raise OperatorError(f"cannot read the policies in `{root}`: {error.strerror or 'it is no folder'}") from None
    return _parted(found)


def read_policy_set(place: str) -> Sets:
    """As `read_policy_files`, of a folder, or of `REVISION:FOLDER` in the git repository here.

    Raises: OperatorError when neither is there.
    """
    revision, colon, folder = place.partition(":")
    if Path(place).is_dir() or not colon:
        if not Path(place).is_dir():
            raise OperatorError(f"there is no folder `{place}`", remedy="name a folder, or REVISION:FOLDER")
        return read_policy_files(Path(place))
    held = files_at(revision, folder, wanted=_is_of_a_set)
    return _parted({name: _decoded(data, name) for name, data in held.items()})


def _is_of_a_set(name: str) -> bool:
    first = name.partition("/")[0]
    return name.endswith(_SUFFIXES) and first != EXAMPLES and not _is_mount(first, folder="/" in name)


def _is_mount(name: str, *, folder: bool) -> bool:
    return folder and name.startswith(_MOUNTED)


def _parted(found: Mapping[str, str]) -> Sets:
    sources = {name: text for name, text in found.items() if name.endswith(".cedar")}
    return sources, {name: text for name, text in found.items() if name not in sources}


def _collect(folder: Traversable, prefix: str, found: dict[str, str], above: tuple[Path, ...]) -> None:
    """Add the files below *folder*, whose names begin with *prefix*; *above* are the folders it stands in."""
    within = (*above, folder) if isinstance(folder, Path) else above
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        name = prefix + entry.name
        if not name.isprintable() and (entry.is_dir() or entry.name.endswith(_SUFFIXES)):
            raise OperatorError(f"policy file `{ascii(name)[1:-1]}` has a name that cannot be shown; give it another")
        if entry.is_dir():
            if not prefix and (entry.name == EXAMPLES or _is_mount(entry.name, folder=True)):
                continue
            inner = _inside(entry, name, within)
            if inner in within:
                raise OperatorError(f"policy folder `{name}` is a link to a folder that it stands in", remedy=_LINK)
            _collect(inner, f"{name}/", found, within)
        elif entry.name.endswith(_SUFFIXES):
            found[name] = _text_of(_inside(entry, name, within), name)


def _inside(entry: Traversable, name: str, within: tuple[Path, ...]) -> Traversable:
    """*entry*, or what it leads to if that is in the outermost folder of *within*.

    Raises: OperatorError when it leads out.
    """
    if not isinstance(entry, Path) or not entry.is_symlink():
        return entry
    try:
        target = entry.resolve()
    except (OSError, RuntimeError):  # the latter is how a loop is told up to Python 3.12
        raise OperatorError(f"`{name}` is a link that leads nowhere", remedy=_LINK) from None
    if not target.is_relative_to(within[0]):
        raise OperatorError(f"`{name}` is a link that leads out of the policy folder", remedy=_LINK)
    return target


def _text_of(entry: Traversable, name: str) -> str:
    """Raises: OperatorError when *entry* is no file of text, such as a pipe that nobody writes to."""
    if not entry.is_file():
        raise OperatorError(f"policy file `{name}` is not a regular file, or a link to nothing")
    with entry.open("rb") as file:
        return _decoded(file.read(MAX_FILE_BYTES + 1), name)


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise OperatorError(f"policy file `{name}` is over {MAX_FILE_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OperatorError(f"policy file `{name}` line {line} is not UTF-8") from None
