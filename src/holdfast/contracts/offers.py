"""What MCP servers offer besides tools: resources, templates, prompts. Values only; approves and reads nothing.

Names and URIs in here are as served. A served URI is `server+URI`: a server's name has no `+`, so it splits at the
first one, and no two servers share a URI. A single wrapped server keeps its own.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceOffer:
    """One document that can be read by its URI."""

    uri: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None
    size: int | None = None
    """In bytes, as its server says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateOffer:
    """Documents whose URIs follow one pattern (RFC 6570)."""

    uri_template: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptArgument:
    """One word that a prompt takes."""

    name: str
    title: str | None = None
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOffer:
    """One prompt, named as tools are."""

    name: str
    title: str | None = None
    description: str = ""
    arguments: tuple[PromptArgument, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Everything approved that is no tool, each kind in a stable order."""

    resources: tuple[ResourceOffer, ...] = ()
    templates: tuple[TemplateOffer, ...] = ()
    prompts: tuple[PromptOffer, ...] = field(default=())
