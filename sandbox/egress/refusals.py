"""What the egress broker says when it refuses; never a path, query, header or body, which may hold secrets."""

from typing import Final

from holdfast.contracts import Reason, Refusal

_LAYER: Final = "egress"


def refused(rule: str, message: str, *, remedy: str | None = None) -> Refusal:
    """A refusal `egress/<rule>` that tells an agent *message* and an operator *remedy*."""
    return Refusal(Reason(code=f"{_LAYER}/{rule}", layer=_LAYER, message=message, remedy=remedy))


def not_granted(*, scheme: str, host: str, port: int, method: str) -> Refusal:
    """No grant admits the request."""
    return refused(
        "host-not-granted",
        f"no grant admits {method} to this place on host {host} ({scheme}, port {port}); use a place that is granted",
        remedy=grant_lines(scheme=scheme, host=host, port=port, method=method),
    )


def scheme_refused(*, host: str, port: int, method: str) -> Refusal:
    """Plain http without a grant that says so."""
    return refused(
        "scheme",
        f"plain http to host {host} is not granted; use https",
        remedy=grant_lines(scheme="http", host=host, port=port, method=method),
    )


def not_public(host: str) -> Refusal:
    """An address of the host is not global unicast."""
    return refused(
        "address-not-public",
        f"host {host} has an address that is not public; only public addresses can be reached",
        remedy="name the network in `unsafe_allow_network`, and the host in an `[[egress]]` row of its own",
    )


def redirect_refused(message: str) -> Refusal:
    """The answer leads where we do not follow."""
    return refused("redirect", message, remedy="grant the place it leads to in `[[egress]]`, or call that place itself")


def grant_lines(*, scheme: str, host: str, port: int, method: str) -> str:
    """The rows for `holdfast.toml` that would admit it. The host is canonical, so it needs no quoting."""
    return "\n".join(
        (
            "[[egress]]",
            f'scheme = "{scheme}"',
            f'host = "{host}"',
            f"port = {port}",
            f'methods = ["{method}"]',
            'path = "/"',
        )
    )
