"""One call with every fact a policy could read of it, as plain values that can be kept and read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.contracts import Digest, Hint, Json, OperatorError, Principal, Scope, Standing, TenantId, ToolName

from ..around import Tooling

FORM: Final = 1
"""Of the JSON form; a reader refuses what it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInput:
    """One call as policy sees it. Nothing of it depends on which policies there are."""

    principal: Principal
    tool: ToolName
    definition: Digest
    """Of the tool as it was judged."""
    tooling: Tooling
    arguments: Mapping[str, Json]
    context: Mapping[str, Json]
    """Everything of `context`, in Cedar's JSON form: `{"facts": {"leaks": 0, …}, "input": {…}, …}`."""
    supposed: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Facts of `principal` and `resource` that a case supposes, by path. Not kept: no real call has any."""
    hidden: frozenset[str] = frozenset()
    """Facts that are not what policy saw, because something in them was redacted: `input.body`, `paths.text`."""

    def at(self, way: tuple[str, ...]) -> Json:
        """What stands at *way*, from `context` or `principal` on; None where nothing does."""
        held: Json = self._root(way[0])
        for name in way[1:]:
            held = held.get(name) if isinstance(held, Mapping) else None
        return held

    def put(self, changes: Mapping[tuple[str, ...], Json]) -> "PolicyInput":
        """The same call with each of *changes* in its place; None takes away what was there."""
        context: Json = dict(self.context)
        person = self._root("principal")
        for way, value in changes.items():
            if way[0] == "principal":
                person = _put(person, way[1:], value)
            else:
                context = _put(context, way[1:], value)
        return replace(
            self,
            context=context if isinstance(context, dict) else self.context,
            principal=_person(self.principal, person),
        )

    def with_arguments(self) -> "PolicyInput":
        """The same with arguments that are what `context.input` says."""
        held = _plain(self.at(("context", "input")))
        kept = {name: value for name, value in self.arguments.items() if isinstance(held, dict) and name in held}
        return replace(self, arguments={**kept, **held} if isinstance(held, dict) else self.arguments)

    def fact(self, name: str) -> Json:
        """The fact of `context` of that dotted name, or None."""
        return self.at(("context", *name.split(".", 1)))

    def _root(self, name: str) -> Json:
        if name == "context":
            return dict(self.context)
        if name != "principal":
            return None
        scopes: list[Json] = [scope.value for scope in sorted(self.principal.scopes)]
        return {"subject": self.principal.subject, "tenant": self.principal.tenant, "scopes": scopes}

    def to_json(self) -> dict[str, Json]:
        """As it is kept."""
        return {
            "form": FORM,
            "subject": self.principal.subject,
            "tenant": self.principal.tenant,
            "scopes": [scope.value for scope in sorted(self.principal.scopes)],
            "tool": self.tool,
            "definition": str(self.definition),
            "state": self.tooling.standing.value,
            "isolation": [*sorted(self.tooling.isolation)],
            "hints": [*sorted(self.tooling.hints)],
            "arguments": dict(self.arguments),
            "context": dict(self.context),
            "hidden": [*sorted(self.hidden)],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Json]) -> "PolicyInput":
        """What `to_json` wrote.

        Raises: OperatorError for another form.
        """
        try:
            if written["form"] != FORM:
                raise OperatorError("a recorded input is of another version of holdfast")
            arguments, context = written["arguments"], written["context"]
            scopes, hidden = written["scopes"], written["hidden"]
            if not (isinstance(arguments, dict) and isinstance(context, dict)):
                raise OperatorError("a recorded input is damaged")
            if not (isinstance(scopes, list) and isinstance(hidden, list)):
                raise OperatorError("a recorded input is damaged")
            principal = Principal(
                subject=str(written["subject"]),
                tenant=TenantId(str(written["tenant"])),
                scopes=frozenset(Scope(str(scope)) for scope in scopes),
            )
            return cls(
                principal=principal,
                tool=ToolName(str(written["tool"])),
                definition=Digest.parse(str(written["definition"])),
                tooling=_tooling(written),
                arguments=arguments,
                context=context,
                hidden=frozenset(map(str, hidden)),
            )
        except (KeyError, ValueError):
            raise OperatorError("a recorded input is damaged") from None


def _plain(value: Json) -> Json:
    """*value* in JSON's own form instead of Cedar's."""
    if isinstance(value, Mapping):
        written = value.get("__extn")
        if isinstance(written, Mapping):
            return float(str(written.get("arg")))
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _put(held: Json, way: tuple[str, ...], value: Json) -> Json:
    """*held* with *value* at *way*; what is no record on the way becomes one."""
    if not way:
        return value
    fields: dict[str, Json] = dict(held) if isinstance(held, Mapping) else {}
    inner = _put(fields.get(way[0]), way[1:], value)
    if inner is None:
        fields.pop(way[0], None)
    else:
        fields[way[0]] = inner
    return fields


def _person(was: Principal, written: Json) -> Principal:
    if not isinstance(written, Mapping):
        return was
    scopes = written.get("scopes")
    known = {scope.value for scope in Scope}
    held = scopes if isinstance(scopes, list) else []
    return replace(
        was,
        subject=str(written.get("subject", was.subject)),
        tenant=TenantId(str(written.get("tenant", was.tenant))),
        scopes=frozenset(Scope(str(one)) for one in held if one in known),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """A policy reads what this input does not hold, so what it would decide cannot be said."""

    facts: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return f"{', '.join(f'`{one}`' for one in self.facts)} {self.why}"


def _tooling(written: Mapping[str, Json]) -> Tooling:
    isolation, hints = written["isolation"], written["hints"]
    if not (isinstance(isolation, list) and isinstance(hints, list)):
        raise OperatorError("a recorded input is damaged")
    return Tooling(
        standing=Standing(str(written["state"])),
        isolation=frozenset(map(str, isolation)),
        hints=frozenset(Hint(str(hint)) for hint in hints),
    )
