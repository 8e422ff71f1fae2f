"""A signed head proves where a chain stood; nobody else's will do."""

from pathlib import Path

import pytest

from holdfast.contracts import AuditReceipt, Digest, IntegrityError
from holdfast.server.audit import ChainWriter, Durability, FileAnchor, read_checkpoint, sign

SEED = bytes(range(32))
HEAD = AuditReceipt(chain="a", seq=7, hash=Digest.of(b"head"))


def test_a_signed_head_reads_back() -> None:
    checkpoint = read_checkpoint(sign(HEAD, SEED), SEED)

    assert (checkpoint.chain, checkpoint.seq, checkpoint.hash) == (HEAD.chain, HEAD.seq, HEAD.hash)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        sign(HEAD, bytes(32)),
        sign(HEAD, SEED).replace(b'"seq":7', b'"seq":8'),
        sign(HEAD, SEED).replace(b'"signature":"', b'"signature":"zz'),
    ],
    ids=["empty", "no fields", "no object", "no text", "another key", "another number", "no hex"],
)
def test_what_was_not_signed_here_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_checkpoint(data, SEED)


@pytest.mark.anyio
async def test_an_anchor_holds_the_newest_head_after_close(tmp_path: Path) -> None:
    chain = ChainWriter(tmp_path / "a", key=SEED, durability=Durability.PROCESS)
    anchor = FileAnchor(chain, tmp_path / "anchor", SEED)
    chain.append({"kind": "note"})
    await anchor.aclose()
    await chain.aclose()

    checkpoint = read_checkpoint((tmp_path / "anchor").read_bytes(), SEED)
    assert (checkpoint.seq, checkpoint.hash) == (1, chain.head.hash)
