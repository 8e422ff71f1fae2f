"""Says whether what a call decides comes from the user or the operator. Positive only: what is not proved is foreign.

1. Every decisive leaf (text, number, boolean, at any depth; names in objects whose fields the schema does not name)
   must occur in the user's request or be on the operator's list, and the user must have named one beyond chance:
   a list says who may get something, not that the user wants it sent.
2. An argument that the schema does not name is decisive, whatever the entry says.
3. What equals the schema's default, and what is empty, says nothing either way.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from holdfast.contracts import Digest, Json, JsonObject
from holdfast.contracts.json_values import canonical

from .amounts import amount_of
from .dates import moment_of
from .declared import Level, level_of, opened
from .folding import fold_text
from .requests import Strength, UserRequest, normal, trimmed

MAX_LEAVES: Final = 2_000
"""Leaves of one call that are compared; one with more proves nothing."""
_MAX_PAIRED: Final = 32
"""Owners, or repositories, of one call that are tried."""
_OWNERS: Final = frozenset({"owner", "org", "organization", "organisation", "namespace", "group"})
_OWNED: Final = frozenset({"repo", "repository", "repo_name", "project"})

Listed: TypeAlias = Callable[[str, Json], bool]
"""Whether the value of an argument (dotted, without list indexes) is on the operator's list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One text, number or boolean of the arguments."""

    path: str
    """Dotted, without list indexes."""
    value: Json
    is_undeclared: bool
    """The schema names the fields there, and this is in none of them."""

    def within(self, paths: tuple[str, ...]) -> bool:
        """Whether it belongs to one of the arguments *paths*."""
        return any(self.path == path or self.path.startswith(path + ".") for path in paths)


def args_from_user(
    request: UserRequest | None,
    arguments: JsonObject,
    *,
    schema: JsonObject,
    decisive: tuple[str, ...] | None,
    listed: Listed,
) -> bool:
    """Whether every one of the *decisive* arguments (None: all) is the user's or the operator's.

    With nothing decisive it is enough that there is a request.
    """
    if request is None:
        return False
    chosen = _leaves(schema, arguments)
    if chosen is None:
        return False
    if decisive is not None:
        chosen = [leaf for leaf in chosen if leaf.is_undeclared or leaf.within(decisive)]
        if not decisive and not chosen:
            return True
    return _proved(request, chosen, lambda leaf: listed(leaf.path, leaf.value))


def all_from_user(
    request: UserRequest | None,
    arguments: JsonObject,
    *,
    schema: JsonObject,
    receivers: tuple[str, ...],
    listed: Listed,
) -> bool:
    """Whether every argument occurs in the user's request; one of *receivers* may be on the operator's list instead."""
    chosen = None if request is None else _leaves(schema, arguments)
    if request is None or chosen is None:
        return False
    return _proved(request, chosen, lambda leaf: leaf.within(receivers) and listed(leaf.path, leaf.value))


def receivers_from_user(
    request: UserRequest | None, arguments: JsonObject, *, schema: JsonObject, receivers: tuple[str, ...]
) -> bool:
    """Whether the user named everybody who gets it, if only by a short word: enough for who is on the list besides."""
    leaves = None if request is None or not receivers else _leaves(schema, arguments)
    if request is None or leaves is None:
        return False
    named = [request.covers(leaf.value) is not Strength.NONE for leaf in leaves if leaf.within(receivers)]
    return bool(named) and all(named)


def use_digest(tool: str, arguments: JsonObject, *, schema: JsonObject, decisive: tuple[str, ...] | None) -> Digest:
    """What a consequential call is recognised by when it comes again: its tool and decisive arguments.

    Other spellings of the values, another order of lists, and a default that is left out or given are the same call.
    """
    leaves = _walk(level_of(schema), dict(arguments), "", is_undeclared=False)
    uses = {
        (leaf.path, _spelled(leaf.value))
        for leaf in leaves
        if decisive is None or leaf.is_undeclared or leaf.within(decisive)
    }
    return Digest.of(canonical([tool, *(text for use in sorted(uses) for text in use)]))


def _proved(request: UserRequest, leaves: list[Leaf], is_listed: Callable[[Leaf], bool]) -> bool:
    """Whether every leaf is the user's or listed, and the user named one beyond chance."""
    named = False
    for leaf in leaves:
        strength, on_list = request.covers(leaf.value), is_listed(leaf)
        if strength is Strength.NONE and _is_half(request, leaf, leaves):
            strength = Strength.STRONG
        if strength is Strength.NONE and not on_list:
            return False
        named |= strength is Strength.STRONG or (on_list and strength is Strength.WEAK)
    return named


def _is_half(request: UserRequest, leaf: Leaf, leaves: list[Leaf]) -> bool:
    """Whether *leaf* is an owner or a repository, and the user named both as `owner/name`.

    By the names of the arguments: else whoever adds `plan.md` somewhere would have `docs` of `docs/plan.md` named.
    """
    name = leaf.path.rpartition(".")[2].lower()
    if name not in _OWNERS | _OWNED:
        return False
    wanted = _OWNED if name in _OWNERS else _OWNERS
    others = [each for each in leaves if each.path.rpartition(".")[2].lower() in wanted]
    pairs = ((leaf, other) if name in _OWNERS else (other, leaf) for other in others[:_MAX_PAIRED])
    return any(request.names_pair(str(owner.value), str(owned.value)) for owner, owned in pairs)


def _leaves(schema: JsonObject, arguments: JsonObject) -> list[Leaf] | None:
    """The leaves of a call that say something; None when there are too many."""
    found = list(islice(_walk(level_of(schema), dict(arguments), "", is_undeclared=False), MAX_LEAVES + 1))
    return found if len(found) <= MAX_LEAVES else None


def _walk(level: Level, value: Json, path: str, *, is_undeclared: bool) -> Iterator[Leaf]:
    if value is None or value in ("", [], {}) or _is_default(level, value):
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(opened(level), item, path, is_undeclared=is_undeclared)
    elif isinstance(value, Mapping):
        names = level.names()
        for name, item in value.items():
            here = f"{path}.{name}" if path else name
            is_foreign = is_undeclared or (name not in names if names is not None else not path)
            if names is None or name not in names:
                yield Leaf(path=here, value=name, is_undeclared=is_foreign)
            yield from _walk(level.at(name), item, here, is_undeclared=is_foreign)
    else:
        yield Leaf(path=path, value=value, is_undeclared=is_undeclared)


def _is_default(level: Level, value: Json) -> bool:
    defaults = level.defaults()
    return bool(defaults) and canonical(value) in map(canonical, defaults)


def _spelled(value: Json) -> str:
    """One spelling of a leaf; coarser than what `covers` compares, so that no respelling is a new call."""
    if isinstance(value, bool):
        return str(value).lower()
    amount = amount_of(value if not isinstance(value, str) else trimmed(normal(value)))
    if amount is not None:
        return amount.digits
    text = trimmed(normal(fold_text(str(value)))) or fold_text(str(value))
    moment = moment_of(text)
    return text if moment is None else f"{moment.day} {moment.time or (0, 0, 0)} {moment.zone}"
