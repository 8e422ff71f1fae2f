"""What an operator says of personal data: `[pii]`. A model only; it decides nothing."""

from typing import Annotated

from pydantic import AfterValidator, model_validator

from holdfast.safety.pii import CLASSES

from .table import Table


def _known(classes: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(classes) - set(CLASSES))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no class of personal data: use {', '.join(CLASSES)}")
    return classes


Classes = Annotated[tuple[str, ...], AfterValidator(_known)]


class PiiSettings(Table):
    """What is taken out of output, and what is not even noted."""

    redact: Classes = ()
    """Classes replaced by `[REDACTED:pii-...]` in whatever a tool says; the others are notes."""
    off: Classes = ("network",)
    """Classes that are not looked for: addresses of machines are everywhere in what tools say."""

    @model_validator(mode="after")
    def _what_is_off_is_not_redacted(self) -> "PiiSettings":
        both = sorted(set(self.redact) & set(self.off))
        if both:
            raise ValueError(f"`{both[0]}` stands in `redact` and in `off`; what is not looked for is not redacted")
        return self
