"""What an operator says of how data flows: `[[labels]]` and `[[upstreams.tools]]`. Models only; they decide nothing."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from holdfast.contracts import Effect, FlowSpec, OperatorError, When
from holdfast.safety.flow import LabelRow, Word, check_template

from .table import Table

Text = Annotated[str, Field(min_length=1, max_length=1024)]


class LabelSettings(Table):
    """What is private, public, untrusted or trusted: files, hosts, or what an upstream's tools are asked for."""

    path: Text | None = None
    """Of the workspace: `inbox/**`."""
    host: Text | None = None
    """Exact or `*.suffix`; for `http_fetch`."""
    upstream: Text | None = None
    tool: Text | None = None
    """A pattern over the tools of that upstream."""
    argument: Text | None = None
    """The argument whose *values* this row is about; dotted."""
    values: tuple[Text, ...] = ()
    says: Annotated[tuple[Literal["private", "public", "untrusted", "trusted"], ...], Field(min_length=1, alias="is")]

    @model_validator(mode="after")
    def _makes_sense(self) -> "LabelSettings":
        try:
            self.row()
        except OperatorError as error:
            raise ValueError(error.message) from None
        return self

    def row(self) -> LabelRow:
        """As the matcher takes it. Raises: OperatorError."""
        return LabelRow(
            path=self.path,
            host=self.host,
            upstream=self.upstream,
            tool=self.tool,
            argument=self.argument,
            values=self.values,
            says=frozenset(Word(word) for word in self.says),
        )


class WhenSettings(Table):
    """Effects that a call has only with an argument, or with some of its values."""

    argument: Text
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)]
    values: tuple[Text, ...] = ()


class UpstreamToolSettings(Table):
    """What one tool of an upstream does; what is left out is taken from the upstream, or to be the worst."""

    name: Text
    effects: tuple[Effect, ...] | None = None
    when: tuple[WhenSettings, ...] = ()
    reads: tuple[Text, ...] | None = None
    writes: tuple[Text, ...] | None = None
    carries: tuple[Text, ...] = ()
    staged: bool = False
    decisive: tuple[Text, ...] | None = None
    receivers: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> "UpstreamToolSettings":
        declared = frozenset(Effect) if self.effects is None else frozenset(self.effects)
        for when in self.when:
            if not declared.issuperset(when.effects):
                raise ValueError("`when` names an effect that the tool's `effects` do not have")
        if self.staged and self.writes is None:
            raise ValueError("`staged` needs `writes`: the place that keeps the labels of what is written")
        if self.staged and Effect.WRITE not in declared:
            raise ValueError("`staged` is about writing; the tool's `effects` do not have `write`")
        try:
            for template in (*(self.reads or ()), *(self.writes or ())):
                check_template(template, result=True)
            for template in self.carries:
                check_template(template, result=False)
        except OperatorError as error:
            raise ValueError(error.message) from None
        return self

    def flow(self) -> FlowSpec:
        """As a tool's spec carries it."""
        return FlowSpec(
            when=tuple(
                When(argument=one.argument, effects=frozenset(one.effects), values=one.values) for one in self.when
            ),
            reads=self.reads,
            writes=self.writes,
            carries=self.carries,
            staged=self.staged,
            decisive=self.decisive,
            receivers=self.receivers,
        )
