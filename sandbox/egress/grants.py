"""Which grant admits a request. Compares canonical forms only; an empty list of grants admits nothing."""

from typing import Final

from holdfast.contracts import HttpGrant
from holdfast.contracts.urls import Target, canonical_path

ANY_HOST: Final = "*"

PUBLIC: Final = HttpGrant(scheme="https", host=ANY_HOST, port=443, methods=frozenset({"GET"}), path="/")
"""GET from any public host. `unsafe_allow_networks` never counts for it: that takes a grant that names the host."""


def admits(grant: HttpGrant, target: Target, method: str) -> bool:
    """Whether *grant* admits *method* to *target*."""
    return (
        grant.scheme == target.scheme
        and grant.port == target.port
        and method in grant.methods
        and _host_admitted(grant.host.lower(), target)
        and _path_admitted(canonical_path(grant.path), target.path)
    )


def _host_admitted(pattern: str, target: Target) -> bool:
    if pattern == ANY_HOST:
        return target.address is not None or "." in target.host  # a single label is a name of somebody's own network
    if pattern.startswith("*."):
        return target.address is None and target.host.endswith(pattern[1:]) and len(target.host) > len(pattern) - 1
    return target.host == pattern.removeprefix("[").removesuffix("]")


def _path_admitted(granted: str, path: str) -> bool:
    """Whole segments: `/a/` admits `/a/b`, `/a` admits `/a` and `/a/b`, and neither admits `/ab`."""
    return path.startswith(granted if granted.endswith("/") else granted + "/") or path == granted
