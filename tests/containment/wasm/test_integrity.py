"""Only the module that was approved runs, and only native code that we compiled from it."""

import stat

import pytest

from holdfast.contracts import Completed, Digest, Failed, OperatorError
from holdfast.sandbox.wasm.artifacts import Absent, Altered, Artifact, ArtifactCache

from . import guests
from .conftest import KEY, assembled

pytestmark = pytest.mark.anyio


async def test_a_module_swapped_after_approval_never_runs(world):
    spec = world.tool(guests.STATE)
    world.modules[spec.runtime.module] = assembled(guests.GROW)

    outcome = await world.call(spec)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/integrity"
    assert world.runtime.worker_pids == ()


async def test_a_module_swapped_after_it_was_compiled_never_runs(raised, tmp_path):
    """The artifact that is cached does not excuse the module from being looked at."""
    world = raised(tmp_path / "native", calls=1)
    spec = world.tool(guests.STATE)
    await world.call(spec)
    world.modules[spec.runtime.module] = assembled(guests.GROW)

    outcome = await world.call(spec)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/integrity"


async def test_a_module_that_is_gone_is_a_failed_call(world):
    spec = world.tool(guests.STATE)
    del world.modules[spec.runtime.module]
    world.modules[spec.runtime.module] = b""

    assert (await world.call(spec)).code == "wasm/integrity"


async def test_preparing_a_module_that_is_not_the_approved_one_is_refused(world):
    spec = world.tool(guests.STATE)
    world.modules[spec.runtime.module] = assembled(guests.GROW)

    with pytest.raises(OperatorError, match="not the one that was approved"):
        await world.runtime.prepare(spec.runtime.module)


@pytest.mark.parametrize("place", [0, 31, 32, 40, -1])
async def test_a_forged_artifact_is_refused_and_the_module_compiled_again(raised, tmp_path, place):
    folder = tmp_path / "native"
    world = raised(folder, calls=1)
    spec = world.tool(guests.STATE)
    await world.call(spec)
    (file,) = folder.iterdir()
    original = file.read_bytes()
    forged = bytearray(original)
    forged[place] ^= 1
    file.write_bytes(forged)

    assert isinstance(ArtifactCache(folder, KEY).load(spec.runtime.module), Altered)
    file.write_bytes(forged)
    outcome = await world.call(spec)

    assert isinstance(outcome, Completed)
    assert outcome.structured == 2
    assert isinstance(ArtifactCache(folder, KEY).load(spec.runtime.module), Artifact)


async def test_the_artifact_of_another_module_is_refused_in_its_place(raised, tmp_path):
    folder = tmp_path / "native"
    world = raised(folder, calls=1)
    honest, other = world.tool(guests.STATE), world.tool(guests.GROW)
    await world.call(honest)
    (mine,) = folder.iterdir()
    await world.call(other)
    (its,) = set(folder.iterdir()) - {mine}
    mine.write_bytes(its.read_bytes())

    outcome = await world.call(honest)

    assert isinstance(outcome, Completed)
    assert outcome.structured == 2


async def test_an_artifact_made_under_another_key_is_not_taken(raised, tmp_path):
    folder = tmp_path / "native"
    world = raised(folder)
    spec = world.tool(guests.STATE)
    await world.call(spec)

    assert isinstance(ArtifactCache(folder, KEY).load(spec.runtime.module), Artifact)
    assert isinstance(ArtifactCache(folder, bytes(32)).load(spec.runtime.module), Absent)


async def test_an_empty_artifact_and_a_link_are_refused(tmp_path, world):
    spec = world.tool(guests.STATE)
    cache = ArtifactCache(tmp_path / "native", KEY)
    await world.runtime.prepare(spec.runtime.module)
    report = await world.runtime.inspect(world.modules[spec.runtime.module])
    cache.save(spec.runtime.module, Artifact(report=report, native=b"native"))
    (file,) = (tmp_path / "native").iterdir()
    kept = file.read_bytes()

    file.write_bytes(b"")
    assert isinstance(cache.load(spec.runtime.module), Altered)
    (tmp_path / "elsewhere").write_bytes(kept)
    file.symlink_to(tmp_path / "elsewhere")
    assert isinstance(cache.load(spec.runtime.module), Altered)
    assert (tmp_path / "elsewhere").exists()


async def test_artifacts_are_for_their_owner_alone(raised, tmp_path):
    folder = tmp_path / "native"
    world = raised(folder)
    await world.call(world.tool(guests.STATE))
    (file,) = folder.iterdir()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_others_may_write_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    with pytest.raises(OperatorError, match="mode 0700"):
        ArtifactCache(tmp_path / "open", KEY)


def test_a_short_key_is_refused(tmp_path):
    with pytest.raises(OperatorError, match="32 bytes"):
        ArtifactCache(tmp_path / "native", b"short")


async def test_a_module_that_claims_another_calling_convention_fails(world):
    """The convention is part of what was approved; the module must bear it out."""
    spec = world.tool(guests.STATE, abi="wasi-command")

    outcome = await world.call(spec)

    assert isinstance(outcome, Failed)


def test_digests_compare_whole():
    assert Digest.of(b"a") != Digest.of(b"b")
