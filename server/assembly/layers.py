"""The five safety layers, from package data and settings. They are the same for every face of the house."""

from importlib.resources import files
from pathlib import Path

from holdfast.contracts import Digest, Principal
from holdfast.contracts.json_values import canonical
from holdfast.safety.credentials import CredentialDetector
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.validator import ArgumentLimits, Validator

from ..config import LimitSettings
from ..dispatch import Layers
from ..keyed_files import KeyedFiles


def build_layers(limits: LimitSettings | None = None, kept: KeyedFiles | None = None) -> Layers:
    """Build them without a policy: with these nothing can be judged, only scanned.

    *kept* holds the compiled leak database between starts.

    Raises: OperatorError when a rule file is wrong.
    """
    limits = limits or LimitSettings()
    return Layers(
        validator=Validator(
            ArgumentLimits(bytes=limits.argument_bytes, depth=limits.argument_depth, nodes=limits.argument_nodes)
        ),
        sanitizer=Sanitizer(),
        leaks=_leak_detector(kept),
        credentials=CredentialDetector(),
        policy=_no_policy,
    )


def rule_sources() -> dict[str, str]:
    """The leak rules that come with Holdfast: file name to TOML text."""
    folder = files("holdfast.safety.leaks").joinpath("patterns")
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if Path(entry.name).suffix == ".toml"
    }


def _leak_detector(kept: KeyedFiles | None) -> LeakDetector:
    sources = rule_sources()
    name = f"leaks-{Digest.of(canonical(dict(sources))).hex[:16]}"
    stored = kept.load(name) if kept is not None else None
    detector = LeakDetector.build(load_rules(sources), database=stored)
    if kept is not None:
        compiled = detector.serialized()
        if compiled and compiled != stored:
            kept.save(name, compiled)
    return detector


def _no_policy(_principal: Principal) -> PolicyBundle:
    raise RuntimeError("these layers only scan")
