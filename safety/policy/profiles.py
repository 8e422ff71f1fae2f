"""Chooses the files of one profile and takes their digest. Reads nothing from disk."""

from collections.abc import Mapping

from holdfast.contracts import Digest, OperatorError
from holdfast.contracts.json_values import canonical

_SUFFIX = ".cedar"


def select(sources: Mapping[str, str], profile: str) -> dict[str, str]:
    """Answer the files of *profile*: those in its folder, and those at the top that it does not replace.

    Raises: OperatorError when there is no such folder: an unknown profile must not fall back to another.
    """
    stray = sorted(name for name in sources if not name.endswith(_SUFFIX) or name.count("/") > 1)
    if stray:
        raise OperatorError(
            f"`{stray[0]}` is not a policy file; policies are `*{_SUFFIX}`, at the top or one folder down"
        )
    own = {name: text for name, text in sources.items() if name.startswith(f"{profile}/")}
    if not own:
        known = sorted({name.split("/")[0] for name in sources if "/" in name})
        listed = ", ".join(known) or "none, because no file is in a folder"
        raise OperatorError(f"there are no policies for the profile `{profile}`; there are: {listed}")
    replaced = {name.removeprefix(f"{profile}/") for name in own}
    shared = {name: text for name, text in sources.items() if "/" not in name and name not in replaced}
    return {**shared, **own}


def digest_of(chosen: Mapping[str, str], profile: str) -> Digest:
    """Answer the identity of *profile* with the files *chosen* for it."""
    return Digest.of(canonical({"profile": profile, "files": dict(chosen)}))
