"""Reads a script or an argument list with a real shell grammar and names what it runs. It runs and expands nothing.

1. The grammar is tree-sitter's for Bash, a parser that builds a tree and knows nothing of running.
2. Every kind of node is one of a closed list; a text with any other, or that does not parse, is `unknown`.
3. A program that only the shell could tell (`$CMD`, a glob, a name in pieces) is `unknown`.
4. Scripts within scripts (`sh -c '…'`, `eval '…'`, `$(…)`) are read as well, a few levels deep.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from .programs import CARRIERS, LOADED_NAMES, LOADED_STARTS, ORDER, RAISERS, SHELLS, Risk, risk_of

MOST_BYTES: Final = 4096
"""Of a script that is read; the grammar takes a hundredth of a second for the worst of that length."""
_MOST_DEPTH: Final = 4
_MOST_COMMANDS: Final = 256
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_OWN_FOLDERS: Final = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./^#-]+")
"""A word that every shell takes as it stands."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_COUNT: Final = re.compile(r"[0-9.]+[smhd]?")
_SILENT: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
_STRUCTURE: Final = frozenset(
    {
        *("program", "list", "pipeline", "subshell", "compound_statement", "do_group", "for_statement"),
        *("c_style_for_statement", "while_statement", "if_statement", "elif_clause", "else_clause", "case_statement"),
        *("case_item", "negated_command", "redirected_statement", "comment", "test_command", "unary_expression"),
        *("binary_expression", "parenthesized_expression", "test_operator", "command_name", "word", "number", "regex"),
        *("string", "string_content", "raw_string", "concatenation", "simple_expansion", "expansion", "variable_name"),
        *("special_variable_name", "variable_assignments", "command_substitution", "process_substitution"),
        *("file_descriptor", "herestring_redirect", "heredoc_redirect", "heredoc_start", "heredoc_body"),
        *("heredoc_content", "heredoc_end", "arithmetic_expansion", "extglob_pattern", "ansi_c_string"),
        *("translated_string", "array", "subscript", "ternary_expression", "postfix_expression"),
        *("declaration_command", "unset_command"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """What some text would run."""

    programs: frozenset[str]
    """By name; with its folders where that is not one of the system's own."""
    risks: frozenset[Risk]
    count: int
    words: tuple[str, ...] = ()
    """Every word that is given to a program and stands there as it is."""

    @property
    def risk(self) -> Risk | None:
        """The worst of them; None where nothing is run."""
        return max(self.risks, key=ORDER.index) if self.risks else None


@dataclass(slots=True)
class _Seen:
    programs: set[str] = field(default_factory=set[str])
    risks: set[Risk] = field(default_factory=set[Risk])
    words: list[str] = field(default_factory=list[str])
    count: int = 0


def commands_in(scripts: Sequence[str], lists: Sequence[Sequence[str]]) -> Commands:
    """What *scripts*, given to a shell, and *lists*, each a program with its arguments, would run."""
    seen = _Seen()
    for script in scripts:
        _script(script, seen, _MOST_DEPTH)
    for words in lists:
        _command(tuple(words), seen, _MOST_DEPTH)
    return Commands(
        programs=frozenset(seen.programs), risks=frozenset(seen.risks), count=seen.count, words=tuple(seen.words)
    )


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def _script(text: str, seen: _Seen, room: int) -> None:
    data = text.encode("utf-8", "surrogatepass")
    if room == 0 or len(data) > MOST_BYTES or _CONTROL.search(text):
        seen.risks.add(Risk.UNKNOWN)
        return
    tree = _parser().parse(data)
    if tree.root_node.has_error:
        seen.risks.add(Risk.UNKNOWN)
    for node in _nodes(tree.root_node):
        _look(node, seen, room)


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.named_children))


def _look(node: Node, seen: _Seen, room: int) -> None:
    match node.type:
        case "command":
            name, *rest = _parts(node)
            _command((_literal(name), *map(_literal, rest)), seen, room)
        case "file_redirect":
            _redirect(node, seen)
        case "variable_assignment":
            _assigned(_text(node).partition("=")[0].rstrip("+"), seen)
        case kind if kind not in _STRUCTURE:
            seen.risks.add(Risk.UNKNOWN)
        case _:
            pass


def _parts(command: Node) -> list[Node]:
    """Its name and its arguments; assignments and redirections are looked at for themselves."""
    kinds = {"variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect", "comment"}
    return [child for child in command.named_children if child.type not in kinds] or [command]


def _literal(node: Node) -> str | None:
    """What *node* is to any shell; None where only a shell could tell."""
    match node.type:
        case "command_name":
            return _literal(node.named_children[0]) if node.named_child_count == 1 else None
        case "word" | "number":
            text = _text(node)
            return text if _PLAIN.fullmatch(text) else None
        case "raw_string":
            return _text(node)[1:-1]
        case "string":
            text = _text(node)[1:-1]
            plain = all(child.type == "string_content" for child in node.named_children)
            return text if plain and "\\" not in text and "$" not in text and "`" not in text else None
        case "concatenation":
            pieces = [_literal(child) for child in node.named_children]
            whole = "".join(piece for piece in pieces if piece is not None)
            covered = sum(child.end_byte - child.start_byte for child in node.named_children)
            return whole if None not in pieces and covered == node.end_byte - node.start_byte else None
        case _:
            return None


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _command(words: tuple[str | None, ...], seen: _Seen, room: int) -> None:
    seen.count += 1
    seen.words.extend(word for word in words if word is not None)
    program = _named(words[0]) if words else None
    if program is None or room == 0 or seen.count > _MOST_COMMANDS:
        seen.risks.add(Risk.UNKNOWN)
        return
    seen.programs.add(program)
    rest = words[1:]
    if program in SHELLS:
        _shell(rest, seen, room)
    elif program == "eval":
        _inner(" ".join(word for word in rest if word is not None) if None not in rest else None, seen, room)
    elif program in CARRIERS | RAISERS:
        _carried(program, rest, seen, room)
    else:
        seen.risks.add(risk_of(program, rest))


def _named(word: str | None) -> str | None:
    if not word:
        return None
    folder, _, name = word.rpartition("/")
    return name if f"{folder}/" in _OWN_FOLDERS and name else word


def _shell(rest: tuple[str | None, ...], seen: _Seen, room: int) -> None:
    """`sh -c TEXT`; what a shell reads from a file or from its input is not to be seen here."""
    if len(rest) > 1 and rest[0] in ("-c", "-ec", "-lc", "-euc", "-xc"):
        _inner(rest[1], seen, room)
    else:
        seen.risks.add(Risk.UNKNOWN)


def _inner(text: str | None, seen: _Seen, room: int) -> None:
    if text is None:
        seen.risks.add(Risk.UNKNOWN)
    else:
        _script(text, seen, room - 1)


def _carried(program: str, rest: tuple[str | None, ...], seen: _Seen, room: int) -> None:
    """What stands after *program*; an option of its own may take the next word, so then nobody can tell."""
    if program in RAISERS:
        seen.risks.add(Risk.PRIVILEGE)
    words = list(rest)
    while program == "env" and words and (first := words[0]) is not None and _NAME.match(first):
        _assigned(first.partition("=")[0], seen)
        words.pop(0)
    if words and words[0] is not None and program == "timeout" and _COUNT.fullmatch(words[0]):
        words.pop(0)
    if words and words[0] is not None and words[0].startswith("-"):
        seen.risks.add(Risk.UNKNOWN)
    elif words:
        _command(tuple(words) if program != "xargs" else (*words, None), seen, room - 1)
    else:
        seen.risks.add(Risk.READ if program in {"env", "time", "xargs"} else Risk.UNKNOWN)


def _redirect(node: Node, seen: _Seen) -> None:
    reads = any(child.type in {"<", "<&", "<&-"} for child in node.children)
    target = node.named_children[-1] if node.named_children else None
    word = None if target is None else _literal(target)
    if word is not None and word.startswith(("/dev/tcp/", "/dev/udp/")):
        seen.risks.add(Risk.NETWORK)
    elif word is not None and word.startswith("/dev/") and word not in _SILENT and not reads:
        seen.risks.add(Risk.DESTRUCTIVE)
    elif (
        not reads and word not in _SILENT and not (target is not None and target.type in {"number", "file_descriptor"})
    ):
        seen.risks.add(Risk.WRITE)


def _assigned(name: str, seen: _Seen) -> None:
    if name in LOADED_NAMES or name.startswith(LOADED_STARTS):
        seen.risks.add(Risk.UNKNOWN)
