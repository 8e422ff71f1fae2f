"""What the house answers to whichever face asked: values only."""

from dataclasses import dataclass

from holdfast.contracts import Digest, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What a scan found, and the text with it taken out."""

    findings: tuple[Finding, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A tool that was taken in; nothing may call it until its state is `approved`."""

    name: str
    version: str
    module: Digest
    definition: Digest
    state: str
    notes: tuple[str, ...] = ()
    manifest: str | None = None
    """Where it was drafted from source text: what was registered, to be kept beside it."""
    signer: str | None = None
    """The trusted key that signed it."""
