"""Writes resources, templates and prompts in MCP's terms. It adds no word that nobody approved."""

import mcp.types as t

from holdfast.contracts import Offers, PromptArgument, PromptOffer, ResourceOffer, TemplateOffer


def resource_of(offer: ResourceOffer) -> t.Resource:
    """*offer* as it is listed."""
    return t.Resource(
        uri=offer.uri,
        name=offer.name,
        title=offer.title,
        description=offer.description or None,
        mime_type=offer.media_type,
        size=offer.size,
    )


def template_of(offer: TemplateOffer) -> t.ResourceTemplate:
    """*offer* as it is listed."""
    return t.ResourceTemplate(
        uri_template=offer.uri_template,
        name=offer.name,
        title=offer.title,
        description=offer.description or None,
        mime_type=offer.media_type,
    )


def prompt_of(offer: PromptOffer) -> t.Prompt:
    """*offer* as it is listed."""
    return t.Prompt(
        name=offer.name,
        title=offer.title,
        description=offer.description or None,
        arguments=[_argument(one) for one in offer.arguments] or None,
    )


def described(offers: Offers, name: str) -> str | None:
    """The approved description of the prompt *name*."""
    return next((one.description or None for one in offers.prompts if one.name == name), None)


def _argument(argument: PromptArgument) -> t.PromptArgument:
    return t.PromptArgument(
        name=argument.name,
        title=argument.title,
        description=argument.description or None,
        required=argument.required,
    )
