"""The bench is no part of the package, so its folder is put on the path here; and suites to be broken."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example suite."""
    return Path(shutil.copytree(ROOT / "bench" / "gullible" / "suites" / "example", tmp_path / "example"))
