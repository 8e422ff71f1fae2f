"""Text for a terminal, without anything that a terminal or rich would act on. It prints nothing."""

from rich.markup import escape


def visible(text: str) -> str:
    """*text* without anything a terminal would act on."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def plain(text: str) -> str:
    """*text* without anything a terminal or rich would act on."""
    return escape(visible(text))
