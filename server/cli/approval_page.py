"""One approval as a person reads it before answering: what, why, by whom, how it came about. It leaves nothing out."""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from holdfast.contracts import Json, JsonObject

from .pages import Page, kind

_SINKS: Final[Mapping[str, str]] = {
    "none": "reads at most: nothing is kept or sent",
    "query": "asks somebody outside: its arguments leave, for an answer",
    "stage": "writes something new that stays put and keeps its labels",
    "change": "writes",
    "send": "sends: its arguments leave, for somebody to keep",
    "execute": "runs a program",
    "spend": "spends",
}
_UNKNOWN: Final = "is not known to do less than everything"


def approval_page(record: JsonObject) -> str:
    """All of *record*, as `approvals.show` answers it, in lines for a terminal."""
    page = Page()
    page.head(f"approval {_text(record, 'id')}: {_text(record, 'state')}")
    page.line(f"asked {_text(record, 'created_at')}, until {_text(record, 'expires_at')}")
    _asked(page, record)
    _why(page, record)
    _who(page, record)
    _history(page, record)
    _effect(page, record)
    _carried(page, record)
    _files(page, record)
    _hints(page, _object(record, "facts"))
    _bound(page, record)
    return page.text()


def _asked(page: Page, record: JsonObject) -> None:
    arguments = _object(record, "arguments")
    page.head("what is asked")
    page.line(f"tool {_text(record, 'tool')}" + ("" if arguments else ", without arguments"))
    for name, value in arguments.items():
        page.line(f"argument {name} ({kind(value)})")
        page.value(value)


def _why(page: Page, record: JsonObject) -> None:
    page.head("why it asks")
    reasons = _object(record, "reasons")
    for one in _list(record, "forbids"):
        page.line(f"{one}: {reasons.get(str(one)) or 'this policy is not loaded any more'}")
    if record.get("level") == "always":
        page.line("each call is asked anew; no lease lifts this")


def _who(page: Page, record: JsonObject) -> None:
    page.head("who")
    page.line(f"{_text(record, 'principal')} of tenant {_text(record, 'tenant')}, call {_text(record, 'call_id')}")
    line = record.get("lineage")
    below = "" if line in (None, record.get("session")) else f", below session {line}"
    page.line(f"session {_text(record, 'session')}{below}")
    page.line(f"it holds: {_joined(_list(record, 'labels')) or 'nothing private, no text from strangers'}")


def _history(page: Page, record: JsonObject) -> None:
    taught = _objects(record, "flow")
    if not taught and not _list(record, "labels"):
        return
    page.head("what taught it that, oldest first")
    for source in taught:
        page.line(f"{_joined(_list(source, 'labels'))}: {_text(source, 'tool')} at {_text(source, 'at')}")
        for place in _list(source, "places"):
            page.line(f"from {place}", deep=4)
        page.line(f"call {_text(source, 'call_id')}", deep=4)
    if not taught:
        page.line("not by a call: its host began it so, or what taught it is not kept any more")


def _effect(page: Page, record: JsonObject) -> None:
    facts = _object(record, "facts")
    if not facts:
        return
    page.head("what it would do")
    sink = str(facts.get("sink"))
    page.line(f"it {_SINKS.get(sink, _UNKNOWN)} (effects: {_joined(_list(facts, 'effects')) or 'none'})")
    if sink != "none":
        _chosen(page, facts)
    for label in ("private", "untrusted"):
        if facts.get(label) is True and label not in _list(record, "labels"):
            page.line(f"it acts on something {label} that the session itself has not read")
    if record.get("ran_before") is not None:
        page.line(f"the same call already ran, as {_text(record, 'ran_before')}")


def _chosen(page: Page, facts: JsonObject) -> None:
    if facts.get("args_from_user") is True:
        page.line("what decides its effect is in the user's request, or on the operator's list")
    else:
        page.line("what decides its effect is not in the user's request: somebody else may have chosen it")
    if facts.get("receivers_listed") is True:
        page.line("everybody who gets it is on the operator's list")


def _carried(page: Page, record: JsonObject) -> None:
    writes = _objects(_object(record, "facts"), "carries")
    if not writes:
        return
    page.head("what it would carry along, which no argument shows; newest first")
    for write in writes:
        page.line(f"{_joined(_list(write, 'labels'))}: {_text(write, 'place')}")
        page.line(f"written by {_text(write, 'tool')} at {_text(write, 'at')}", deep=4)
        page.line(f"call {_text(write, 'call_id')}, session {_text(write, 'session')}", deep=4)
        if write.get("arguments") is None:
            page.line("with arguments that are not kept: files, or more than 64 KiB; look at the place itself", deep=4)
        for name, value in _object(write, "arguments").items():
            page.line(f"{name} ({kind(value)})", deep=4)
            page.value(value, deep=6)


def _files(page: Page, record: JsonObject) -> None:
    named, unresolved = _objects(record, "references"), _list(record, "unresolved")
    if named:
        page.head("files it names; a change to one voids the approval")
        for file in named:
            page.line(_text(file, "path"))
            page.line(_text(file, "digest"), deep=4)
    if unresolved:
        page.head("what it names and could not be told: look yourself")
        for one in unresolved:
            page.line(str(one))


def _hints(page: Page, facts: JsonObject) -> None:
    """Advisory: fingerprints may ask or explain, and their silence says nothing."""
    if facts.get("sink") == "none" or not (facts.get("private") or facts.get("untrusted")):
        return  # then nobody looked
    page.head("what its arguments look like (a hint; finding nothing proves nothing)")
    looks = {
        "args_contain_private": "like something private that was read",
        "args_from_untrusted": "like something that a stranger wrote",
    }
    found = [text for name, text in looks.items() if facts.get(name) is True]
    for text in found or ["like nothing that was read here"]:
        page.line(text)


def _bound(page: Page, record: JsonObject) -> None:
    page.head("what an approval is bound to")
    for name in ("digest", "definition", "policy", "carried"):
        if record.get(name) is not None:
            page.line(f"{name} {_text(record, name)}")


def _text(record: JsonObject, name: str) -> str:
    value = record.get(name)
    return "-" if value is None else str(value)


def _object(record: JsonObject, name: str) -> JsonObject:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(record: JsonObject, name: str) -> list[Json]:
    value = record.get(name)
    return value if isinstance(value, list) else []


def _objects(record: JsonObject, name: str) -> list[JsonObject]:
    return [cast("JsonObject", one) for one in _list(record, name) if isinstance(one, Mapping)]


def _joined(values: Iterable[Json]) -> str:
    return ", ".join(str(one) for one in values)
