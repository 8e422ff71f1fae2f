"""Writes names and lines so that they stay on one line; never loses a character, only spells it out."""

import unicodedata


def on_one_line(text: str) -> str:
    r"""*text* with controls, line breaks and invisible characters as escapes (`\n`, `\u202e`): one name, one line."""
    if text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def _spelled(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) in {"Zs", "Co"}:
        return char
    return char.encode("unicode_escape").decode("ascii")
