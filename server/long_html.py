"""Has long HTML cleaned in the confined process: the sanitizer's way out to where work can be stopped."""

import json
from dataclasses import dataclass
from typing import Final

from holdfast.safety.sanitizer.drafts import SEVERITIES
from holdfast.safety.sanitizer.html import Cleaned
from holdfast.sandbox.scanning import ScanProcess

WORKER: Final = "holdfast.server.text_worker"
"""The program of the confined process."""


@dataclass(frozen=True, slots=True)
class LongHtml:
    """Cleans with one of the cleaners, elsewhere."""

    process: ScanProcess
    cleaner: str

    def __call__(self, text: str) -> Cleaned | None:
        """*text* cleaned; None when that was stopped, or what came back is no answer of ours."""
        said = self.process.ask(f"html/{self.cleaner}", text.encode("utf-8", "surrogatepass"))
        if said is None:
            return None
        try:
            done: object = json.loads(said)
        except (ValueError, RecursionError):
            return None
        match done:
            case {"text": str(cleaned), "rules": str(rules)} if set(rules.split()) <= SEVERITIES.keys():
                return Cleaned(text=cleaned, rules=tuple(rules.split()))
            case _:
                return None
