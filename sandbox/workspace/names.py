"""Which names may not be written, decided over the names alone; never looks at the file system.

1. A name is compared after folding, so that no spelling a file system, editor or reader takes for it gets past.
2. Every component of a path counts: `.git` protects all that is beneath it, at any depth.
3. Names given in the configuration only add. A built-in name goes away only when it is released by name.
"""

import re
import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import InvalidRequest, OperatorError

from .refusals import protected_name

PROTECTED_NAMES: Final[frozenset[str]] = frozenset(
    {
        # Version control and remote access: hooks, aliases and `ProxyCommand` start programs.
        *(".git", "git~1", ".gitconfig", ".ssh"),
        # Agents and editors: their settings name programs that are started when a folder is opened.
        *(".mcp.json", ".claude", ".claude.json", ".codex", ".gemini", ".cursor", ".windsurf"),
        *(".vscode", ".idea", ".zed"),
        # Shells and sessions: read at the start of the next terminal.
        *(".profile", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases"),
        *(".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".kshrc", ".mkshrc", ".cshrc", ".tcshrc"),
        *(".login", ".logout", "config.fish", ".envrc", ".pam_environment", ".inputrc"),
        *(".xprofile", ".xinitrc", ".xsession", ".xsessionrc"),
        # Ours: a configuration found in the working folder would be read by the next start.
        *("holdfast.toml", "holdfast.lock", ".holdfast"),
    }
)
"""DESIGN section 4.5, and what does the same job under another program's name."""

_SEPARATORS: Final = re.compile(r"[/\\]")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_VARIATION_SELECTORS: Final = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


@dataclass(frozen=True, slots=True)
class ProtectedNames:
    """The folded names that stay unwritten in one workspace."""

    folded: frozenset[str]

    @classmethod
    def of(cls, *, added: AbstractSet[str], released: AbstractSet[str]) -> "ProtectedNames":
        """The built-in names and *added*, without *released*.

        Raises: OperatorError when a name is empty or a path, or a released name was never protected.
        """
        folded = frozenset(map(fold, PROTECTED_NAMES)) | {_configured(name) for name in added}
        gone = {_configured(name) for name in released}
        if not gone <= folded:
            raise OperatorError("a name in `released` is not write-protected; take it out or correct its spelling")
        return cls(folded - gone)

    def covers(self, name: str) -> bool:
        """Whether *name*, one component of a path, reads as a protected one."""
        return any(fold(piece) in self.folded for piece in _SEPARATORS.split(name))

    def refuse(self, parts: tuple[str, ...]) -> None:
        """Raises: Refusal `workspace/protected-name` when any of *parts* is protected."""
        if any(self.covers(part) for part in parts):
            raise protected_name()


def fold(name: str) -> str:
    """The form in which names are compared.

    Compatibility forms, case, invisible characters, surrounding blanks, trailing dots and NTFS stream suffixes
    (`name:stream`) do not count.
    """
    once = _visible(unicodedata.normalize("NFKC", _visible(name))).casefold()
    plain = unicodedata.normalize("NFKC", once).partition(":")[0]
    return plain.strip().rstrip(". ")


def refuse_unprintable(parts: tuple[str, ...]) -> None:
    """Raises: InvalidRequest when a name to be made holds a control character or turns text around."""
    for part in parts:
        if any(unicodedata.category(char) == "Cc" or char in _BIDI for char in part):
            raise InvalidRequest("`path` holds a control or text-direction character; use a printable name")


def _configured(name: str) -> str:
    folded = fold(name.removesuffix("/"))
    if not folded or _SEPARATORS.search(folded):
        raise OperatorError("a write-protected name is one file or folder name without `/`")
    return folded


def _visible(text: str) -> str:
    return text if text.isascii() and text.isprintable() else "".join(filter(_shows, text))


def _shows(char: str) -> bool:
    if unicodedata.category(char) in {"Cc", "Cf"} or char in _INVISIBLE_LETTERS:
        return False
    return not any(low <= ord(char) <= high for low, high in _VARIATION_SELECTORS)
