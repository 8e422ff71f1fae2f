"""Writes the line an operator would add to have exactly one call decided otherwise, and tries it before showing it.

A call that nothing permits gets a permit; one that a forbid holds up, an exception from that forbid; an allowed one, a
forbid. The line names principal, tool and every argument that policy can see, so it is as narrow as can be written; one
that would let through other calls too, because an argument cannot be written, is not shown.
It says nothing of what the other layers would do, and nothing of whether it should be added.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Digest, Json, OperatorError
from holdfast.contracts.json_values import canonical

from ..bundle import PolicyBundle
from ..decisions import Allowed, Asks, Denied, Match, PolicyDecision, verdict_of
from ..engine import principal_id
from ..inputs import PolicyInput, Unclear
from ..rules import Policy
from ..shapes import ListShape, NumberShape, OpaqueShape, RecordShape, Shape, WholeShape

_LONGEST: Final = 400
"""Characters of an argument that is written into a policy."""
_NAME: Final = 24
_TOO_WIDE: Final = "it would let other calls through too"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a bundle was loaded from."""

    sources: Mapping[str, str]
    cases: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What to write where, and what came of trying it."""

    where: str
    text: str
    becomes: str
    """`allow`, `ask` or `deny`: what the call is with it; empty where the set does not load."""
    left_out: tuple[str, ...]
    """Arguments that the line does not name: redacted, too long, or not typed."""
    problem: str
    """Why it could not be loaded or would not change the answer; empty when it does."""


def line_for(
    bundle: PolicyBundle,
    given: PolicyInput,
    now: PolicyDecision,
    matches: tuple[Match, ...],
    files: Files,
    shown: PolicyInput,
) -> Line | None:
    """The line for *given*, written as *shown*, about which *bundle* says *now*; None where no policy changes that."""
    exact = _Exact.of(bundle.shape(given.tool), shown)
    if isinstance(now, Allowed):
        return _tried(bundle, given, files, _Edit.adding(bundle, _statement("forbid", given, exact), exact), now)
    exact = exact.alone(bundle.shape(given.tool), shown)
    match now:
        case Asks() | Denied(forbids=[_, *_]) if exact.left_out:
            return Line(where="", text="", becomes="", left_out=exact.left_out, problem=_TOO_WIDE)
        case Denied(reason=reason) if reason.code == "policy/no-permit" and exact.left_out:
            return Line(where="", text="", becomes="", left_out=exact.left_out, problem=_TOO_WIDE)
        case Asks(forbids=forbids) | Denied(forbids=forbids) if forbids:
            policies = {policy.id: policy for policy in bundle.covering(given.tool)}
            held = [policies[one] for one in forbids if one in policies]
            edit = _Edit.exempting(held, _exception(given, exact), exact)
            if not any(match.effect.value == "permit" for match in matches):
                edit = edit.also(_Edit.adding(bundle, _statement("permit", given, exact), exact))
            return _tried(bundle, given, files, edit, now)
        case Denied(reason=reason) if reason.code == "policy/no-permit":
            return _tried(bundle, given, files, _Edit.adding(bundle, _statement("permit", given, exact), exact), now)
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exact:
    """The conditions that make a statement about one call alone."""

    conditions: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, shape: RecordShape, given: PolicyInput) -> "_Exact":
        written, left_out = list[str](), list[str]()
        held = given.at(("context", "input"))
        values = held if isinstance(held, Mapping) else {}
        for name, condition in _conditions(shape, values, "context.input", ()):
            if condition is None or f"input.{name.split('.')[0]}" in given.hidden:
                left_out.append(name)
            else:
                written.append(condition)
        return cls(conditions=tuple(written), left_out=tuple(left_out))

    def alone(self, shape: RecordShape, given: PolicyInput) -> "_Exact":
        """For a line that lets through: nothing but these arguments, and no number that only comes near one."""
        written, left_out = list(self.conditions), list(self.left_out)
        for fact in ("unseen", "inexact") if _numeric(shape) else ("unseen",):
            if given.at(("context", "facts", fact)) is False and f"facts.{fact}" not in given.hidden:
                written.append(f"!context.facts.{fact}")
            else:
                left_out.append(f"context.facts.{fact}")
        return _Exact(conditions=tuple(written), left_out=tuple(left_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    where: str
    text: str
    replaced: tuple[tuple[str, str, str], ...]
    """File, statement as it is, statement as it would be."""
    added: str
    left_out: tuple[str, ...]

    @classmethod
    def adding(cls, bundle: PolicyBundle, text: str, exact: _Exact) -> "_Edit":
        where = f"a file of the profile, for example `{bundle.profile}/local.cedar`"
        return cls(where=where, text=text, replaced=(), added=text, left_out=exact.left_out)

    @classmethod
    def exempting(cls, policies: list[Policy], exception: str, exact: _Exact) -> "_Edit":
        where = ", ".join(f"{one.source.place}, before the `;` of `{one.id}`" for one in policies)
        replaced = tuple((one.source.file, one.source.text, _exempted(one.source.text, exception)) for one in policies)
        return cls(where=where, text=exception, replaced=replaced, added="", left_out=exact.left_out)

    def also(self, other: "_Edit") -> "_Edit":
        return _Edit(
            where=f"{self.where}; and in {other.where}",
            text=f"{self.text}\n\n{other.text}",
            replaced=self.replaced,
            added=other.added,
            left_out=self.left_out,
        )


def _tried(bundle: PolicyBundle, given: PolicyInput, files: Files, edit: _Edit, now: PolicyDecision) -> Line:
    sources = dict(files.sources)
    for file, before, after in edit.replaced:
        sources[file] = sources[file].replace(before, after, 1)
    if edit.added:
        sources[_free(sources, bundle.profile)] = edit.added
    becomes, problem = "", ""
    try:
        loaded = PolicyBundle.load(sources, files.cases, profile=bundle.profile, specs=tuple(bundle.specs.values()))
    except OperatorError as error:
        problem = f"with it the set does not load: {error.message}"
    else:
        then = loaded.judge(given)
        becomes = "" if isinstance(then, Unclear) else verdict_of(then)
        if becomes == verdict_of(now):
            problem = "it would not change the answer"
    return Line(where=edit.where, text=edit.text, becomes=becomes, left_out=edit.left_out, problem=problem)


def _free(sources: Mapping[str, str], profile: str) -> str:
    name = f"{profile}/local.cedar"
    while name in sources:
        name = name.replace(".cedar", "-more.cedar")
    return name


def _statement(effect: str, given: PolicyInput, exact: _Exact) -> str:
    person, tool = principal_id(given.principal), given.tool
    folded = "-".join(part for part in "".join(c if c.isalnum() else "-" for c in tool.lower()).split("-") if part)
    mark = Digest.of(canonical([person, tool, effect, [*exact.conditions]])).hex[:8]
    verb = "permitted" if effect == "permit" else "forbidden"
    head = (
        f'@id("{effect}-{folded.encode("ascii", "ignore").decode()[:_NAME].strip("-") or "call"}-{mark}")\n'
        f'@reason("one call of this tool by one caller is {verb}, as an operator decided")\n'
        f"{effect} (principal == Principal::{_text(person)}, action == Action::{_text(tool)}, resource)"
    )
    return f"{head}\nwhen {{ {' && '.join(exact.conditions)} }};" if exact.conditions else f"{head};"


def _exception(given: PolicyInput, exact: _Exact) -> str:
    who = f"principal == Principal::{_text(principal_id(given.principal))}"
    return f"unless {{ {' && '.join((f'action == Action::{_text(given.tool)}', who, *exact.conditions))} }}"


def _exempted(statement: str, exception: str) -> str:
    return f"{statement.rstrip().removesuffix(';')}\n{exception};"


def _conditions(
    shape: RecordShape, held: Mapping[str, Json], base: str, names: tuple[str, ...]
) -> Iterator[tuple[str, str | None]]:
    """For each argument its dotted name, and the condition that it is what it is; None where it cannot be written."""
    for name, part in shape.parts.items():
        dotted, here = ".".join((*names, name)), f"{base}[{_text(name)}]"
        there = f"{base} has {_text(name)}"
        if name not in held:
            yield dotted, f"!({there})"
            continue
        if not part.required:
            yield dotted, there
        value = held[name]
        if isinstance(part.shape, RecordShape) and isinstance(value, Mapping):
            yield from _conditions(part.shape, value, here, (*names, name))
        else:
            yield dotted, _equal(part.shape, value, here)


def _equal(shape: Shape, value: Json, here: str) -> str | None:
    match shape, value:
        case OpaqueShape(), _:
            return None
        case ListShape(of=item), list():
            members = [_literal(item, one) for one in value]
            if not members:
                return f"{here}.isEmpty()"
            known = [one for one in members if one is not None]
            joined = ", ".join(known)
            fits = len(known) == len(members) and len(joined) <= _LONGEST
            return f"{here} == [{joined}]" if fits else None
        case _:
            literal = _literal(shape, value)
            return None if literal is None else f"{here} == {literal}"


def _numeric(shape: Shape) -> bool:
    match shape:
        case RecordShape(parts=parts):
            return any(_numeric(part.shape) for part in parts.values())
        case ListShape(of=item):
            return _numeric(item)
        case _:
            return isinstance(shape, NumberShape | WholeShape)


def _literal(shape: Shape, value: Json) -> str | None:
    if isinstance(shape, NumberShape) and isinstance(value, Mapping):
        inner = value.get("__extn")
        return f'decimal("{inner["arg"]}")' if isinstance(inner, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and len(value) <= _LONGEST:
        return _text(value)
    return None


def _text(value: str) -> str:
    """*value* as Cedar writes a text: what is no plain character, by its number."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in value) + '"'
