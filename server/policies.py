"""Which policy bundle judges now: read from files, checked against the tools, replaced whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from holdfast.contracts import OperatorError, Principal, ToolSpec
from holdfast.safety.policy import PolicyBundle

MAX_FILE_BYTES = 1 << 20
PROFILES = ("readonly", "supervised", "autonomous")
"""From the narrowest to the widest: a token may name a profile that is no wider than the configured one."""


def shipped() -> Traversable:
    """The policies that come with Holdfast."""
    return files("holdfast").joinpath("_policies")


def read_policy_files(folder: Path | None) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Cedar files and case files under *folder*, by relative name; None means the shipped ones.

    Raises: OperatorError when a file cannot be read.
    """
    root: Traversable = shipped() if folder is None else folder
    found: dict[str, str] = {}
    try:
        _collect(root, "", found)
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"cannot read the policies in `{root}`: {type(error).__name__}") from None
    cases = {name: text for name, text in found.items() if name.endswith((".yaml", ".yml"))}
    return {name: text for name, text in found.items() if name.endswith(".cedar")}, cases


def _collect(folder: Traversable, prefix: str, found: dict[str, str]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif entry.name.endswith((".cedar", ".yaml", ".yml")):
            data = entry.read_bytes()
            if len(data) > MAX_FILE_BYTES:
                raise OperatorError(f"policy file `{prefix}{entry.name}` is over {MAX_FILE_BYTES} bytes")
            found[prefix + entry.name] = data.decode("utf-8")


class Policies:
    """The bundles of this house, one for each profile in use, always of the same files and tools."""

    def __init__(self, folder: Path | None, profile: str, specs: Callable[[], Sequence[ToolSpec]]) -> None:
        """Load them.

        Raises: OperatorError when they do not load; there is then no house.
        """
        self._folder = folder
        self._profile = profile
        self._specs = specs
        self._sources, self._cases = read_policy_files(folder)
        self._bundles = {profile: self._load(profile, specs())}
        self._fitted = frozenset(spec.digest for spec in specs())

    def current(self) -> PolicyBundle:
        """The bundle of the configured profile."""
        return self._bundles[self._profile]

    def of(self, principal: Principal) -> PolicyBundle:
        """The bundle that judges *principal*: its token's profile where that is narrower, else the configured one."""
        wanted = principal.profile
        if wanted is None or _rank(wanted) >= _rank(self._profile):
            return self.current()
        wanted = PROFILES[_rank(wanted)]
        if wanted not in self._bundles:
            self._bundles = {**self._bundles, wanted: self._load(wanted, self._specs())}
        return self._bundles[wanted]

    def fit(self, specs: Sequence[ToolSpec]) -> None:
        """Load every bundle in use again for *specs*.

        Raises: OperatorError when one does not fit them; all stay as they were.
        """
        fitted = frozenset(spec.digest for spec in specs)
        if fitted != self._fitted:
            self._bundles = {profile: self._load(profile, specs) for profile in self._bundles}
            self._fitted = fitted

    def trying(self, spec: ToolSpec) -> Callable[[Principal], PolicyBundle]:
        """The bundles as they would be with *spec* among the tools, which stay as they are.

        Raises: OperatorError when policy does not fit it.
        """
        others = [one for one in self._specs() if one.name != spec.name]
        bundle = self._load(self._profile, [*others, spec])
        return lambda _principal: bundle

    def _load(self, profile: str, specs: Sequence[ToolSpec]) -> PolicyBundle:
        return PolicyBundle.load(self._sources, self._cases, profile=profile, specs=specs)


def _rank(profile: str) -> int:
    """How wide *profile* is; one nobody knows is as narrow as can be."""
    return PROFILES.index(profile) if profile in PROFILES else 0
