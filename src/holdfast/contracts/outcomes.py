"""What a runtime hands back. Untrusted always."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from .json_values import Json
from .limits import Usage
from .verdicts import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of some media type; `text/html` is cleaned as HTML."""

    text: str
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes for a model that can look or listen: an image or a sound."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A reference that is not followed."""

    uri: str
    name: str
    description: str = ""
    media_type: str | None = None
    served: bool = False
    """Whether it leads to an approved resource of its server, by the URI that is served for it; no tool says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A document carried inside a result."""

    uri: str
    body: Text | Blob


Content: TypeAlias = Text | Blob | Link | Resource


class LimitName(StrEnum):
    """Which limit stopped a call."""

    FUEL = "fuel"
    MEMORY = "memory_bytes"
    WALL = "wall_ms"
    OUTPUT = "output_bytes"
    HOST_CALLS = "host_calls"
    STACK = "stack_bytes"
    TABLE = "table_elements"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The tool answered; `is_error` when it says itself that it failed."""

    content: tuple[Content, ...]
    structured: Json = None
    is_error: bool = False
    log: str = ""
    """What the tool said aside (stderr); goes to the record, cleaned, never to the model."""
    usage: Usage = Usage()
    isolation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A limit ended it."""

    limit: LimitName
    usage: Usage = Usage()
    isolation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The tool broke: a trap, a crash, a protocol error. `code` is ours; `detail` is guest text, cleaned before use."""

    code: str
    """`runtime/kebab-case`, for example `wasm/trap`."""
    message: str
    detail: str = ""
    usage: Usage = Usage()
    isolation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A broker refused what the tool tried to do: a denial that only running could bring out."""

    reason: Reason
    usage: Usage = Usage()
    isolation: tuple[str, ...] = ()


Outcome: TypeAlias = Completed | Stopped | Failed | Refused
