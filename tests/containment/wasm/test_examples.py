"""The example tools do what they say, under the manifests beside them, in confined workers."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Digest, Failed, ToolSpec
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.tools.manifest import load_manifest

EXAMPLES = Path(__file__).parents[3] / "examples" / "tools"
TEXTS = [
    "",
    "word",
    "two words",
    "a\nb\n",
    "a\n\nb",
    "\n",
    " \t\r\n\f\v lead and trail \u000b",
    'quotes " and \\ and / and \b',
    "é ü ßß 漢字 😀 \u2028 \u0000 \u001f \x7f",
    "x" * 70_000,
    "line of words\n" * 5_000,
    '{"text": "nested"}',
]

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


def counted(text: str) -> dict[str, int]:
    return {
        "lines": text.count("\n") + (bool(text) and not text.endswith("\n")),
        "words": len(text.encode().split()),
        "bytes": len(text.encode()),
    }


@pytest.fixture(scope="session")
def built_c(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The C example, built the way its README says, with a compiler cache that outlives nothing."""
    folder = tmp_path_factory.mktemp("zig")
    target = folder / "word_count.wasm"
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-Oz", "-s", "-o", str(target),
         str(EXAMPLES / "word_count_c" / "word_count.c")],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "ZIG_GLOBAL_CACHE_DIR": str(folder), "ZIG_LOCAL_CACHE_DIR": str(folder)},
    )  # fmt: skip
    return target.read_bytes()


def _manifest(name: str, **replaced: str):
    text = (EXAMPLES / name / "tool.toml").read_text(encoding="utf-8")
    for old, new in replaced.items():
        text = text.replace(old, new)
    return load_manifest(text)


async def _wat(world) -> ToolSpec:
    wasm = await world.runtime.assemble((EXAMPLES / "word_count_wat" / "word_count.wat").read_text(encoding="utf-8"))
    manifest = _manifest("word_count_wat")
    assert Digest.of(wasm) == manifest.digest, "the source changed: write down the new digest"
    world.modules[manifest.digest] = wasm
    check_fit(await world.runtime.prepare(manifest.digest), manifest.spec())
    return manifest.spec()


async def _c(world, wasm: bytes) -> ToolSpec:
    shipped = _manifest("word_count_c")
    digest = Digest.of(wasm)
    manifest = _manifest("word_count_c", **{str(shipped.digest): str(digest)})
    world.modules[digest] = wasm
    check_fit(await world.runtime.prepare(digest), manifest.spec())
    return manifest.spec()


async def test_the_text_example_counts(world):
    spec = await _wat(world)

    for text in TEXTS:
        outcome = await world.call(spec, text=text)
        assert isinstance(outcome, Completed), (text[:40], outcome)
        assert outcome.structured == counted(text)


async def test_the_c_example_counts(world, built_c):
    spec = await _c(world, built_c)

    for text in TEXTS:
        outcome = await world.call(spec, text=text)
        assert isinstance(outcome, Completed), (text[:40], outcome)
        assert outcome.structured == counted(text)


async def test_both_examples_agree_with_python_on_many_texts(world, built_c):
    """Escapes at every place: each text is made of what JSON must escape."""
    specs = [await _wat(world), await _c(world, built_c)]
    pieces = ["\n", "\t", " ", "a", '"', "\\", "é", "漢", "😀", "\x00", "\x1f", "\x0b"]
    texts = ["".join(pieces[(seed * step + step * step) % len(pieces)] for step in range(seed)) for seed in range(40)]

    for spec in specs:
        outcomes = await asyncio.gather(*(world.call(spec, text=text) for text in texts))
        assert [outcome.structured for outcome in outcomes] == [counted(text) for text in texts]


async def test_the_c_example_says_what_is_wrong_on_its_log(world, built_c):
    spec = await _c(world, built_c)

    outcome = await world.call(spec, nothing=1)

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert "exit code 2" in outcome.content[-1].text
    assert "word_count: the arguments are not" in outcome.log


async def test_the_text_example_traps_on_what_its_schema_forbids(world):
    outcome = await world.call(await _wat(world), nothing=1)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"


async def test_the_c_example_as_it_is_shipped_is_refused(world, built_c):
    """Its digest belongs to no module until somebody builds one and writes the digest down."""
    shipped = _manifest("word_count_c").spec()
    world.modules[shipped.runtime.module] = built_c

    assert (await world.call(shipped, text="a")).code == "wasm/integrity"
