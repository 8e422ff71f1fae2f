"""What a guest's host functions call in a worker: says one frame to the parent and waits for its answer.

It decides nothing: whether a thing is granted, and what is counted, is the parent's to know.
"""

from .frames import HOST_ANSWER_CAP, FrameError, HostCall, host_call_frame, read_host_answer
from .pipes import read_frame, write_all


class HostRefused(Exception):
    """The parent did not do it. `code` is a reason's; `message` one sentence, fit for the guest to read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class HostLost(Exception):
    """The parent is gone, or said what is no answer. Whatever the guest does then, its worker ends."""


class HostCalls:
    """A worker's way to its parent, over the two pipes of the worker. One object a worker, one call at a time."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = requests
        self._replies = replies
        self.lost = False
        """Whether nothing more can be said to the parent, and the worker must end."""

    def call(self, name: str, payload: bytes) -> bytes:
        """Ask the parent for *name* with *payload*, JSON; answers JSON. Blocks.

        Raises: HostRefused; HostLost, after which the worker ends as soon as the guest has.
        """
        if self.lost:
            raise HostLost("the parent is gone")
        try:
            spoken = host_call_frame(HostCall(name=name, payload=payload))
        except FrameError:
            raise HostRefused("host/limit", "the request is over 2 MiB") from None
        try:
            write_all(self._replies, spoken)
            body = read_frame(self._requests, cap=HOST_ANSWER_CAP)
            answer = None if body is None else read_host_answer(body)
        except (FrameError, OSError, MemoryError):
            answer = None
        if answer is None:
            self.lost = True
            raise HostLost("the parent is gone")
        if not answer.ok:
            raise HostRefused(answer.code, answer.payload.decode("utf-8", errors="replace"))
        return answer.payload
