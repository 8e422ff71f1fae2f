"""The author's command line: new, build, inspect, keygen, sign, add; each template is a tool that works."""

import json
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from holdfast.contracts import Digest
from holdfast.tools.signatures import read_signature

from ...doors.server import command_line

pytestmark = pytest.mark.timeout(700)
EXAMPLES = Path(__file__).parents[3] / "examples" / "tools"
LANGUAGES = {"c": "wasi-command", "zig": "wasi-command", "wat": "core-json", "python": "python", "js": "javascript"}


def run(home: Path, *words: str):
    return command_line("tools", *words, home=home)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A tool in WAT, built."""
    assert run(tmp_path, "new", "greets", "--lang", "wat").returncode == 0
    assert run(tmp_path, "build", "greets").returncode == 0
    return tmp_path / "greets"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_template_builds_and_passes_its_cases(tmp_path, lang):
    done = run(tmp_path, "new", "greets", "--lang", lang)
    assert done.returncode == 0, done.stderr
    manifest = tomllib.loads((tmp_path / "greets" / "tool.toml").read_text())
    assert manifest["tool"]["abi"] == LANGUAGES[lang]
    assert "{{" not in "".join(path.read_text() for path in (tmp_path / "greets").iterdir())

    if lang == "js":  # what it takes is built by this command alone, which downloads
        assert command_line("javascript", home=tmp_path, said="1").returncode == 0

    built = run(tmp_path, "build", "greets", "--format", "json")

    module = tmp_path / "greets" / manifest["tool"]["module"]
    pinned = tomllib.loads((tmp_path / "greets" / "tool.toml").read_text())
    assert pinned["tool"]["digest"] == str(Digest.of(module.read_bytes()))
    assert built.returncode == 0, built.stderr
    answer = json.loads(built.stdout)
    assert answer["state"] == "built"
    assert [case["passed"] for case in answer["cases"]] == [True, True]


@pytest.mark.parametrize("name", ["word_count_c", "word_count_wat"])
def test_the_examples_build_and_pass_their_cases(tmp_path, name):
    shutil.copytree(EXAMPLES / name, tmp_path / name)

    done = run(tmp_path, "build", name, "--format", "json")

    assert done.returncode == 0, done.stderr
    assert [case["passed"] for case in json.loads(done.stdout)["cases"]] == [True] * 3


def test_building_again_builds_the_same(made):
    before = (made / "tool.toml").read_bytes()

    assert run(made.parent, "build", "greets").returncode == 0
    assert (made / "tool.toml").read_bytes() == before


def test_a_case_that_fails_is_said_and_exits_3(made):
    cases = made / "cases.toml"
    cases.write_text(cases.read_text().replace("hello, Ada", "hello, Eve"))

    done = run(made.parent, "build", "greets")

    assert done.returncode == 3
    assert "failed greets by name" in done.stdout
    assert "another value" in done.stdout


def test_source_that_does_not_build_exits_1_and_changes_nothing(made):
    before = {path.name: path.read_bytes() for path in made.iterdir() if path.name != "main.wat"}
    (made / "main.wat").write_text("(modul)")

    done = run(made.parent, "build", "greets")

    assert done.returncode == 1
    assert "modul" in done.stderr
    assert {path.name: path.read_bytes() for path in made.iterdir() if path.name != "main.wat"} == before


def test_a_link_among_the_sources_is_not_read(made, tmp_path):
    secret = tmp_path / "secret.wat"
    secret.write_text((made / "main.wat").read_text())
    (made / "main.wat").unlink()
    (made / "main.wat").symlink_to(secret)

    done = run(made.parent, "build", "greets")

    assert done.returncode == 2
    assert "source of one language" in done.stderr


def test_a_folder_that_is_there_is_left_alone(made):
    done = run(made.parent, "new", "greets", "--lang", "c")

    assert done.returncode == 2
    assert not (made / "main.c").exists()


@pytest.mark.parametrize("words", [("x", "--lang", "cobol"), ("1x", "--lang", "c"), ("a b", "--lang", "c")])
def test_what_cannot_be_a_tool_is_not_made(tmp_path, words):
    assert run(tmp_path, "new", *words).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_inspect_says_what_a_folder_is_and_what_a_call_takes(made):
    answer = json.loads(run(made.parent, "inspect", "greets").stdout)

    assert (answer["fits"], answer["tools"], answer["abi"]) == (True, ["greets"], "core-json")
    assert {one["name"] for one in answer["exports"]} == {"memory", "alloc", "run"}
    assert answer["sample"]["status"] == "ok"
    assert answer["sample"]["answered"] == '{"greeting":"hello, Ada"}'
    assert 0 < answer["sample"]["fuel"] < 1000


def test_inspect_of_a_file_runs_nothing_without_a_sample(made):
    plain = json.loads(run(made.parent, "inspect", "greets/greets.wasm").stdout)
    tried = json.loads(run(made.parent, "inspect", "greets/greets.wasm", "--sample", '{"name":"Eve"}').stdout)

    assert "sample" not in plain
    assert tried["sample"]["answered"] == '{"greeting":"hello, Eve"}'
    assert tried["digest"] == plain["digest"]


def test_inspect_says_when_a_folder_does_not_fit(made):
    manifest = made / "tool.toml"
    manifest.write_text(manifest.read_text().replace("core-json", "wasi-command"))

    answer = json.loads(run(made.parent, "inspect", "greets").stdout)

    assert "core-json" in answer["fits"]
    assert "sample" not in answer


def test_a_key_signs_a_folder_and_only_its_owner_can_read_it(made, tmp_path):
    done = run(tmp_path, "keygen", "signer.key")
    key = done.stdout.strip()

    assert stat.S_IMODE((tmp_path / "signer.key").stat().st_mode) == 0o600
    assert (tmp_path / "signer.key").read_text().split()[1] not in done.stdout + done.stderr
    assert run(tmp_path, "keygen", "signer.key").returncode == 2

    assert run(tmp_path, "sign", "greets", "--key", "signer.key").returncode == 0
    signature = read_signature((made / "tool.sig").read_text())
    manifest = (made / "tool.toml").read_text()
    assert signature.key == key
    assert signature.holds(manifest, Digest.of((made / "greets.wasm").read_bytes()))

    seen = json.loads(run(tmp_path, "inspect", "greets").stdout)["signed"]
    assert seen == {"by": key, "holds": True}
    (made / "tool.toml").write_text(manifest + "# changed\n")
    assert json.loads(run(tmp_path, "inspect", "greets").stdout)["signed"] == {"by": key, "holds": False}

    (tmp_path / "signer.key").chmod(0o644)
    refused = run(tmp_path, "sign", "greets", "--key", "signer.key")
    assert refused.returncode == 2
    assert "others may read" in refused.stderr


def test_what_was_not_built_as_the_manifest_says_is_not_signed(made, tmp_path):
    run(tmp_path, "keygen", "signer.key")
    (made / "greets.wasm").write_bytes(b"\0asm\x01\0\0\0")

    assert run(tmp_path, "sign", "greets", "--key", "signer.key").returncode == 2
    assert not (made / "tool.sig").exists()


def test_a_signed_folder_is_added_shown_rolled_back_and_removed_by_source(made, tmp_path):
    key = run(tmp_path, "keygen", "signer.key").stdout.strip()
    (tmp_path / "holdfast.toml").write_text(f'[trust]\nkeys = ["{key}"]\nrequire_signature = true\n')
    state = ("--data-dir", str(tmp_path / "data"))

    unsigned = run(tmp_path, "add", "greets", *state)
    assert (unsigned.returncode, "not signed" in unsigned.stderr) == (2, True)
    for version in ("0.1.0", "0.2.0"):
        manifest = made / "tool.toml"
        manifest.write_text(manifest.read_text().replace("0.1.0", version))
        assert run(tmp_path, "sign", "greets", "--key", "signer.key").returncode == 0
        added = run(tmp_path, "add", "greets", *state)
        assert (added.returncode, key in added.stderr) == (0, True), added.stderr
        assert run(tmp_path, "approve", "greets", *state).returncode == 0

    assert json.loads(run(tmp_path, "show", "greets", *state).stdout)["signer"] == key
    assert "0.1.0" in run(tmp_path, "rollback", "greets", *state).stderr
    versions = json.loads(run(tmp_path, "show", "greets", "--versions", *state).stdout)
    assert [(one["version"], one["state"]) for one in versions] == [("0.1.0", "approved"), ("0.2.0", "removed")]
    removed = run(tmp_path, "remove", "--source", "operator", *state)
    assert "greets" in removed.stderr
    assert "greets" not in run(tmp_path, "list", *state).stdout
    assert run(tmp_path, "remove", *state).returncode == 2
