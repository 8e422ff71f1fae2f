"""`file_read` with an offset, and `file_grep` line by line, handed a secret out in halves that no scan could see."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdfast.contracts import Principal
from tests.integration.house.conftest import World

pytestmark = pytest.mark.anyio
TOKEN = "AKIA" + "QX4TZ7MPL2VRKJ6Y"


@pytest.fixture(scope="module")
def pem() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("cut", range(1, len(TOKEN), 3))
async def test_two_pieces_of_a_file_do_not_add_up_to_its_secret(world: World, cut: int) -> None:
    before = "aws_access_key_id = "
    (world.workspace / "a.env.txt").write_text(f"{before}{TOKEN}\nregion = eu\n")
    border = len(before) + cut

    first = await world.call("file_read", {"path": "a.env.txt", "limit": border})
    second = await world.call("file_read", {"path": "a.env.txt", "offset": border})

    assert TOKEN[:cut] not in first.output or cut < 4
    assert TOKEN[cut:] not in second.output or len(TOKEN) - cut < 4
    assert "region = eu" in second.output


async def test_a_private_key_is_not_read_line_by_line(
    world: World,
    pem: str,
    fresh: Callable[[], Principal],
) -> None:
    (world.workspace / "notes.txt").write_text(f"hello\n{pem}bye\n")
    lines = pem.splitlines()[1:-1]

    found = await world.call("file_grep", {"pattern": ".", "path": "notes.txt"})
    piece = await world.call("file_read", {"path": "notes.txt", "offset": 200, "limit": 300})

    for line in lines:
        assert line[:40] not in found.output
        assert line[:40] not in piece.output
    assert "hello" in found.output
    assert "bye" in found.output
