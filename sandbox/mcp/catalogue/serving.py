"""What one server offers besides tools, as clients know it, and the way back to the server's own names. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.contracts import (
    Digest,
    Method,
    Offers,
    PromptOffer,
    ResourceOffer,
    TemplateOffer,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.json_values import Json

from ..config import Prefix, ToolEntry, UpstreamConfig
from .names import MARK
from .pins import CatalogueDiff, spec_of
from .templates import UriTemplate, climbs, is_uri, template_of

_TEXTS: Final[dict[str, Json]] = {"type": "object", "additionalProperties": {"type": "string"}}
_TEXT: Final[dict[str, Json]] = {"type": "string"}

_SHAPES: Final[Mapping[Method, tuple[str, str, dict[str, Json], tuple[str, ...]]]] = {
    Method.RESOURCE: ("resources__read", "reads a resource of", {"uri": _TEXT}, ("uri",)),
    Method.PROMPT: ("prompts__get", "fills in a prompt of", {"name": _TEXT, "arguments": _TEXTS}, ("name",)),
    Method.COMPLETION: (
        "completion__complete",
        "asks for words that complete an argument of",
        {
            "kind": {"type": "string", "enum": ["prompt", "resource"]},
            "ref": _TEXT,
            "argument": _TEXT,
            "value": _TEXT,
            "context": _TEXTS,
        },
        ("kind", "ref", "argument", "value"),
    ),
    Method.ELICITATION: ("elicitation__create", "puts a question to the user, on behalf of", {}, ()),
    Method.SAMPLING: ("sampling__create", "asks the user's model, on behalf of", {}, ()),
    Method.ROOTS: ("roots__list", "asks which folders the user works in, on behalf of", {}, ()),
}


def reserved_name(config: UpstreamConfig, method: Method) -> ToolName:
    """The name of the spec for *method*, which is not `tools/call`. No tool's name of a server has its `__`."""
    lead = f"{config.name}{MARK}" if config.prefix is Prefix.NAME else ""
    return ToolName(lead + _SHAPES[method][0])


def reserved_spec(config: UpstreamConfig, method: Method) -> ToolSpec:
    """What *method* on *config*'s server is, as a spec to judge calls by. Its entry may be `[[upstreams.tools]]`.

    The effects are the server's, unless a row of that kind called `resources/read` and so on says others.
    """
    _name, words, properties, required = _SHAPES[method]
    schema: dict[str, Json] = {"type": "object", "properties": properties, "required": list(required)}
    if required:
        schema["additionalProperties"] = False
    entry = config.tools.get(method.value, ToolEntry())
    return ToolSpec(
        name=reserved_name(config, method),
        description=f"{words} the server `{config.name}`",
        input_schema=schema,
        effects=config.effects if entry.effects is None else entry.effects,
        flow=entry.flow,
        runtime=Upstream(config.name, "", method, enveloped=config.enveloped),
        limits=config.limits,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is approved of one server, found by either name."""

    config: UpstreamConfig
    tools: Mapping[str, Digest] = field(default_factory=dict[str, Digest])
    """By the server's own name: the digest of the spec, which a call must have been authorized with."""
    offers: Offers = field(default_factory=Offers)
    resources: frozenset[str] = frozenset()
    """By the server's own URI."""
    templates: Mapping[str, UriTemplate] = field(default_factory=dict[str, UriTemplate])
    """By the server's own text."""
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    """From the served name to the server's own."""
    completes: bool = False
    """Whether the server says that it completes arguments."""

    def reads(self, uri: str) -> bool:
        """Whether the server's own *uri* is an approved resource, or follows an approved template."""
        if uri in self.resources:
            return True
        return is_uri(uri) and not climbs(uri) and any(one.matches(uri) for one in self.templates.values())

    def own_uri(self, served: str) -> str | None:
        """The server's own form of a served URI or template; None when it is another server's."""
        if self.config.prefix is Prefix.NONE:
            return served
        lead = f"{self.config.name}+"
        return served.removeprefix(lead) if served.startswith(lead) else None

    def own(self, method: Method, served: str) -> str | None:
        """What the server calls *served*, which *method* is asked of; None when it offers nothing of that name."""
        uri = self.own_uri(served)
        match method:
            case Method.RESOURCE:
                return uri if uri is not None and self.reads(uri) else None
            case Method.PROMPT:
                return self.prompts.get(served)
            case Method.COMPLETION if self.completes:
                known = uri is not None and (uri in self.templates or uri in self.resources)
                return self.prompts.get(served) or (uri if known else None)
            case _:
                return None

    def methods(self) -> tuple[Method, ...]:
        """Which calls besides `tools/call` there is something to ask for."""
        found: list[Method] = []
        if self.resources or self.templates:
            found.append(Method.RESOURCE)
        if self.prompts:
            found.append(Method.PROMPT)
        if self.completes and (self.prompts or self.templates):
            found.append(Method.COMPLETION)
        return tuple(found)


def served_of(config: UpstreamConfig, diff: CatalogueDiff, *, completes: bool) -> Served:
    """What is approved in *diff*, ready to be looked up."""
    resources: list[ResourceOffer] = []
    templates: list[TemplateOffer] = []
    prompts: dict[str, str] = {}
    offers: list[PromptOffer] = []
    uris: list[str] = []
    patterns: dict[str, UriTemplate] = {}
    for one in diff.approved_offers():
        match one.offer:
            case ResourceOffer() as offer:
                resources.append(offer)
                uris.append(one.name)
            case TemplateOffer() as offer:
                pattern = template_of(one.name)
                if pattern is not None:
                    templates.append(offer)
                    patterns[one.name] = pattern
            case PromptOffer() as offer:
                offers.append(offer)
                prompts[offer.name] = one.name
            case _:
                pass  # instructions are shown to operators only
    return Served(
        config=config,
        tools={one.tool: spec_of(one, config).digest for one in diff.approved()},
        offers=Offers(resources=tuple(resources), templates=tuple(templates), prompts=tuple(offers)),
        resources=frozenset(uris),
        templates=patterns,
        prompts=prompts,
        completes=completes,
    )


def all_offers(servers: Iterable[Served], forged: Callable[[str, UpstreamConfig], bool]) -> Offers:
    """What all *servers* offer but what is *forged*: under a name that is another server's."""
    resources: list[ResourceOffer] = []
    templates: list[TemplateOffer] = []
    prompts: list[PromptOffer] = []
    for server in servers:
        config, offers = server.config, server.offers
        resources += (one for one in offers.resources if not forged(one.uri, config))
        templates += (one for one in offers.templates if not forged(one.uri_template, config))
        prompts += (one for one in offers.prompts if not forged(one.name, config))
    return Offers(resources=tuple(resources), templates=tuple(templates), prompts=tuple(prompts))
