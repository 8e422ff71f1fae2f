"""Answers that are no tool result, as RFC 9457 problems. Maps whose fault it was to a status, and quotes no value."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from holdfast.contracts import (
    CallerError,
    Conflict,
    Forbidden,
    HoldfastError,
    InvalidRequest,
    Json,
    MalformedJson,
    NotFound,
    Overloaded,
    RateLimited,
    TooLarge,
    ToolError,
    Unauthenticated,
)

MEDIA_TYPE: Final = "application/problem+json"
MAX_ERRORS: Final = 20
_MAX_POINTER: Final = 200

_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "The request cannot be taken as it is"),
    401: ("unauthenticated", "There is no token, or it does not hold"),
    403: ("forbidden", "The request is not allowed"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The method is not offered here"),
    408: ("request-timeout", "The request did not arrive in time"),
    409: ("conflict", "The thing is not in a state that allows it"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The body is not of a kind that is taken here"),
    421: ("misdirected", "The request is for another host"),
    422: ("invalid", "A field is missing, unknown or of the wrong kind"),
    431: ("headers-too-large", "The headers are too large"),
    429: ("rate-limited", "The caller asks for this too often"),
    500: ("internal", "Holdfast failed"),
    502: ("tool", "A tool broke its protocol"),
    503: ("overloaded", "There is no room now"),
}
_STATUSES: Final[tuple[tuple[type[CallerError], int], ...]] = (
    (MalformedJson, 400),
    (InvalidRequest, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (RateLimited, 429),
    (Overloaded, 503),
)
_OURS: Final = "holdfast could not answer; its log has the reason under this instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field and the rule it breaks. `pointer` is a JSON Pointer into the body, or a name in the query."""

    pointer: str
    detail: str


class InvalidFields(InvalidRequest):
    """Some fields are missing, unknown or of the wrong kind."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)[:MAX_ERRORS]
        first = self.errors[0]
        super().__init__(f"`{first.pointer}` {first.detail}")


class Refused(CallerError):
    """The request is refused before it is looked at, with a status of its own."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class LacksScope(Forbidden):
    """The token does not allow it."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token lacks the scope `{scope}`", remedy=f"use a token that was issued with `{scope}`")
        self.scope = scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a client is told."""

    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
    remedy: str | None = None
    instance: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> dict[str, Json]:
        """The JSON of it."""
        kind, title = _TITLES.get(self.status, _TITLES[400])
        written: dict[str, Json] = {
            "type": f"urn:holdfast:problem:{kind}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            written["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in self.errors]
        if self.remedy is not None:
            written["remedy"] = self.remedy
        if self.instance is not None:
            written["instance"] = self.instance
        return written

    def response(self) -> Response:
        """The HTTP response."""
        return Response(json.dumps(self.body()), self.status, dict(self.headers), MEDIA_TYPE)


def problem_of(error: HoldfastError) -> Problem:
    """What a client is told about *error*. Whatever is not its fault it learns nothing of."""
    match error:
        case Refused(status=status, headers=headers):
            return Problem(status=status, detail=error.message, headers=tuple(headers.items()))
        case InvalidFields(errors=errors):
            return Problem(status=422, detail=error.message, errors=errors)
        case LacksScope(scope=scope):
            challenge = ("www-authenticate", f'Bearer error="insufficient_scope", scope="{scope}"')
            return Problem(status=403, detail=error.message, remedy=error.remedy, headers=(challenge,))
        case CallerError():
            retry = (("retry-after", "1"),) if isinstance(error, Overloaded) else ()
            return Problem(status=_status_of(error), detail=error.message, remedy=error.remedy, headers=retry)
        case ToolError():
            return Problem(status=502, detail=error.message)
        case _:
            return internal(None)


def internal(instance: str | None) -> Problem:
    """The constant answer to a fault of ours; *instance* is also in the log."""
    return Problem(status=500, detail=_OURS, instance=instance)


def field_errors(errors: Iterable[Mapping[str, Any]]) -> InvalidFields:
    """The errors that pydantic found, in our words and without the values."""
    return InvalidFields(
        FieldError(pointer=_pointer(error["loc"]), detail=_rule(str(error["type"]), error.get("ctx") or {}))
        for error in errors
    )


def _status_of(error: CallerError) -> int:
    return next((status for cls, status in _STATUSES if isinstance(error, cls)), 400)


def _pointer(place: Iterable[object]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place)
    return "".join(f"/{step}" for step in steps)[:_MAX_POINTER]


_RULES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "string_pattern_mismatch": "must match `{pattern}`",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be an array",
    "too_long": "must have {max_length} items or fewer",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
}


def _rule(kind: str, limits: Mapping[str, Any]) -> str:
    return _RULES.get(kind, "is not valid").format_map(_Limits(limits))


class _Limits(dict[str, Any]):
    """What the rules may name; a limit that pydantic did not give is left out."""

    def __missing__(self, key: str) -> str:
        return "the allowed"
