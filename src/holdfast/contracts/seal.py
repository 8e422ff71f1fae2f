"""The witness that a call was judged. Runtimes accept nothing else."""

from collections.abc import Mapping
from typing import NoReturn, final

from .calls import CallId
from .json_values import Json
from .limits import Limits
from .principals import Principal, Session
from .specs import ToolSpec


@final
class Authorized:
    """A call that every layer let through, in exactly the form that was judged."""

    __slots__ = ("arguments", "call_id", "depth", "limits", "principal", "session", "spec")
    call_id: CallId
    spec: ToolSpec
    arguments: Mapping[str, Json]
    principal: Principal
    session: Session
    limits: Limits
    depth: int
    """Calls above it: zero for one that came through a door, see `Nested`."""

    def __init__(self) -> None:
        raise TypeError("only the gate can authorize a call")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} is read-only")
