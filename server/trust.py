"""Whose tools are taken: signatures against the trusted keys of the configuration. It signs nothing.

1. Without a signature a tool is taken, unless `require_signature` says that it needs one.
2. A signature that is there must hold, and its key must be trusted; whether one is required does not matter.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from holdfast.contracts import Digest, OperatorError
from holdfast.tools.signatures import PUBLIC_KEY, SIGNATURE_FILE, read_signature

from .table import Table


class TrustSettings(Table):
    """Whose tools are taken in and served."""

    keys: tuple[Annotated[str, Field(pattern=f"^{PUBLIC_KEY}$")], ...] = ()
    """Public keys of signers, as `holdfast tools keygen` prints them. A tool that any other key signed is refused."""
    require_signature: bool = False
    """Every sandboxed tool must be signed by one of `keys`, when it is registered, approved, and at every start."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The trusted keys, and whether everything must be signed by one."""

    settings: TrustSettings

    def signer(self, manifest: str, module: Digest, signature: str | None) -> str | None:
        """The trusted key that signed *manifest* with *module*; None for what is unsigned, where that will do.

        Raises: OperatorError when it will not.
        """
        if signature is None:
            if self.settings.require_signature:
                raise OperatorError(
                    "the tool is not signed, and `[trust] require_signature` is set",
                    remedy="holdfast tools sign DIR --key FILE",
                )
            return None
        read = read_signature(signature)
        if read.key not in self.settings.keys:
            raise OperatorError(
                f"the tool is signed by a key that is not trusted: {read.key}",
                remedy=f"name it in `[trust] keys`, or leave `{SIGNATURE_FILE}` out",
            )
        if not read.holds(manifest, module):
            raise OperatorError(
                f"`{SIGNATURE_FILE}` is not the signature of this manifest and this module",
                remedy="holdfast tools sign DIR --key FILE, again after every change",
            )
        return read.key
