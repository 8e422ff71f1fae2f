"""`[trust]`: each key decides whose tools a real house takes in."""

import pytest

from holdfast.contracts import Digest, OperatorError
from holdfast.server.config import load_settings
from holdfast.server.principals import OPERATOR
from holdfast.tools.signatures import public_key, sign

from ..doors.guests import manifest, saying
from .world import opened

pytestmark = pytest.mark.anyio
SEED = bytes(range(32))
OTHER = public_key(bytes(32))
MODULE = saying("hello")
WRITTEN = manifest("signed", MODULE)
SIGNED = sign(SEED, WRITTEN, Digest.of(MODULE)).written()


async def taken(folder, trust: str, signature: str | None) -> bool:
    async with opened(folder, f"[trust]\n{trust}\n") as world:
        try:
            await world.house.registrar.register(WRITTEN, MODULE, OPERATOR, signature=signature)
        except OperatorError:
            return False
        return True


async def test_trusted_keys_are_whose_signatures_are_taken(tmp_path):
    ours = f'keys = ["{OTHER}", "{public_key(SEED)}"]'

    assert await taken(tmp_path / "ours", ours, SIGNED)
    assert not await taken(tmp_path / "others", f'keys = ["{OTHER}"]', SIGNED)
    assert not await taken(tmp_path / "nobody", "", SIGNED)


async def test_require_signature_refuses_what_has_none(tmp_path):
    ours = f'keys = ["{public_key(SEED)}"]\nrequire_signature'

    assert await taken(tmp_path / "free", f"{ours} = false", None)
    assert not await taken(tmp_path / "strict", f"{ours} = true", None)
    assert await taken(tmp_path / "signed", f"{ours} = true", SIGNED)


@pytest.mark.parametrize("key", ["ed25519:00", "rsa:" + "0" * 64, public_key(SEED).upper(), " " + public_key(SEED)])
def test_a_key_that_is_none_is_refused_at_the_start(tmp_path, key):
    file = tmp_path / "holdfast.toml"
    file.write_text(f'[trust]\nkeys = ["{key}"]\n', encoding="utf-8")

    with pytest.raises(OperatorError, match=r"trust\.keys"):
        load_settings(file)
