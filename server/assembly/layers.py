"""The five safety layers, from package data and settings. They are the same for every face of the house."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from holdfast.contracts import Digest, Principal
from holdfast.contracts.json_values import canonical
from holdfast.safety.credentials import CredentialDetector
from holdfast.safety.detectors import Detectors
from holdfast.safety.injection import InjectionDetector, load_signals
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.pii import PiiDetector, load_pii_rules
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.sanitizer.html import Elsewhere
from holdfast.safety.validator import ArgumentLimits, Validator
from holdfast.sandbox.scanning import ScanProcess

from ..config import LimitSettings
from ..dispatch import Layers
from ..keyed_files import KeyedFiles
from ..long_html import WORKER, LongHtml
from ..many_lines import ManyLines
from ..pii_settings import PiiSettings

D = TypeVar("D", LeakDetector, InjectionDetector, PiiDetector)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What cleaning goes by."""

    hosts: tuple[str, ...] = ("*",)
    """Where links in output may lead."""
    html_cleaner: str = "bleach"
    elsewhere: Elsewhere | None = None
    """Where long HTML is cleaned; it is escaped where there is no such place."""
    many_lines: ManyLines | None = None
    """Where detect-secrets reads more than it may here; what it did not read is said where there is no such place."""


def open_cleaning(
    stack: ExitStack | AsyncExitStack, *, hosts: Iterable[str] = ("*",), html_cleaner: str = "bleach"
) -> Cleaning:
    """As configured, with a process for long HTML that is raised when it is first needed."""
    process = ScanProcess(WORKER)
    stack.callback(process.close)
    return Cleaning(
        hosts=tuple(hosts),
        html_cleaner=html_cleaner,
        elsewhere=LongHtml(process, html_cleaner),
        many_lines=ManyLines(process),
    )


def build_layers(
    limits: LimitSettings | None = None,
    kept: KeyedFiles | None = None,
    cleaning: Cleaning = Cleaning(),
    pii: PiiSettings | None = None,
) -> Layers:
    """Build them without a policy: with these nothing can be judged, only scanned.

    *kept* holds the compiled databases between starts.

    Raises: OperatorError when a rule file is wrong, or the configured HTML cleaner is not there.
    """
    limits = limits or LimitSettings()
    return Layers(
        validator=Validator(
            ArgumentLimits(bytes=limits.argument_bytes, depth=limits.argument_depth, nodes=limits.argument_nodes)
        ),
        sanitizer=Sanitizer(hosts=cleaning.hosts, html_cleaner=cleaning.html_cleaner, elsewhere=cleaning.elsewhere),
        detectors=Detectors(
            leaks=_leak_detector(kept),
            credentials=CredentialDetector(elsewhere=cleaning.many_lines),
            pii=_pii_detector(kept, pii or PiiSettings()),
        ),
        injection=_injection_detector(kept),
        policy=_no_policy,
    )


def rule_sources() -> dict[str, str]:
    """The leak rules that come with Holdfast: file name to TOML text."""
    return _rules_in(files("holdfast.safety").joinpath("rules"))


def pii_sources() -> dict[str, str]:
    """The rules for personal data that come with Holdfast: file name to TOML text."""
    return _rules_in(files("holdfast.safety").joinpath("rules", "pii"))


def signal_sources() -> dict[str, str]:
    """The injection rules that come with Holdfast: file name to TOML text."""
    return _rules_in(files("holdfast.safety").joinpath("rules", "injection"))


def _rules_in(folder: Traversable) -> dict[str, str]:
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if Path(entry.name).suffix == ".toml"
    }


def _leak_detector(kept: KeyedFiles | None) -> LeakDetector:
    sources = rule_sources()
    return _kept(kept, "leaks", sources, lambda stored: LeakDetector.build(load_rules(sources), database=stored))


def _injection_detector(kept: KeyedFiles | None) -> InjectionDetector:
    sources = signal_sources()
    rules = load_signals(sources)
    return _kept(kept, "injection", sources, lambda stored: InjectionDetector.build(rules, database=stored))


def _pii_detector(kept: KeyedFiles | None, settings: PiiSettings) -> PiiDetector:
    sources, off = pii_sources(), " ".join(sorted(settings.off))
    rules = [rule for rule in load_pii_rules(sources) if rule.kind not in settings.off]
    asked = {**sources, "off": off}
    return _kept(kept, "pii", asked, lambda stored: PiiDetector.build(rules, redact=settings.redact, database=stored))


def _kept(kept: KeyedFiles | None, kind: str, sources: Mapping[str, str], build: Callable[[bytes | None], D]) -> D:
    """What *build* makes of the compiled database that is kept for *sources*; a new one is kept for the next start."""
    name = f"{kind}-{Digest.of(canonical(dict(sources))).hex[:16]}"
    stored = kept.load(name) if kept is not None else None
    detector = build(stored)
    if kept is not None:
        compiled = detector.serialized()
        if compiled and compiled != stored:
            kept.save(name, compiled)
    return detector


def _no_policy(_principal: Principal) -> PolicyBundle:
    raise RuntimeError("these layers only scan")
