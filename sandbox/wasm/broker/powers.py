"""The ports a broker reaches the rest of the house through. What is None is not there, and whoever asks is told so."""

from dataclasses import dataclass
from typing import Final, Protocol

from holdfast.contracts import Egress, Invoke, KeyValue, Labelling, Screen, Secrets


class GrantedFiles(Protocol):
    """The workspace, for a tool that was granted pieces of it."""

    def read_within(self, path: str, granted: tuple[str, ...], /, *, limit: int) -> bytes:
        """All of the file at *path*, if what was opened lies within *granted*.

        Raises: Refusal; CallerError when there is no such file, or it has more than *limit* bytes.
        """
        ...

    def write(self, path: str, data: bytes, /) -> int:
        """Replace or make the file at *path*, going through no link. Raises: Refusal, CallerError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What there is. Whether a tool may use it is for its grants to say."""

    egress: Egress | None = None
    screen: Screen | None = None
    """Without it nothing is sent."""
    files: GrantedFiles | None = None
    kv: KeyValue | None = None
    secrets: Secrets | None = None
    invoke: Invoke | None = None
    labelling: Labelling | None = None
    """Without it nothing is fetched, kept, written or invoked: labels could not follow."""


NO_POWERS: Final = Powers()
