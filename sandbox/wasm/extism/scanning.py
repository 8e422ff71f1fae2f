"""Judges what a plugin imports and exports, before it is compiled. It refuses what nothing of ours would answer."""

from typing import Final

from ..report import Export, Import, ModuleRefused, Offer, shown
from .interface import ENV, USER, Style, callables, capabilities, is_notice, signature, style_of

_FUNCTIONS: Final = 256
"""The most functions of a plain plugin that are offered: more is no plugin but a library."""
_SHOWN: Final = 8

_INPUT: Final = {
    "type": "object",
    "properties": {
        "input": {"description": "What the function reads: a text as it is, anything else as JSON"},
        "input_base64": {"type": "string", "description": "What the function reads, when it is not text"},
    },
}


def is_plugin(imports: tuple[Import, ...]) -> bool:
    """Whether a module with *imports* was made for Extism."""
    return any(item.module in {ENV, USER} for item in imports)


def check_plugin(imports: tuple[Import, ...], exports: tuple[Export, ...]) -> None:
    """Refuse a plugin that could not be linked or called. Its imports from WASI are not looked at here.

    Raises: ModuleRefused.
    """
    for item in imports:
        if item.module not in {ENV, USER}:
            continue
        if item.kind != "func":
            raise ModuleRefused(f"a plugin imports functions only, not the {item.kind} `{shown(item.name)}`")
        if item.module == ENV:
            _check_env(item)
    functions = _functions(exports)
    if not functions:
        raise ModuleRefused("the plugin exports no function without parameters")
    if len(functions) > _FUNCTIONS and style_of(functions) is Style.PLAIN:
        raise ModuleRefused(f"the plugin exports more than {_FUNCTIONS} functions without parameters")


def plugin_capabilities(imports: tuple[Import, ...]) -> tuple[str, ...]:
    """The host functions of ours that a plugin with *imports* can reach."""
    return capabilities(item.name for item in imports if item.module == ENV)


def plugin_notes(imports: tuple[Import, ...], exports: tuple[Export, ...]) -> tuple[str, ...]:
    """What whoever registers the plugin should know of it."""
    style = style_of(_functions(exports))
    said = [_STYLES[style]]
    theirs = {item.name: is_notice(item.name, item.type) for item in imports if item.module == USER}
    user = sorted(name for name, notice in theirs.items() if not notice)
    if any(theirs.values()):
        said.append("sends notices to its host, which nobody here reads")
    if user:
        more = f" and {len(user) - _SHOWN} more" if len(user) > _SHOWN else ""
        named = ", ".join(f"`{shown(name)}`" for name in user[:_SHOWN])
        said.append(f"imports functions of another host, which trap when they are called: {named}{more}")
    if any(item.module == ENV and item.name == "config_get" for item in imports):
        said.append("asks for configuration values, and there are none")
    return tuple(said)


def plugin_offers(exports: tuple[Export, ...]) -> tuple[Offer, ...]:
    """The functions of a plain plugin, by its exports; none for a plugin that must be asked (`describing`)."""
    functions = _functions(exports)
    if style_of(functions) is not Style.PLAIN:
        return ()
    return tuple(
        Offer(name=name, description=f"Calls `{shown(name)}` of an Extism plugin", input_schema=dict(_INPUT))
        for name in functions
    )


def plugin_style(exports: tuple[Export, ...]) -> Style:
    """How a plugin with *exports* is spoken to."""
    return style_of(_functions(exports))


_STYLES: Final = {
    Style.PLAIN: "an Extism plugin: each export without parameters is a function, bytes in and bytes out",
    Style.V1: "a plugin for MCP (`describe` and `call`)",
    Style.V2: "a hyper-mcp plugin (`list_tools` and `call_tool`)",
}


def _functions(exports: tuple[Export, ...]) -> tuple[str, ...]:
    return callables((item.name, item.type) for item in exports if item.kind == "func")


def _check_env(item: Import) -> None:
    wanted = signature(item.name)
    if wanted is None:
        raise ModuleRefused(f"nothing answers the import `{ENV}.{shown(item.name)}`")
    if item.type != wanted:
        raise ModuleRefused(f"the import `{shown(item.name)}` has another type than Extism gives it")
