"""What a broker says when it does not do something. Fit for a guest to read: never a value that may be secret."""

from holdfast.contracts import Reason, Refusal


def not_granted(message: str) -> Refusal:
    """The manifest does not grant it."""
    return _refused("host/not-granted", message)


def over(message: str) -> Refusal:
    """A count or a size is used up."""
    return _refused("host/limit", message)


def malformed(message: str) -> Refusal:
    """The payload is not what the function takes."""
    return _refused("host/payload", message)


def absent(what: str) -> Refusal:
    """It is granted, and this house does not have it."""
    return _refused("host/unavailable", f"this server has no {what}")


def grown() -> Refusal:
    """The call has learned what it was not judged with."""
    return _refused(
        "flow/labels-grown",
        "since this call was let through it was given data with other labels; call the tool again to have that judged",
    )


def _refused(code: str, message: str) -> Refusal:
    return Refusal(Reason(code=code, layer=code.partition("/")[0], message=message))
