"""A real builder in a real launcher. The C library is compiled once for this user, as it is for anybody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.sandbox.building import Builder
from holdfast.sandbox.children import Launcher
from holdfast.server.data_dir import user_cache
from holdfast.server.workbench import Workbench


@pytest.fixture(scope="session")
def warm() -> Path:
    place = user_cache()
    assert place is not None
    return place[0] / "build"


@dataclass
class Desk:
    """What builds, and what looks at what was built."""

    launcher: Launcher
    bench: Workbench
    cache: Path

    def builder(self, **more: float) -> Builder:
        return Builder(self.launcher, self.bench.assemble, cache=self.cache, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def desk(warm: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack, await Launcher.open() as launcher:
        yield Desk(launcher, await Workbench.open(stack), warm)
