"""Every fuzz target's promise, over the corpus that is kept beside it, on every run."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
TARGETS = sorted(FUZZ.glob("fuzz_*.py"))


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_targets() -> None:
    assert len(TARGETS) >= 8


@pytest.mark.parametrize("target", TARGETS, ids=lambda p: p.stem)
def test_the_promise_holds_over_its_corpus(target: Path) -> None:
    module = _load(target)
    seeds = sorted((FUZZ / "corpus" / target.stem.removeprefix("fuzz_")).iterdir())
    assert seeds, "a target without a corpus proves nothing here"
    assert (module.__doc__ or "").strip(), "the first line states the invariant"
    for seed in seeds:
        module.check(seed.read_bytes())


@pytest.mark.parametrize("target", TARGETS, ids=lambda p: p.stem)
def test_the_fuzzer_sees_which_lines_an_input_reaches(target: Path) -> None:
    fuzzed = target.read_text().partition('if __name__ == "__main__":')[2]
    steps = ("import atheris", "atheris.instrument_all()", "atheris.Setup(sys.argv, check)", "atheris.Fuzz()")
    told = fuzzed.replace("from guiding import instrument_ours", "").replace("instrument_ours()", steps[1])
    assert [line.strip() for line in told.splitlines() if "atheris" in line] == list(steps)
