"""One call with every fact a policy could read of it, as plain values that can be kept and read back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from holdfast.contracts import Digest, Json, OperatorError, Principal, Scope, Standing, TenantId, ToolName

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
    hidden: frozenset[str] = frozenset()
    """Facts that are not what policy saw, because something in them was redacted: `input.body`, `paths.text`."""

    def with_facts(self, facts: Mapping[str, Json]) -> "PolicyInput":
        """The same call with *facts*, by their dotted names; None takes one away."""
        context: dict[str, Json] = dict(self.context)
        for name, value in facts.items():
            attribute, _, field = name.partition(".")
            if not field:
                context[attribute] = value
                continue
            held = context.get(attribute)
            fields = dict(held) if isinstance(held, Mapping) else {}
            if value is None:
                fields.pop(field, None)
            else:
                fields[field] = value
            context[attribute] = fields
        return replace(self, context=context)

    def fact(self, name: str) -> Json:
        """The fact of that dotted name, or None."""
        attribute, _, field = name.partition(".")
        held = self.context.get(attribute)
        if not field:
            return held
        return held.get(field) if isinstance(held, Mapping) else None

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
                tooling=Tooling(standing=Standing(str(written["state"]))),
                arguments=arguments,
                context=context,
                hidden=frozenset(map(str, hidden)),
            )
        except (KeyError, ValueError):
            raise OperatorError("a recorded input is damaged") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """A policy reads what this input does not hold, so what it would decide cannot be said."""

    facts: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return f"{', '.join(f'`{one}`' for one in self.facts)} {self.why}"
