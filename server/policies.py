"""Which policy bundle judges now: read from files, checked against the tools, replaced whole or not at all."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog

from holdfast.contracts import Digest, OperatorError, Principal, ToolName, ToolSpec
from holdfast.safety.policy import NOTHING_OBSERVED, Observes, PolicyBundle
from holdfast.safety.policy.explaining import Files
from holdfast.safety.policy.missing import Missing, missing_tools

from .drifting import Drift, drift_of
from .policy_files import read_policy_files

_log = structlog.get_logger("holdfast.policies")
_REMEMBERED = 16_384
"""Definitions of tools that policy fitted at some time."""
PROFILES = ("readonly", "supervised", "autonomous")
"""From the narrowest to the widest: a token may name a profile that is no wider than the configured one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What judges, as one value: it is replaced whole, so nobody ever sees half of a set."""

    sources: Mapping[str, str]
    cases: Mapping[str, str]
    fitted: frozenset[Digest]
    """The definitions it was checked against."""
    bundles: Mapping[str, PolicyBundle]
    """By profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A set that was read and loaded, and judges nothing yet."""

    held: _Held
    before: Digest
    after: Digest


class Fitting(Protocol):
    """What is asked of policy by whoever brings tools."""

    def fit(self, specs: Sequence[ToolSpec], /) -> None:
        """See `Policies`."""
        ...

    def drift(self, spec: ToolSpec, /) -> Drift | None:
        """See `Policies`."""
        ...

    def settled(self, name: ToolName, /) -> None:
        """See `Policies`."""
        ...

    def on_change(self, told: Callable[[], None], /) -> None:
        """See `Policies`."""
        ...

    @property
    def drifted(self) -> tuple[Drift, ...]:
        """See `Policies`."""
        ...


class Policies:
    """The bundles of this house, one for each profile in use, always of the same files and tools."""

    def __init__(
        self,
        folder: Path | None,
        profile: str,
        specs: Callable[[], Sequence[ToolSpec]],
        observes: Observes = NOTHING_OBSERVED,
    ) -> None:
        """Load them; those that *observes* names are only observed.

        Raises: OperatorError when they do not load; there is then no house.
        """
        self._folder = folder
        self._profile = profile
        self._specs = specs
        self._observes = observes
        self._adding = threading.Lock()
        self._drifted: dict[ToolName, Drift] = {}
        self._told: list[Callable[[], None]] = []
        self._fitted: dict[ToolName, ToolSpec] = {}
        self._said = frozenset[Missing]()
        sources, cases = read_policy_files(folder)
        self._held = self._loaded(sources, cases, (profile,), specs())

    @property
    def folder(self) -> Path | None:
        """Where they are read from; None: those that come with Holdfast."""
        return self._folder

    @property
    def files(self) -> Files:
        """What the bundles that judge now were loaded from."""
        return Files(sources=self._held.sources, cases=self._held.cases)

    def current(self) -> PolicyBundle:
        """The bundle of the configured profile."""
        return self._held.bundles[self._profile]

    def of(self, principal: Principal) -> PolicyBundle:
        """The bundle that judges *principal*: its token's profile where that is narrower, else the configured one."""
        wanted = principal.profile
        if wanted is None or _rank(wanted) >= _rank(self._profile):
            return self.current()
        held, wanted = self._held, PROFILES[_rank(wanted)]
        known = held.bundles.get(wanted)
        return known if known is not None else self._added(held, wanted)

    def fit(self, specs: Sequence[ToolSpec]) -> None:
        """Load every bundle in use again for *specs*.

        Raises: OperatorError when one does not fit them; all stay as they were.
        """
        held = self._held
        if frozenset(spec.digest for spec in specs) != held.fitted:
            self._held = self._loaded(held.sources, held.cases, tuple(held.bundles), specs)
            self._remember(specs)
            self._say_missing()

    def _say_missing(self) -> None:
        """Log what is missing, each once for as long as it is."""
        missing = self.missing
        for one in missing:
            if one not in self._said:
                _log.warning("policy.missing", policy=one.policy, tool=one.tool, why=one.words())
        self._said = frozenset(missing)

    def _remember(self, specs: Sequence[ToolSpec]) -> None:
        """Keep what fits, so that it can be said what changed when it no longer does."""
        if len(self._fitted) > _REMEMBERED:
            self._fitted.clear()
        self._fitted.update({spec.name: spec for spec in specs})

    @property
    def drifted(self) -> tuple[Drift, ...]:
        """Tools that are withheld because policy does not fit them as they are now, by name."""
        return tuple(self._drifted[name] for name in sorted(self._drifted))

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Tools that the configured profile names, and whose server is here and does not offer them."""
        here = {**self.current().specs, **{str(one.tool): one.spec for one in self.drifted}}
        return missing_tools(self.current().statements, here)

    def drift(self, spec: ToolSpec, /) -> Drift | None:
        """Note that policy does not fit *spec*; answers what exactly, or None when that is known already."""
        held = self._held
        others = {one.name: one for one in self._specs() if one.name != spec.name}
        try:
            self._load(held.sources, held.cases, self._profile, [*others.values(), spec])
            why = "it does not fit one of the other profiles in use"
        except OperatorError as error:
            why = error.message
        before = self._fitted.get(spec.name)
        found = drift_of(held.bundles[self._profile].statements, others, spec, before, why)
        known, self._drifted[spec.name] = self._drifted.get(spec.name), found
        return None if found == known else found

    def settled(self, name: ToolName) -> None:
        """Policy fits the tool called *name* again, or it is gone."""
        self._drifted.pop(name, None)

    def on_change(self, told: Callable[[], None]) -> None:
        """Call *told* whenever another set judges: it may fit what the one before did not."""
        self._told.append(told)

    def prepare(self) -> Prepared:
        """Read the files again and load every bundle in use from them; what judges stays. Slow: not for the event loop.

        Raises: OperatorError naming what is wrong with them.
        """
        held = self._held
        sources, cases = read_policy_files(self._folder)
        fresh = self._loaded(sources, cases, tuple(held.bundles), self._specs())
        before, after = (one.bundles[self._profile].digest for one in (held, fresh))
        return Prepared(held=fresh, before=before, after=after)

    def adopt(self, prepared: Prepared) -> bool:
        """Let *prepared* judge from here on; False, and nothing changed, if it is not of today's tools and profiles."""
        with self._adding:
            held, fresh = self._held, prepared.held
            if fresh.fitted != held.fitted or not fresh.bundles.keys() >= held.bundles.keys():
                return False
            self._held = fresh
        for told in self._told:
            told()
        self._say_missing()
        return True

    def trying(self, spec: ToolSpec) -> Callable[[Principal], PolicyBundle]:
        """The bundles as they would be with *spec* among the tools, which stay as they are.

        Raises: OperatorError when policy does not fit it.
        """
        others = [one for one in self._specs() if one.name != spec.name]
        held = self._held
        bundle = self._load(held.sources, held.cases, self._profile, [*others, spec])
        return lambda _principal: bundle

    def _added(self, held: _Held, profile: str) -> PolicyBundle:
        """One more profile of *held*; it is kept unless another set was adopted meanwhile."""
        bundle = self._load(held.sources, held.cases, profile, self._specs())
        with self._adding:
            now = self._held
            if now.sources is held.sources and now.fitted == held.fitted:
                self._held = replace(now, bundles={**now.bundles, profile: bundle})
        return bundle

    def _loaded(
        self, sources: Mapping[str, str], cases: Mapping[str, str], profiles: Sequence[str], specs: Sequence[ToolSpec]
    ) -> _Held:
        bundles = {profile: self._load(sources, cases, profile, specs) for profile in profiles}
        fitted = frozenset(spec.digest for spec in specs)
        return _Held(sources=sources, cases=cases, fitted=fitted, bundles=bundles)

    def _load(
        self, sources: Mapping[str, str], cases: Mapping[str, str], profile: str, specs: Sequence[ToolSpec]
    ) -> PolicyBundle:
        """One profile, its cases tried as if everything counted."""
        bundle = PolicyBundle.load(sources, cases, profile=profile, specs=specs)
        if profile == self._profile:
            return bundle.observing(self._observes)
        known = frozenset(one.id for one in bundle.policies if one.effect.value == "forbid")
        narrower = replace(self._observes, forbids=self._observes.forbids & known)
        return bundle.observing(narrower)


def _rank(profile: str) -> int:
    """How wide *profile* is; one nobody knows is as narrow as can be."""
    return PROFILES.index(profile) if profile in PROFILES else 0
