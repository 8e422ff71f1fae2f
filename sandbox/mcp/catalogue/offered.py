"""Reads what an upstream offers besides tools: prompts, resources, templates, instructions. Pure; approves nothing.

1. A digest is over what is served, so whatever a model could read is pinned; a resource's size and age are not in it,
   since they change with its content.
2. Prose is cleaned of what nobody sees. Names and URIs are never cleaned: one that hides something is withheld.
3. Of two with one name neither is served: there is no telling which one was meant.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from holdfast.contracts import Digest, PromptArgument, PromptOffer, ResourceOffer, TemplateOffer, ToolError
from holdfast.contracts.json_values import Json, canonical, map_strings, strings

from ..config import Prefix, UpstreamConfig
from .definitions import MAX_ALL_OBJECTS, MAX_DESCRIPTION, Definition, Tools, objects_in, size_fault
from .kinds import Kind, Quarantined, key_of
from .names import alike, hides, name_fault, served_name, shown
from .templates import is_uri, template_of

MAX_ARGUMENTS: Final = 64
"""Arguments of one prompt. Those of the reference servers have two at most."""

MAX_INSTRUCTIONS: Final = 32 * 1024
"""Characters. GitHub's own server has about 2,000."""

_LABEL: Final = 200
_NAME: Final = 256
_MOST_BYTES: Final = 1 << 53
_MEDIA_TYPE: Final = 200


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a server says about itself. Shown to operators; no client is handed it."""

    text: str


Offer: TypeAlias = PromptOffer | ResourceOffer | TemplateOffer | Guidance


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One prompt, resource, template or instructions of an upstream, as it would be served."""

    upstream: str
    kind: Kind
    name: str
    """The upstream's own: a prompt's name, a URI, a template; empty for instructions."""
    offer: Offer
    digest: Digest
    """Over the canonical JSON of everything served, annotations, icons and `_meta` included."""
    cleaned: bool
    """Whether hidden characters were taken out of its texts."""

    @property
    def key(self) -> str:
        """What its approval is kept under."""
        return key_of(self.kind, self.name)

    @property
    def title(self) -> str | None:
        """The title, where there is one."""
        return None if isinstance(self.offer, Guidance) else self.offer.title

    @property
    def description(self) -> str:
        """The text that describes it; of instructions, all of it."""
        return self.offer.text if isinstance(self.offer, Guidance) else self.offer.description


Defined: TypeAlias = Definition | Offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that one upstream offered at one moment."""

    definitions: tuple[Definition, ...] = ()
    offered: tuple[Offered, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()

    @property
    def all(self) -> tuple[Defined, ...]:
        """Every definition, of whatever kind."""
        return (*self.definitions, *self.offered)


def joined(parts: Sequence[Tools | Listing]) -> Listing:
    """All of *parts* as one listing."""
    return Listing(
        definitions=tuple(one for part in parts for one in part.definitions),
        offered=tuple(one for part in parts if isinstance(part, Listing) for one in part.offered),
        quarantined=tuple(one for part in parts for one in part.quarantined),
    )


def read_offers(config: UpstreamConfig, kind: Kind, raws: Sequence[Json]) -> Listing:
    """Sort what an upstream listed as *kind* into definitions and what is withheld with its reason."""
    good: list[Offered] = []
    bad: list[Quarantined] = []
    room = MAX_ALL_OBJECTS
    for raw in raws:
        room -= objects_in(raw)
        outcome = _define(config, kind, raw, room=room)
        if isinstance(outcome, Offered):
            good.append(outcome)
        else:
            bad.append(outcome)
    return _without_twins(good, bad)


def read_instructions(config: UpstreamConfig, text: str | None) -> Listing:
    """What a server says about itself, as a definition to look at."""
    if not text:
        return Listing()
    if len(text) > MAX_INSTRUCTIONS:
        reason = f"longer than {MAX_INSTRUCTIONS} characters"
        return Listing(quarantined=(Quarantined(kind=Kind.INSTRUCTIONS, name="", reason=reason),))
    offer = Guidance(shown(text))
    digest = Digest.of(canonical({"kind": Kind.INSTRUCTIONS.value, "text": offer.text}))
    made = Offered(
        upstream=config.name,
        kind=Kind.INSTRUCTIONS,
        name="",
        offer=offer,
        digest=digest,
        cleaned=hides(text),
    )
    return Listing(offered=(made,))


def served_uri(config: UpstreamConfig, uri: str) -> str:
    """*uri*, or a template, of *config*'s server as clients know it."""
    return f"{config.name}+{uri}" if config.prefix is Prefix.NAME else uri


def _define(config: UpstreamConfig, kind: Kind, raw: Json, *, room: int) -> Offered | Quarantined:
    if not isinstance(raw, dict):
        return Quarantined(kind=kind, name="?", reason="the definition is not an object")
    name = raw.get(_identity(kind))
    if not isinstance(name, str):
        return Quarantined(kind=kind, name="?", reason=f"the definition has no `{_identity(kind)}`")
    fault = _name_fault(kind, name) or size_fault(raw, canonical(raw), room) or _text_fault(raw)
    try:
        if fault is None:
            return _clean(config, kind, raw, name)
    except ToolError as error:
        fault = error.message
    return Quarantined(kind=kind, name=shown(name)[:_LABEL] or "?", reason=fault)


def _identity(kind: Kind) -> str:
    match kind:
        case Kind.RESOURCE:
            return "uri"
        case Kind.TEMPLATE:
            return "uriTemplate"
        case Kind.PROMPT | Kind.TOOL | Kind.INSTRUCTIONS:
            return "name"
        case _:
            assert_never(kind)


def _name_fault(kind: Kind, name: str) -> str | None:
    match kind:
        case Kind.PROMPT | Kind.TOOL | Kind.INSTRUCTIONS:
            return name_fault(name)
        case Kind.RESOURCE:
            return None if is_uri(name) else "the URI is not a scheme and printable ASCII without spaces"
        case Kind.TEMPLATE:
            return None if template_of(name) else "the URI template is not one of RFC 6570 with a scheme of its own"
        case _:
            assert_never(kind)


def _text_fault(raw: Mapping[str, Json]) -> str | None:
    for key in ("title", "description", "mimeType"):
        text = raw.get(key)
        if text is not None and not isinstance(text, str):
            return f"`{key}` is not a string"
        if isinstance(text, str) and len(text) > MAX_DESCRIPTION:
            return f"`{key}` is longer than {MAX_DESCRIPTION} characters"
    for key in ("annotations", "_meta"):
        if raw.get(key) is not None and not isinstance(raw[key], dict):
            return f"`{key}` is not an object"
    return None


def _clean(config: UpstreamConfig, kind: Kind, raw: Mapping[str, Json], name: str) -> Offered:
    offer = _prompt(config, raw, name) if kind is Kind.PROMPT else _document(config, kind, raw, name)
    annotations = map_strings(raw.get("annotations") or {}, shown)
    kept: dict[str, Json] = {
        "kind": kind.value,
        "name": name,
        "offer": _pinned(offer),
        "annotations": {key: value for key, value in annotations.items() if key != "lastModified"}
        if isinstance(annotations, dict)
        else {},
        "icons": raw.get("icons"),
        "_meta": raw.get("_meta"),
    }
    return Offered(
        upstream=config.name,
        kind=kind,
        name=name,
        offer=offer,
        digest=Digest.of(canonical(kept)),
        cleaned=any(hides(text) for text in strings(dict(raw))),
    )


def _prompt(config: UpstreamConfig, raw: Mapping[str, Json], name: str) -> PromptOffer:
    served, listed = served_name(config.name, name, config.prefix), raw.get("arguments")
    if served is None:
        raise ToolError("the name cannot be served")
    if listed is not None and (not isinstance(listed, list) or len(listed) > MAX_ARGUMENTS):
        raise ToolError(f"`arguments` is not a list of at most {MAX_ARGUMENTS}")
    arguments = tuple(map(_argument, listed or ()))
    if len({one.name for one in arguments}) != len(arguments):
        raise ToolError("two arguments have the same name")
    return PromptOffer(name=served, title=_title(raw), description=_description(raw), arguments=arguments)


def _argument(raw: Json) -> PromptArgument:
    name = raw.get("name") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(name, str):
        raise ToolError("an argument has no name")
    if not 1 <= len(name) <= _NAME or hides(name):
        raise ToolError(f"an argument's name is not 1 to {_NAME} characters that can be seen")
    if _text_fault(raw) is not None or not isinstance(raw.get("required", False), bool | None):
        raise ToolError("an argument is out of shape")
    return PromptArgument(
        name=name, title=_title(raw), description=_description(raw), required=raw.get("required") is True
    )


def _document(config: UpstreamConfig, kind: Kind, raw: Mapping[str, Json], uri: str) -> ResourceOffer | TemplateOffer:
    name, media_type, size = raw.get("name"), raw.get("mimeType"), raw.get("size")
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME:
        raise ToolError(f"`name` is not 1 to {_NAME} characters")
    if isinstance(media_type, str) and (len(media_type) > _MEDIA_TYPE or not _plain(media_type)):
        raise ToolError("`mimeType` is not a media type")
    media = media_type if isinstance(media_type, str) else None
    if kind is Kind.TEMPLATE:
        return TemplateOffer(
            uri_template=served_uri(config, uri),
            name=shown(name),
            title=_title(raw),
            description=_description(raw),
            media_type=media,
        )
    counted = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < _MOST_BYTES
    return ResourceOffer(
        uri=served_uri(config, uri),
        name=shown(name),
        title=_title(raw),
        description=_description(raw),
        media_type=media,
        size=size if counted and isinstance(size, int) else None,
    )


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _title(raw: Mapping[str, Json]) -> str | None:
    title = raw.get("title")
    return shown(title) if isinstance(title, str) else None


def _description(raw: Mapping[str, Json]) -> str:
    return shown(str(raw.get("description") or ""))


def _pinned(offer: Offer) -> dict[str, Json]:
    """What of *offer* is pinned. Not its served name or URI: those follow from its own, which is pinned beside it."""
    match offer:
        case PromptOffer(arguments=arguments):
            return {
                "title": offer.title,
                "description": offer.description,
                "arguments": [argument_json(one) for one in arguments],
            }
        case ResourceOffer() | TemplateOffer():
            return {
                "name": offer.name,
                "title": offer.title,
                "description": offer.description,
                "media_type": offer.media_type,
            }
        case Guidance(text=text):
            return {"text": text}
        case _:
            assert_never(offer)


def argument_json(argument: PromptArgument) -> dict[str, Json]:
    """*argument* as it is pinned and shown."""
    return {
        "name": argument.name,
        "title": argument.title,
        "description": argument.description,
        "required": argument.required,
    }


def _without_twins(good: Sequence[Offered], bad: Sequence[Quarantined]) -> Listing:
    names = Counter(one.name for one in good)
    served = Counter(one.offer.name for one in good if isinstance(one.offer, PromptOffer))
    likes = alike([one.name for one in good if one.kind is Kind.PROMPT])
    kept: list[Offered] = []
    twins: dict[str, Quarantined] = {}
    for one in good:
        alone = not isinstance(one.offer, PromptOffer) or served[one.offer.name] == 1
        if names[one.name] == 1 and alone and one.name not in likes:
            kept.append(one)
        else:
            like = likes.get(one.name)
            reason = (
                f"its name reads like that of the prompt `{like}`" if like else f"another {one.kind} has the same name"
            )
            twins[one.name] = Quarantined(kind=one.kind, name=one.name[:_LABEL], reason=reason)
    return Listing(offered=tuple(kept), quarantined=(*bad, *twins.values()))
