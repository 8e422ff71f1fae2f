"""The detectors' floor for what a tool sends out while it runs: the `Screen` port. Nothing lifts it."""

from collections.abc import Sequence

from holdfast.contracts import Action, Reason, Where

from .dispatch import Layers


class DetectorScreen:
    """Looks at texts as the procedure looks at the arguments of a call that leaves."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    def refusal(self, texts: Sequence[str], /) -> Reason | None:
        """Why *texts* must not leave: something in them looks like a secret. None when they may."""
        found = (
            *self._layers.leaks.scan(tuple(texts), Where.ARGUMENTS),
            *self._layers.credentials.scan(tuple(texts), Where.ARGUMENTS),
        )
        grave = next((one for one in found if one.action in (Action.REDACT, Action.DENY)), None)
        if grave is None:
            return None
        return Reason(
            code=f"{grave.layer}/secret-to-egress",
            layer=grave.layer,
            message=f"the request holds what looks like a secret (`{grave.rule}`), and it would leave",
            remedy="keep the secret out of what the tool is given; this floor cannot be lifted by policy or approval",
        )
