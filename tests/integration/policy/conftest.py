"""A real house that judges by policies of its own, to be edited while it runs."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.keys.world import World, opened

SHIPPED = Path(__file__).parents[3] / "policies"


def forbid(name: str, subject: str, annotations: str = "") -> str:
    """A policy *name* that stops *subject* from echoing."""
    when = f'when {{ principal.subject == "{subject}" }}'
    marks = f'@id("{name}")\n@reason("{subject} does not echo")\n{annotations}'
    return f'{marks}\nforbid (principal, action == Action::"echo", resource) {when};\n'


def policies_in(folder: Path, local: str = "") -> Path:
    """The shipped policies as an operator's own in *folder*, and *local* beside them; answers the local file."""
    shutil.copytree(SHIPPED, folder / "policies")
    own = folder / "policies" / "local.cedar"
    own.write_text(local)
    return own


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One whose policy folder may be edited; `local.cedar` is empty."""
    policies_in(tmp_path)
    async with opened(tmp_path, '[policy]\ndir = "policies"') as house:
        yield house
