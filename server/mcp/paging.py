"""Hands out long listings page by page. A cursor names the last item of a page, and nothing else."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from holdfast.contracts import InvalidRequest

PAGE: Final = 200
MOST_CURSOR: Final = 8_192
"""Characters. A URI may be long."""

T = TypeVar("T")


def page(
    items: Sequence[T], cursor: str | None, key: Callable[[T], str], *, size: int = PAGE
) -> tuple[Sequence[T], str | None]:
    """The items that follow *cursor*, at most *size*, and the cursor of what follows them.

    Raises: InvalidRequest when *cursor* is none of ours, or its item is gone: the listing has to be read again.
    """
    start = 0 if cursor is None else _after(items, cursor, key)
    end = start + size
    return items[start:end], _cursor(key(items[end - 1])) if end < len(items) else None


def _cursor(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode("utf-8", "surrogatepass")).decode("ascii")


def _after(items: Sequence[T], cursor: str, key: Callable[[T], str]) -> int:
    if len(cursor) <= MOST_CURSOR:
        try:
            last = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("utf-8", "surrogatepass")
        except (binascii.Error, ValueError):
            last = None
        for place, item in enumerate(items):
            if key(item) == last:
                return place + 1
    raise InvalidRequest("`cursor` is not one of this listing as it is now; begin again without one")
