"""Finds invisible characters that carry text or split words, by structure; what writing systems need, it leaves alone.

A maximal run of invisible characters between two visible ones is kept whole or goes whole, by what stands beside it, so
cleaning twice changes nothing more. Direction controls go in pairs: those that are unbalanced on their line, override,
stand inside a word, enclose nothing, or turn right-to-left where nothing is written so.
"""

import re
from collections.abc import Iterator
from typing import Final

from . import scripts
from .drafts import MAX_EDITS, Edit

_HIDERS: Final = re.compile(f"[{scripts.HIDERS}]+")
_CONTROL: Final = re.compile(f"[{scripts.BIDI_CONTROLS}]")
_CONTROLS_AND_LINES: Final = re.compile(f"[{scripts.BIDI_CONTROLS}\n\r\u2028\u2029]")
_SPLIT_BY_HYPHENS: Final = re.compile(r"(?:[^\W\d_]\u00ad){3,}")

_MAX_CONTROLS_IN_A_RUN: Final = 4
_MIXED_SPACERS: Final = 8
"""This many spacers of two kinds or more are a code, wherever they stand."""
_ISOLATES: Final = "\u2066\u2067\u2068"
_OVERRIDES: Final = "\u202d\u202e"
_RIGHTWARD: Final = "\u202b\u2067"
_LONGEST_HONEST_RUN: Final = 2
_ZERO_WIDTH: Final = frozenset(scripts.SPACERS + scripts.JOINERS + scripts.BIDI_MARKS + scripts.MATH_OPERATORS)


def hidden(text: str) -> Iterator[Edit]:
    """Edits that take hidden channels out of *text*; after `MAX_EDITS` all that is invisible goes from the rest."""
    doomed = _doomed_controls(text)
    edits: list[Edit] = []
    spacers: list[int] = []
    for found in _HIDERS.finditer(text):
        start, end = found.span()
        if len(edits) >= MAX_EDITS:
            edits.append(Edit(start=start, end=len(text), to=_HIDERS.sub("", text[start:]), rule=_rule(found[0])))
            break
        rest = found[0] if doomed is None else _CONTROL.sub("", found[0])
        keeps = not rest or _belongs(rest, text[start - 1 : start], text[end : end + 1])
        if keeps and len(rest) == 1 and rest in scripts.SPACERS:
            spacers.append(start + found[0].index(rest))
        if not keeps and (doomed is None or len(rest) == end - start):
            edits.append(_removal(text, start, end))
        elif doomed is not None:
            edits += _edits_of_run(text, start, end, doomed, keeps)
    if len(spacers) >= _MIXED_SPACERS and len({text[index] for index in spacers}) > 1:
        edits += [_removal(text, index, index + 1) for index in spacers]
        edits.sort(key=lambda edit: edit.start)
    yield from edits


def split_by_hyphens(text: str) -> Iterator[Edit]:
    """Edits that take soft hyphens out of words that are split letter by letter."""
    if scripts.SOFT_HYPHEN not in text:
        return
    for found in _SPLIT_BY_HYPHENS.finditer(text):
        word = found[0].replace(scripts.SOFT_HYPHEN, "")
        yield Edit(start=found.start(), end=found.end(), to=word, rule="sanitizer/soft-hyphens")


def _edits_of_run(text: str, start: int, end: int, doomed: set[int], keeps: bool) -> list[Edit]:  # noqa: FBT001 -- one caller
    """One edit for each stretch of the run that goes."""
    edits: list[Edit] = []
    begin = start
    for index in range(start, end + 1):
        goes = index < end and (index in doomed if text[index] in scripts.BIDI_CONTROLS else not keeps)
        if not goes:
            if begin < index:
                edits.append(_removal(text, begin, index))
            begin = index + 1
    return edits


def _removal(text: str, start: int, end: int) -> Edit:
    return Edit(start=start, end=end, to="", rule=_rule(text[start:end]))


def _rule(run: str) -> str:
    """The rule for the worst that is in *run*, or in its beginning when it is long."""
    run = run[:MAX_EDITS]
    if any("\U000e0000" <= char <= "\U000e007f" for char in run):
        return "sanitizer/tag-characters"
    if any(char in scripts.BIDI_CONTROLS for char in run):
        return "sanitizer/bidi-control"
    if any("\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" for char in run):
        return "sanitizer/variation-selectors"
    if not _ZERO_WIDTH.isdisjoint(run):
        return "sanitizer/zero-width"
    return "sanitizer/hidden-character"


def _belongs(run: str, left: str, right: str) -> bool:
    """Whether *run* is what a writing system puts between *left* and *right*; either is empty at an end of the text."""
    if left == scripts.FLAG and run in scripts.FLAG_TAGS:
        return True
    if len(run) > _LONGEST_HONEST_RUN:
        return False
    if len(run) == 1:
        return _char_belongs(run, left, right)
    if run[0] in "\ufe0e\ufe0f":
        return run[1] == "\u200d" and scripts.is_emoji(left) and scripts.is_emoji(right)
    allowed = scripts.BIDI_MARKS + (scripts.JOINERS if scripts.joins(left) or scripts.joins(right) else "")
    return set(run) <= set(allowed) and len(set(run)) == len(run) and not scripts.in_word(left, right)


def _char_belongs(char: str, left: str, right: str) -> bool:
    if char in scripts.JOINERS:
        if char == "\u200d" and scripts.is_emoji(left) and scripts.is_emoji(right):
            return True
        return scripts.joins(left) or scripts.joins(right)
    if char in scripts.SPACERS + scripts.BIDI_MARKS + scripts.MATH_OPERATORS:
        return not scripts.in_word(left, right)
    if char == scripts.SOFT_HYPHEN:
        return left.isalnum() and right.isalnum()
    if char == scripts.GRAPHEME_JOINER:
        return bool(left) and (not left.isascii() or scripts.is_mark(right))
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return bool(left) and scripts.takes_selector(char, left)
    return scripts.at_home(char, left, right)


def _doomed_controls(text: str) -> set[int] | None:
    """Positions of the direction controls that go; None when there are no controls at all."""
    count = sum(text.count(control) for control in scripts.BIDI_CONTROLS)
    if count == 0:
        return None
    controls = [found.start() for found in _CONTROL.finditer(text)]
    doomed = set(controls)
    if count > MAX_EDITS:
        return doomed
    runs = _runs_of(text, controls)
    for opener, closer, right_to_left in _pairs(text):
        char = text[opener]
        if char in _OVERRIDES or (char in _RIGHTWARD and not right_to_left):
            continue
        if runs[opener] != runs[closer] and _honest(text, runs[opener]) and _honest(text, runs[closer]):
            doomed -= {opener, closer}
    return doomed


def _runs_of(text: str, controls: list[int]) -> dict[int, tuple[int, int]]:
    """The invisible run that each of *controls*, ascending, stands in."""
    runs: dict[int, tuple[int, int]] = {}
    start = end = 0
    for control in controls:
        if control >= end:
            start = control
            while start > end and _HIDERS.match(text[start - 1]):
                start -= 1
            found = _HIDERS.match(text, control)
            end = found.end() if found else control + 1
        runs[control] = start, end
    return runs


def _honest(text: str, run: tuple[int, int]) -> bool:
    """Whether direction controls may stand where *run* stands."""
    start, end = run
    few = len(_CONTROL.findall(text[start:end][:MAX_EDITS])) <= _MAX_CONTROLS_IN_A_RUN
    return few and not scripts.in_word(text[start - 1 : start], text[end : end + 1])


def _pairs(text: str) -> Iterator[tuple[int, int, bool]]:
    """Openers with their closers on one line, and whether that line has right-to-left letters."""
    line_start, opened, pairs = 0, _Opened(), list[tuple[int, int]]()
    for found in _CONTROLS_AND_LINES.finditer(text):
        index, char = found.start(), found[0]
        if char in scripts.BIDI_OPENERS:
            opened.push(index, isolate=char in _ISOLATES)
        elif char in scripts.BIDI_CLOSERS:
            opener = opened.pop_isolate() if char == "\u2069" else opened.pop_embedding()
            if opener is not None:
                pairs.append((opener, index))
        else:
            yield from _with_direction(text, line_start, index, pairs)
            line_start, opened, pairs = index + 1, _Opened(), []
    yield from _with_direction(text, line_start, len(text), pairs)


def _with_direction(text: str, start: int, end: int, pairs: list[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    if pairs:
        right_to_left = scripts.right_to_left.search(text, start, end) is not None
        for opener, closer in pairs:
            yield opener, closer, right_to_left


class _Opened:
    """Openers that wait for their closers."""

    __slots__ = ("_isolates", "_positions")

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._isolates: list[int] = []

    def push(self, position: int, *, isolate: bool) -> None:
        if isolate:
            self._isolates.append(len(self._positions))
        self._positions.append(position)

    def pop_isolate(self) -> int | None:
        """The nearest isolate; what was embedded inside it ends with it."""
        if not self._isolates:
            return None
        depth = self._isolates.pop()
        position = self._positions[depth]
        del self._positions[depth:]
        return position

    def pop_embedding(self) -> int | None:
        """The nearest opener, unless it is an isolate."""
        if not self._positions or (self._isolates and self._isolates[-1] == len(self._positions) - 1):
            return None
        return self._positions.pop()
