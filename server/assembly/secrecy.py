"""What keeps the secrets of a house in it: the detectors that know them, and what bounds trying them out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from holdfast.contracts import Principal
from holdfast.safety.policy import PolicyBundle

from ..data_dir import DataDir
from ..dispatch import Guessing, Layers
from ..held_secrets import HeldSecrets
from ..scrubbing import DetectorScrubber
from .state import State

_log = structlog.get_logger("holdfast.secrecy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrecy:
    """Shared by everything that a text passes on its way out or to a model."""

    layers: Layers
    """As they were given, but the leak detector knows what is held. Not for whoever scans texts of his choice."""
    held: HeldSecrets
    guessing: Guessing

    @property
    def scrubber(self) -> DetectorScrubber:
        """What redacts pieces of files."""
        return DetectorScrubber(self.layers, self.guessing)

    def judged_by(self, policy: Callable[[Principal], PolicyBundle]) -> "Secrecy":
        """The same, with a policy: from here on calls can be judged."""
        return replace(self, layers=replace(self.layers, policy=policy))


def secrecy_of(state: State, data: DataDir, layers: Layers) -> Secrecy:
    """Of the house on *data*."""

    def alert(principal: Principal) -> None:
        who = {"subject": principal.subject, "tenant": principal.tenant}
        state.audit.event("alert", {**who, "why": "held-secrets"})
        _log.warning("secrets.guessed", **who, why="too many of its calls held secrets of this house")

    leaks = layers.detectors.leaks
    held = HeldSecrets(state.vault, state.upstream_tokens, keys=data.root / "keys", leaks=leaks)
    detectors = replace(layers.detectors, leaks=leaks.holding(held.current))
    return Secrecy(layers=replace(layers, detectors=detectors), held=held, guessing=Guessing(alert))
