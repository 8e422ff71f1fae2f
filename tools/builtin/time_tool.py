"""`time`: the date and time, read, converted and compared; reads no clock but the one it is handed."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from holdfast.contracts import Authorized, Builtin, Completed, InvalidRequest, Json, Outcome, Text, ToolName, ToolSpec
from holdfast.contracts.limits import BUILTIN

from .arguments import choice_or, strict_object, text, text_or


class _Op(StrEnum):
    NOW = "now"
    CONVERT = "convert"
    PARSE = "parse"
    FORMAT = "format"
    UNTIL = "until"


SPEC: Final = ToolSpec(
    name=ToolName("time"),
    title="Date and time",
    description=(
        "Tells the current time (`now`), moves a time to a zone (`convert`), reads a time apart (`parse`), writes it "
        "for mail and HTTP headers (`format`), or counts the seconds from now until it (`until`, negative if past)."
    ),
    input_schema=strict_object(
        {
            "op": {"type": "string", "enum": [op.value for op in _Op], "description": "What to do; `now` if absent."},
            "value": {
                "type": "string",
                "maxLength": 100,
                "description": "A time: ISO 8601, a mail or HTTP date, or seconds since 1970. Needed but for `now`.",
            },
            "zone": {
                "type": "string",
                "maxLength": 64,
                "description": "IANA zone such as `Europe/Berlin`; `UTC` if absent. Also for a `value` without one.",
            },
        }
    ),
    effects=frozenset(),
    runtime=Builtin(),
    limits=BUILTIN,
)


class TimeTool:
    """The `Handler` of `time`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Take the time from *now*, which answers with a zone."""
        self._now = now

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer one operation: the text to read, and every field of the time as structured content."""
        op = choice_or(call, "op", _Op.NOW)
        zone = _zone(text_or(call, "zone", "UTC"))
        try:
            return self._answer(call, op, zone)
        except OverflowError:
            raise InvalidRequest("`value` in `zone` is outside the years 1 to 9999") from None

    def _answer(self, call: Authorized, op: _Op, zone: tzinfo) -> Outcome:
        now = self._now()
        moment = now if op is _Op.NOW else _read(text(call, "value"), zone)
        match op:
            case _Op.NOW | _Op.CONVERT:
                local = moment.astimezone(zone)
                return _told(local.isoformat(), local)
            case _Op.PARSE:
                return _told(moment.isoformat(), moment)
            case _Op.FORMAT:
                return _told(format_datetime(moment.astimezone(UTC), usegmt=True), moment)
            case _Op.UNTIL:
                seconds = (moment - now).total_seconds()
                return Completed(content=(Text(text=f"{seconds:.3f}"),), structured={"seconds": seconds})
            case _:
                assert_never(op)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones, such as `Europe`
        raise InvalidRequest("`zone` is not an IANA zone name such as `Europe/Berlin`") from None


def _read(value: str, zone: tzinfo) -> datetime:
    moment: datetime | None = None
    for read in (_from_seconds, datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError, OverflowError, OSError):
            moment = read(value.strip())
            break
    if moment is None:
        raise InvalidRequest("`value` is not an ISO 8601, mail or HTTP date, nor seconds since 1970")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _from_seconds(value: str) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)


def _told(text_form: str, moment: datetime) -> Outcome:
    fields: dict[str, Json] = {
        "iso": moment.isoformat(),
        "unix": moment.timestamp(),
        "offset_seconds": int((moment.utcoffset() or datetime.resolution * 0).total_seconds()),
        "zone": moment.tzname(),
        "weekday": moment.strftime("%A"),
    }
    return Completed(content=(Text(text=text_form),), structured=fields)
