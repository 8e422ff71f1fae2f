"""What no grant may let a tool write, or read: state, keys, policies, configuration. It changes none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError
from holdfast.sandbox.workspace import refuse_overlap

from .catalogue.lock import lock_path
from .config import Settings
from .data_dir import DataDir
from .upstream_settings import UpstreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """Files and folders that grants must leave alone."""

    governing: tuple[Path, ...] = ()
    """What governs the server or proves what it did: not to be written."""
    secret: tuple[Path, ...] = ()
    """Those of them that hold keys and state: not to be read either."""


NOTHING: Final = Guarded()


def guarded_paths(settings: Settings, data: DataDir, config: Path | None) -> Guarded:
    """The data directory, and every file and folder elsewhere that governs the server or proves what it did."""
    tls, anchor = settings.server.tls, settings.audit.anchor
    secret = [
        data.root,
        settings.store.path(),
        None if tls is None else tls.key,
        settings.approvals.webhook_key_file,
    ]
    paths = [
        *secret,
        settings.policy.dir,
        config,
        None if anchor is None else Path(anchor.removeprefix("file:")),
        None if tls is None else tls.cert,
        lock_path(settings.catalogue.lock, config, data.root),
    ]
    return Guarded(
        governing=tuple(path for path in paths if path is not None),
        secret=tuple(path for path in secret if path is not None),
    )


def refuse_governing(upstream: UpstreamSettings, guarded: Guarded) -> None:
    """Refuse *upstream* when it may write what governs the server, or read what it must keep to itself.

    Raises: OperatorError that names the grant and the path.
    """
    grants = upstream.grants
    _refuse(upstream.name, "write", grants.write, guarded.governing, "change what governs it")
    _refuse(upstream.name, "read", grants.read, guarded.secret, "read the keys of the server")


def _refuse(name: str, kind: str, grants: Sequence[Path], paths: Sequence[Path], harm: str) -> None:
    for granted in grants:
        for path in paths:
            try:
                refuse_overlap(granted, (path,))
            except OperatorError:
                raise OperatorError(
                    f"upstream `{name}`: `grants.{kind}` `{granted}` and `{path}` overlap, so a tool could {harm}",
                    remedy="grant a folder of its own, or move what governs the server",
                ) from None
