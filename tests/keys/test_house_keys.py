"""`envelope`, `[workspace]`, `[policy]`, `[audit]` and `[store]`: each key changes what a real house does."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.audit import read_checkpoint
from holdfast.server.config import load_settings

from .served import serving
from .world import World, code, opened, said

pytestmark = pytest.mark.anyio
POLICIES = Path(__file__).parents[2] / "policies"
FORBID = """
@id("no-echo")
@reason("nobody echoes here")
forbid (principal, action == Action::"echo", resource) when { principal.subject == "parrot" };
"""
CHANGED = """
envelope = "xml"
html_cleaner = "nh3"
[workspace]
root = "workspace"
write_denied = ["Plans.TXT", "build/"]
released = [".INPUTRC"]
[policy]
dir = "policies"
profile = "autonomous"
[audit]
durability = "process"
anchor = "file:FOLDER/heads"
[store]
url = "sqlite:///elsewhere.db"
"""
PLAIN = """
[workspace]
root = "workspace"
"""


@pytest.fixture(scope="module")
async def changed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Every key away from its default; relative paths are relative to the file."""
    folder = tmp_path_factory.mktemp("changed")
    (folder / "workspace").mkdir()
    shutil.copytree(POLICIES, folder / "policies")
    (folder / "policies" / "local.cedar").write_text(FORBID)
    async with opened(folder, CHANGED.replace("FOLDER", str(folder))) as world:
        yield world


@pytest.fixture(scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "workspace").mkdir()
    async with opened(folder, PLAIN) as world:
        yield world


@pytest.fixture(scope="module")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(tmp_path_factory.mktemp("bare"), '[policy]\nprofile = "readonly"') as world:
        yield world


def refusal(folder: Path, text: str) -> str:
    file = folder / "holdfast.toml"
    file.write_text(text)
    with pytest.raises(OperatorError) as refused:
        load_settings(file)
    assert "\n" not in refused.value.message
    return refused.value.message


async def write(world: World, path: str) -> str:
    return code(await world.call("file_write", {"path": path, "content": "x"}))


async def test_the_envelope_is_strict_xml_or_the_body_as_it_is(changed: World, plain: World) -> None:
    text = "a < b && </x> ]]>"
    (changed.folder / "workspace" / "t.txt").write_text(text)
    (plain.folder / "workspace" / "t.txt").write_text(text)

    strict = (await changed.call("file_read", {"path": "t.txt"})).output
    loose = (await plain.call("file_read", {"path": "t.txt"})).output

    assert text in "".join(ET.fromstring(strict).itertext())
    assert text in loose
    with pytest.raises(ET.ParseError):
        ET.fromstring(loose)


async def test_html_is_cleaned_by_the_library_that_is_named(changed: World, plain: World) -> None:
    text = "<html><body><p>a &#8364; b</p><script>c</script></body></html>"

    by_nh3 = said(await changed.call("echo", {"text": text}))
    by_bleach = said(await plain.call("echo", {"text": text}))

    assert "a \u20ac b" in by_nh3
    assert "a &#8364; b" in by_bleach
    assert "script" not in by_nh3 + by_bleach


async def test_a_workspace_root_is_what_file_tools_and_the_shell_see(plain: World, bare: World) -> None:
    (plain.folder / "workspace" / "seen.txt").write_text("here")

    assert code(await plain.call("file_read", {"path": "seen.txt"})) == "ok"
    assert code(await bare.call("file_read", {"path": "seen.txt"})) == "workspace/not-configured"
    assert plain.house.registry.get("shell") is not None
    assert bare.house.registry.get("shell") is None
    assert "file tools" in bare.house.off
    assert "file tools" not in plain.house.off


async def test_a_workspace_that_is_the_configurations_own_folder_is_refused(tmp_path) -> None:
    with pytest.raises(OperatorError, match="overlap"):
        async with opened(tmp_path, '[workspace]\nroot = "."'):
            pass


@pytest.mark.parametrize("name", ["plans.txt", "build/x"])
async def test_write_denied_names_are_not_written_by_file_tools_or_the_shell(
    changed: World, plain: World, name: str
) -> None:
    make = {"script": f"mkdir -p build; echo x > {name} && echo written"}

    assert await write(changed, name) == "workspace/protected-name"
    assert await write(plain, name) == "ok"
    assert "written" not in said(await changed.call("shell", make))
    assert not (changed.folder / "workspace" / name).exists()
    assert "written" in said(await changed.call("shell", {"script": "echo x > free.txt && echo written"}))


async def test_a_released_name_can_be_written_by_file_tools_and_the_shell(changed: World, plain: World) -> None:
    assert await write(changed, ".inputrc") == "ok"
    assert await write(plain, ".inputrc") == "workspace/protected-name"
    assert code(await changed.call("shell", {"script": "echo y >> .inputrc"})) == "ok"
    assert (changed.folder / "workspace" / ".inputrc").read_text() == "xy\n"
    assert code(await changed.call("shell", {"script": "echo y >> .bashrc"})) == "error"


@pytest.mark.parametrize("key", ['released = [".nothing"]', 'write_denied = ["a/b"]', 'write_denied = [""]'])
async def test_a_name_that_protects_or_releases_nothing_is_refused(tmp_path, key: str) -> None:
    (tmp_path / "workspace").mkdir()
    with pytest.raises(OperatorError):
        async with opened(tmp_path, PLAIN + key):
            pass


async def test_policy_dir_is_whose_rules_judge(changed: World, plain: World) -> None:
    denied = await changed.call("echo", {"text": "x"}, who="parrot")

    assert code(denied) == "policy/no-echo"
    assert denied.reason is not None
    assert denied.reason.message == "nobody echoes here"
    assert code(await plain.call("echo", {"text": "x"}, who="parrot")) == "ok"


async def test_policy_profile_chooses_among_them(changed: World, plain: World, bare: World) -> None:
    url = {"url": "https://example.invalid/", "method": "POST"}
    codes = [code(await world.call("http_fetch", url)) for world in (bare, plain, changed)]

    assert codes[:2] == ["policy/read-only", "policy/ask-http-method"]
    assert codes[2].startswith("egress/")


def test_policy_mode_is_one_that_there_is(tmp_path) -> None:
    assert refusal(tmp_path, '[policy]\nmode = "off"').startswith("`policy.mode`")


async def test_durability_power_syncs_the_record_before_the_answer(
    changed: World, plain: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted where the record leaves for the disk."""
    synced: list[str] = []
    fsync = os.fsync

    def counting(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    for world in (changed, plain):
        await world.call("time", {})
        await world.call("file_write", {"path": "f.txt", "content": "x"})

    assert [path for path in synced if str(changed.house.data.audit) in path] == []
    # One for the answer of each, and one for the intent of the call that has effects.
    assert len([path for path in synced if str(plain.house.data.audit) in path]) == 3


async def test_an_anchor_gets_signed_heads(tmp_path) -> None:
    heads = tmp_path / "elsewhere" / "heads"
    heads.parent.mkdir()
    async with opened(tmp_path / "house", f'[audit]\nanchor = "file:{heads}"') as world:
        await world.call("echo", {"text": "x"})
        key, head = world.house.data.key("audit-sign"), world.house.audit.chain.head
    written = heads.read_bytes()

    newest = read_checkpoint(written, key)
    assert (newest.chain, newest.seq, newest.hash) == (head.chain, head.seq, head.hash)
    with pytest.raises(OperatorError, match="signature"):
        read_checkpoint(written, bytes(32))


async def test_without_an_anchor_no_head_is_written(plain: World, changed: World) -> None:
    assert not list(plain.folder.rglob("heads"))
    assert list(changed.folder.rglob("heads"))


def test_a_server_told_to_stop_sends_its_last_head_first(tmp_path) -> None:
    text = f'[server]\nallow_root = true\nport = 0\n[audit]\nanchor = "file:{tmp_path}/heads"'
    with serving(tmp_path / "home", text) as served:
        served.token("call")
    chain = next((tmp_path / "home" / "data" / "audit").glob("*/*.jsonl"))

    newest = read_checkpoint((tmp_path / "heads").read_bytes(), (tmp_path / "home/data/keys/audit-sign").read_bytes())
    assert f'"hash":"{newest.hash}"' in chain.read_text().splitlines()[-1]


@pytest.mark.parametrize("anchor", ["https://example.com/hook", "file:relative", "syslog", "file:"])
def test_an_anchor_that_cannot_be_enforced_is_refused(tmp_path, anchor: str) -> None:
    assert "other anchors cannot be enforced" in refusal(tmp_path, f'[audit]\nanchor = "{anchor}"')


async def test_a_store_url_is_where_the_state_is(changed: World, plain: World) -> None:
    assert (changed.folder / "elsewhere.db").is_file()
    assert not changed.house.data.database.exists()
    assert plain.house.data.database.is_file()


@pytest.mark.parametrize("url", ["postgresql://localhost/x", "mysql://localhost/x", "sqlitefoo:///x", "x.db"])
def test_a_store_that_is_no_sqlite_is_refused(tmp_path, url: str) -> None:
    assert "keeps its state in SQLite" in refusal(tmp_path, f'[store]\nurl = "{url}"')


@pytest.mark.parametrize(
    "key", ['[store]\nurl = "sqlite:///workspace/state.db"', '[audit]\nanchor = "file:FOLDER/workspace/heads"']
)
async def test_state_and_heads_may_not_lie_in_the_workspace(tmp_path, key: str) -> None:
    (tmp_path / "workspace").mkdir()
    with pytest.raises(OperatorError, match="overlap"):
        async with opened(tmp_path, PLAIN + key.replace("FOLDER", str(tmp_path))):
            pass
