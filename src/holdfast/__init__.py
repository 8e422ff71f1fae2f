"""Decides whether a tool call may run, runs it where it can do no harm, cleans the answer, and keeps the record."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.server.local import Local

__all__ = ["Local", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load `Local` when it is asked for, so that `import holdfast.contracts` stays cheap."""
    if name == "Local":
        from holdfast.server.local import Local  # noqa: PLC0415 -- lazy on purpose

        return Local
    raise AttributeError(f"module `holdfast` has no attribute `{name}`")
