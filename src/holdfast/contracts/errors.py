"""The exceptions, split by whose fault it is. Denials and limit hits are values, never exceptions.

HoldfastError
├── CallerError          the request cannot be taken as it is                400
│   ├── MalformedJson        not strict JSON                                 400
│   ├── InvalidRequest       a field is missing, unknown or of the wrong kind 422
│   ├── Unauthenticated      no token, or one that does not hold             401
│   ├── Forbidden            the token lacks a scope                         403
│   │   └── QuestionsClosed      nobody is asked about calls of this line again
│   ├── NotFound             no such thing, or none this caller may know of  404
│   ├── Conflict             the thing is not in a state that allows it      409
│   ├── TooLarge             over a size limit                               413
│   ├── RateLimited          too often; later it will do                     429
│   └── Overloaded           no room now; try again                          503
├── OperatorError        configuration, policy, manifest or state is wrong: refuse that part, or the start
│   └── IntegrityError       bytes are not the bytes that were approved
├── ToolError            a tool or upstream broke its protocol               502
└── InternalError        ours                                                500

Messages are one line, lower case, no full stop, with the user's own words in backticks, and never hold a value
that may be secret.
"""


class HoldfastError(Exception):
    """The root of them all. `message` may be shown to whoever the fault lies with."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class CallerError(HoldfastError):
    """The caller can put it right."""


class MalformedJson(CallerError):
    """The text is not strict JSON."""


class InvalidRequest(CallerError):
    """A field is missing, unknown or of the wrong kind."""


class Unauthenticated(CallerError):
    """There is no token, or it does not hold."""


class Forbidden(CallerError):
    """The token lacks a scope, or the origin is foreign."""


class QuestionsClosed(Forbidden):
    """Too much was asked, or denied, for anybody to be asked again."""


class NotFound(CallerError):
    """There is no such thing, or none that this caller may know of."""


class Conflict(CallerError):
    """The thing is not in a state that allows what was asked."""


class TooLarge(CallerError):
    """The request is over a size limit."""


class RateLimited(CallerError):
    """The caller asks for this too often."""


class Overloaded(CallerError):
    """There is no room for the call now."""


class OperatorError(HoldfastError):
    """Configuration, policy, a manifest or the state on disk is wrong."""


class IntegrityError(OperatorError):
    """Bytes are not the bytes that were approved."""


class ToolError(HoldfastError):
    """A tool or upstream broke its protocol."""


class InternalError(HoldfastError):
    """Ours. The message is constant; the call id links it to the log."""
