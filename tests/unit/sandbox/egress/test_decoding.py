"""An answer is counted as it will be held, while it comes in."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Refusal, ToolError
from holdfast.sandbox.egress.decoding import read_body

pytestmark = pytest.mark.anyio
MOST = 1 << 20


async def chunked(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_what_was_packed_comes_out(encoding: str, pack, size: int) -> None:
    data = b"holdfast " * 1000

    assert await read_body(chunked(pack(data), size), encoding=encoding, most_bytes=MOST) == data


@given(st.binary(max_size=3000), st.integers(min_value=1, max_value=500))
def test_any_bytes_survive_any_cutting(data: bytes, size: int) -> None:
    import asyncio

    body = asyncio.run(read_body(chunked(gzip.compress(data), size), encoding="gzip", most_bytes=MOST))

    assert body == data


async def test_several_gzip_members_are_one_answer() -> None:
    data = gzip.compress(b"one") + gzip.compress(b"two")

    assert await read_body(chunked(data, 5), encoding="gzip", most_bytes=MOST) == b"onetwo"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_ends_at_the_limit_without_being_held(encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    bomb = pack(bytes(300 << 20))
    assert len(bomb) < MOST

    tracemalloc.start()
    with pytest.raises(Refusal) as refused:
        await read_body(chunked(bomb, len(bomb)), encoding=encoding, most_bytes=MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert refused.value.reason.code == "egress/response-too-large"
    assert peak < 8 * MOST


async def test_endless_empty_members_end_at_the_limit() -> None:
    with pytest.raises(Refusal):
        await read_body(chunked(gzip.compress(b"") * 5000), encoding="gzip", most_bytes=50_000)


async def test_exactly_the_limit_is_let_through() -> None:
    assert len(await read_body(chunked(bytes(1000)), encoding="", most_bytes=1000)) == 1000
    with pytest.raises(Refusal):
        await read_body(chunked(bytes(1001)), encoding="", most_bytes=1000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "nonsense"])
async def test_a_compression_that_was_not_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(ToolError):
        await read_body(chunked(b"x"), encoding=encoding, most_bytes=MOST)


@pytest.mark.parametrize("data", [b"no gzip at all", gzip.compress(b"x" * 5000)[:-5]], ids=["none", "cut"])
async def test_a_broken_or_cut_compression_is_an_error(data: bytes) -> None:
    with pytest.raises(ToolError):
        await read_body(chunked(data), encoding="gzip", most_bytes=MOST)
