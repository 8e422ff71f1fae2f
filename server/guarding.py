"""What no grant may let a tool write: state, policies, configuration. It looks at paths and changes none."""

from collections.abc import Sequence
from pathlib import Path

from holdfast.contracts import OperatorError
from holdfast.sandbox.workspace import refuse_overlap

from .config import Settings, UpstreamSettings
from .data_dir import DataDir


def guarded_paths(settings: Settings, data: DataDir, config: Path | None) -> tuple[Path, ...]:
    """The data directory, and every file and folder elsewhere that governs the server or proves what it did."""
    tls, anchor = settings.server.tls, settings.audit.anchor
    paths = [
        data.root,
        settings.store.path(),
        settings.policy.dir,
        config,
        None if anchor is None else Path(anchor.removeprefix("file:")),
        *(() if tls is None else (tls.cert, tls.key)),
        settings.approvals.webhook_key_file,
    ]
    return tuple(path for path in paths if path is not None)


def refuse_governing(upstream: UpstreamSettings, guarded: Sequence[Path]) -> None:
    """Refuse *upstream* when one of its write grants overlaps one of *guarded*.

    Raises: OperatorError that names both.
    """
    for granted in upstream.grants.write:
        for path in guarded:
            try:
                refuse_overlap(granted, (path,))
            except OperatorError:
                raise OperatorError(
                    f"upstream `{upstream.name}`: `grants.write` `{granted}` and `{path}` overlap, so a tool could "
                    "change what governs it",
                    remedy="grant a folder of its own, or move what governs the server",
                ) from None
