"""Source that attacks its compiler: it reads nothing of ours, outlives nothing, leaves nothing for the next build."""

import tempfile
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.sandbox.building import MOST_SOURCE_BYTES, MOST_SOURCES, BuildRefused, Language

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(700)]

HELLO = b'#include <stdio.h>\nint main(void) { puts("{}"); return 0; }\n'
SECRET = "canary-of-the-build"


def scratch_folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("holdfast-build-*")}


@pytest.fixture(scope="module", autouse=True)
async def warmed(desk):
    """The C library, so that no test below waits for it."""
    assert (await desk.builder().build(Language.C, {"main.c": HELLO})).startswith(b"\0asm")


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("outside") / "secret.h"
    file.write_text(f'const char *stolen = "{SECRET}";\n', encoding="utf-8")
    return file


async def refused(desk, sources, language=Language.C, **more) -> BuildRefused:
    with pytest.raises(BuildRefused) as caught:
        await desk.builder(**more).build(language, sources)
    return caught.value


@pytest.mark.parametrize(
    "reads",
    [
        '#include "OUTSIDE"\nint main(void) { return 0; }',
        '#include "../../../../../../..OUTSIDE"\nint main(void) { return 0; }',
        '__asm__(".incbin \\"OUTSIDE\\"");\nint main(void) { return 0; }',
        'const char stolen[] = {\n#embed "OUTSIDE"\n};\nint main(void) { return stolen[0]; }',
        '#if __has_include("OUTSIDE")\n#error it can be seen\n#endif\n#include "OUTSIDE"\nint main(void) { return 0; }',
        '#include "/etc/passwd"\nint main(void) { return 0; }',
        '#include "/proc/self/environ"\nint main(void) { return 0; }',
    ],
)
async def test_c_reads_nothing_beyond_its_folder_and_the_toolchain(desk, outside, reads):
    error = await refused(desk, {"main.c": reads.replace("OUTSIDE", str(outside)).encode()})

    assert SECRET not in error.said
    assert "root:" not in error.said
    assert "it can be seen" not in error.said


@pytest.mark.parametrize(
    "reads",
    [
        'const s = @embedFile("OUTSIDE");\npub fn main() u8 { return s[0]; }',
        'const s = @import("OUTSIDE");\npub fn main() u8 { _ = s; return 0; }',
    ],
)
async def test_zig_reads_nothing_beyond_its_folder(desk, outside, reads):
    error = await refused(desk, {"main.zig": reads.replace("OUTSIDE", str(outside)).encode()}, Language.ZIG)

    assert SECRET not in error.said


async def test_a_build_without_end_is_ended(desk):
    endless = b"pub fn main() u8 { comptime { @setEvalBranchQuota(4294967295); while (true) {} } return 0; }"

    error = await refused(desk, {"main.zig": endless}, Language.ZIG, seconds=3)

    assert "takes longer than 3 seconds" in error.message


async def test_a_macro_bomb_is_contained(desk):
    """Each line has 16 of the line before: 16 ** 9 words."""
    bomb = "#define A0 1,\n" + "".join(f"#define A{n} {f'A{n - 1} ' * 16}\n" for n in range(1, 10))
    error = await refused(
        desk, {"main.c": f"{bomb}int x[] = {{ A9 }};\nint main(void) {{ return 0; }}".encode()}, seconds=10
    )

    assert "memory" in error.message or "longer than" in error.message or "does not compile" in error.message


async def test_a_build_over_its_memory_is_ended(desk):
    bomb = "#define A0 1,\n" + "".join(f"#define A{n} {f'A{n - 1} ' * 16}\n" for n in range(1, 10))
    source = f"{bomb}int x[] = {{ A9 }};\nint main(void) {{ return 0; }}".encode()

    error = await refused(desk, {"main.c": source}, memory_bytes=300 << 20)

    assert "longer than" not in error.message


async def test_a_module_larger_than_any_may_be_is_refused(desk):
    source = b"char big[200 << 20] = { 1 };\nint main(void) { return big[5]; }"

    await refused(desk, {"main.c": source})


async def test_words_without_end_are_cut_off(desk):
    lines = "".join(f'#warning "{"x" * 4000}{n}"\n' for n in range(100))

    error = await refused(desk, {"main.c": f"{lines}int main(void) {{ return 0; }}".encode()})

    assert "says more than" in error.message


async def test_what_the_compiler_says_is_handed_on_without_our_paths(desk):
    error = await refused(desk, {"main.c": b"int main(void) { return x; }"})

    assert "does not compile" in error.message
    assert "main.c" in error.said
    assert "undeclared" in error.said
    assert "holdfast-build-" not in error.said


async def test_every_build_begins_with_the_same_cache(desk, warm, tmp_path, monkeypatch):
    """Nothing that one leaves is there for the next."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in warm.rglob("*") if path.is_file()}

    await desk.builder().build(Language.C, {"main.c": HELLO + b"// another\n"})

    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert scratch_folders() == set()


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        ({"../main.c": HELLO}, "name"),
        ({"/main.c": HELLO}, "name"),
        ({"a/../main.c": HELLO}, "name"),
        ({".hidden.c": HELLO}, "name"),
        ({"-o.c": HELLO}, "name"),
        ({"@words.c": HELLO}, "name"),
        ({"main.c": HELLO, "MAIN.C": HELLO}, "same place"),
        ({"main.c": HELLO, "main.c/x.c": HELLO}, "same place"),
        ({f"f{n}.c": b"" for n in range(MOST_SOURCES + 1)}, "at most"),
        ({"main.c": b" " * (MOST_SOURCE_BYTES + 1)}, "at most"),
        ({"readme.txt": b""}, "no source file"),
        ({}, "no source file"),
    ],
)
async def test_names_and_sizes_are_checked_before_anything_is_written(desk, sources, why):
    assert why in (await refused(desk, sources)).message


async def test_files_in_folders_and_headers_are_found(desk):
    sources = {
        "main.c": b'#include "lib/answer.h"\nint main(void) { return answer(); }',
        "lib/answer.h": b"int answer(void);",
        "lib/answer.c": b"int answer(void) { return 0; }",
    }

    assert (await desk.builder().build(Language.C, sources)).startswith(b"\0asm")


async def test_text_becomes_a_module_and_source_of_a_sealed_language_stays_as_it_is(desk):
    assert (await desk.builder().build(Language.WAT, {"main.wat": b"(module)"})) == b"\0asm\x01\0\0\0"
    assert (await desk.builder().build(Language.PYTHON, {"tool.py": b"x = 1"})) == b"x = 1"
    assert "assemble" in (await refused(desk, {"main.wat": b"(modul)"}, Language.WAT)).message
    assert "one file" in (await refused(desk, {"a.py": b"", "b.py": b""}, Language.PYTHON)).message


async def test_where_nothing_can_be_confined_c_is_refused(desk):
    from holdfast.sandbox.building import Builder

    with pytest.raises(OperatorError, match="cannot be confined"):
        await Builder(None, desk.bench.assemble, cache=desk.cache).build(Language.C, {"main.c": HELLO})
