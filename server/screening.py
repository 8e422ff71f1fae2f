"""The detectors' floor for what a tool sends out while it runs: the `Screen` port. Nothing lifts it."""

from collections.abc import Sequence

from holdfast.contracts import Action, Reason

from .dispatch import Guessing, Layers
from .dispatch.guessing import WITHHELD


class DetectorScreen:
    """Looks at texts as the procedure looks at the arguments of a call that leaves."""

    def __init__(self, layers: Layers, guessing: Guessing) -> None:
        self._layers = layers
        self._guessing = guessing

    def refusal(self, texts: Sequence[str], /) -> Reason | None:
        """Why *texts* must not leave: something in them looks like a secret. None when they may."""
        if not self._guessing.within():
            return WITHHELD
        found = self._layers.detectors.scan_request(tuple(texts))
        self._guessing.look(found)
        grave = next((one for one in found if one.action in (Action.REDACT, Action.DENY)), None)
        if grave is None:
            return None
        return Reason(
            code=f"{grave.layer}/secret-to-egress",
            layer=grave.layer,
            message=f"the request holds what looks like a secret (`{grave.rule}`), and it would leave",
            remedy="keep the secret out of what the tool is given; this floor cannot be lifted by policy or approval",
        )
