"""`[[upstreams]]`: each key decides where a server runs, what it is taken to do, and what it can touch."""

import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import Label, OperatorError
from holdfast.server.config import load_settings
from holdfast.server.upstream_settings import UpstreamGrants, UpstreamSettings

from .served import talk_of_serve
from .world import McpOverHttp, World, code, listening, opened, said

pytestmark = pytest.mark.anyio

PYTHON = str(Path(sys.executable).resolve())
COMMAND = json.dumps([PYTHON, str(Path(__file__).with_name("stdio_server.py").resolve())])
POLICIES = Path(__file__).parents[2] / "policies"
HERE = "granted"
"""The folder of the house that is granted, relative to the file."""


def text(web: int, dialled: int, wall_ms: int) -> str:
    """One server with nothing, one with each grant, one over HTTP."""
    return f"""
[limits]
upstream_wall_ms = {wall_ms}
[[upstreams]]
name = "bare"
command = {COMMAND}
effects = []
[[upstreams]]
name = "granted"
command = {COMMAND}
effects = []
[upstreams.grants]
read = ["{HERE}/read"]
write = ["{HERE}/write"]
env = {{ GREETING = "hello inside" }}
pass_env = ["KEYS_PASSED"]
network = ["127.0.0.1:{dialled}"]
[[upstreams]]
name = "unsaid"
command = {COMMAND}
[[upstreams]]
name = "web"
url = "http://127.0.0.1:{web}/mcp"
effects = []
"""


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, int]]:
    folder = tmp_path_factory.mktemp("upstreams")
    for name in ("read", "write", "neither"):
        (folder / HERE / name).mkdir(parents=True)
        (folder / HERE / name / "f.txt").write_text(f"in {name}")
    with listening(McpOverHttp) as web, listening() as dialled, pytest.MonkeyPatch.context() as ours:
        ours.setenv("KEYS_PASSED", "handed on")
        async with opened(folder, text(web.port, dialled.port, 60_000)) as house:
            for name in ("bare", "granted", "unsaid", "web"):
                await house.house.upstreams.approve(name, ())
            yield house, dialled.port


async def told(world: tuple[World, int], tool: str, words: str = "") -> str:
    result = await world[0].call(tool, {"text": words})
    return said(result) or code(result)


async def test_the_name_is_what_its_tools_are_called_after(world) -> None:
    names = {spec.name for spec in world[0].house.registry.specs() if "__" in spec.name}

    assert {"bare__read", "granted__read", "unsaid__read", "web__where"} <= names
    assert await told(world, "bare__wait", "0") == "waited"
    assert await told(world, "other__wait", "0") == "tools/unknown"


async def test_without_a_prefix_its_tools_keep_their_names_and_one_that_is_taken_is_withheld(tmp_path) -> None:
    rows = [f'[[upstreams]]\nname = "{name}"\nprefix = "none"\ncommand = {COMMAND}\neffects = []' for name in "ab"]
    async with opened(tmp_path, "\n".join(rows)) as house:
        for name in "ab":
            await house.house.upstreams.approve(name, ())

        served = {spec.name: spec.runtime.server for spec in house.house.registry.specs() if spec.name == "wait"}
        assert served == {"wait": "a"}
        assert code(await house.call("wait", {"text": "0"})) == "ok"


SURROUNDINGS = {"PATH", "GIT_CONFIG_NOSYSTEM", "LC_CTYPE", "HOME", "LANG", "TMPDIR", "PWD"}


async def test_the_command_is_what_runs(world) -> None:
    assert "hello inside" in await told(world, "granted__env")
    assert json.loads(await told(world, "bare__env")).keys() <= SURROUNDINGS


async def test_the_url_is_where_it_is_reached(world) -> None:
    assert said(await world[0].call("web__where", {})) == "reached over http"
    assert world[0].house.upstreams.target("web").startswith("http://127.0.0.1:")
    assert world[0].house.upstreams.target("bare").startswith(PYTHON)


async def test_effects_are_what_policy_judges_and_without_them_it_has_all(world) -> None:
    house = world[0]

    for labels, unsaid in (((), "ok"), ((Label.UNTRUSTED,), "policy/ask-tainted-egress")):
        for name, become in (("bare__wait", "ok"), ("unsaid__wait", unsaid)):
            who = await house.minted(*labels)
            assert code(await house.call(name, {"text": "0"}, who=who)) == become
            assert await house.labels(who) >= (
                {"private", "untrusted"} if (name, become) == ("unsaid__wait", "ok") else set()
            )


async def test_a_read_grant_is_what_it_can_read(world) -> None:
    folder = world[0].folder / HERE

    assert await told(world, "granted__read", str(folder / "read/f.txt")) == "in read"
    assert "in neither" not in await told(world, "granted__read", str(folder / "neither/f.txt"))
    assert "in read" not in await told(world, "bare__read", str(folder / "read/f.txt"))


async def test_a_write_grant_is_what_it_can_write(world) -> None:
    folder = world[0].folder / HERE

    assert await told(world, "granted__write", str(folder / "write/new.txt")) == "written"
    assert (folder / "write/new.txt").read_text() == "written from inside"
    for tool, place in (("granted__write", "read"), ("granted__write", "neither"), ("bare__write", "write")):
        assert await told(world, tool, str(folder / place / "no.txt")) != "written"
        assert not (folder / place / "no.txt").exists()


async def test_env_is_all_its_environment(world) -> None:
    granted = json.loads(await told(world, "granted__env"))
    bare = json.loads(await told(world, "bare__env"))

    assert granted.get("GREETING") == "hello inside"
    assert "GREETING" not in bare
    assert granted.keys() - bare.keys() == {"GREETING", "KEYS_PASSED"}


async def test_pass_env_names_what_of_ours_it_is_handed(world) -> None:
    assert json.loads(await told(world, "granted__env"))["KEYS_PASSED"] == "handed on"
    assert "KEYS_PASSED" not in json.loads(await told(world, "bare__env"))

    wants = UpstreamSettings(name="wants", command=("/bin/true",), grants=UpstreamGrants(pass_env=("KEYS_NOT_SET",)))
    with pytest.raises(OperatorError, match="`KEYS_NOT_SET`, which is not set"):
        await world[0].house.upstreams.add(wants)


async def test_a_network_grant_is_where_it_can_connect(world) -> None:
    place = f"127.0.0.1:{world[1]}"

    assert await told(world, "granted__dial", place) == "connected"
    assert await told(world, "bare__dial", place) != "connected"
    with listening() as elsewhere:
        assert await told(world, "granted__dial", f"127.0.0.1:{elsewhere.port}") != "connected"


async def test_upstream_wall_ms_stops_a_call_that_takes_longer(world, tmp_path) -> None:
    assert code(await world[0].call("bare__wait", {"text": "0.5"})) == "ok"
    entry = f'[limits]\nupstream_wall_ms = 400\n[[upstreams]]\nname = "slow"\ncommand = {COMMAND}\neffects = []'
    async with opened(tmp_path, entry) as hasty:
        await hasty.house.upstreams.approve("slow", ())
        assert code(await hasty.call("slow__wait", {"text": "20"})) == "limits/wall-ms"


async def test_a_write_grant_over_what_governs_the_server_stops_the_start(tmp_path) -> None:
    entry = f'[[upstreams]]\nname = "greedy"\ncommand = {COMMAND}\n[upstreams.grants]\nwrite = ["PLACE"]'
    shutil.copytree(POLICIES, tmp_path / "policies")
    (tmp_path / "data" / "keys").mkdir(parents=True, mode=0o700)
    (tmp_path / "data").chmod(0o700)
    for place in (".", "data", "data/keys", "policies/supervised"):
        with pytest.raises(OperatorError, match=r"upstream `greedy`: `grants.write` .* overlap"):
            async with opened(tmp_path, entry.replace("PLACE", place) + '\n[policy]\ndir = "policies"'):
                pass


async def test_a_server_that_is_added_later_may_not_write_what_governs_either(world) -> None:
    house = world[0].house
    entry = {"name": "later", "command": [PYTHON], "grants": {"write": [house.data.root]}}

    with pytest.raises(OperatorError, match=r"upstream `later`: `grants.write` .* overlap"):
        await house.upstreams.add(UpstreamSettings.model_validate(entry))


def test_a_network_grant_is_loud_at_the_start(tmp_path, monkeypatch, capsys) -> None:
    entry = f'[[upstreams]]\nname = "dialler"\ncommand = {COMMAND}\n[upstreams.grants]\nnetwork = ["192.0.2.1:5"]\n'

    loud = talk_of_serve(tmp_path, entry, monkeypatch, capsys)
    quiet = talk_of_serve(tmp_path, entry.partition("[upstreams.grants]")[0], monkeypatch, capsys)

    assert "upstream `dialler` reaches 192.0.2.1:5 past the egress broker" in loud
    assert "past the egress broker" not in quiet


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('name = "Bad"\ncommand = ["x"]', "upstreams.0.name"),
        ('name = "a_b"\ncommand = ["x"]', "upstreams.0.name"),
        ('name = "a"', "either `command` or `url`"),
        ('name = "a"\ncommand = ["x"]\nurl = "https://a.example"', "either `command` or `url`"),
        ('name = "a"\ncommand = []', "upstreams.0.command"),
        ('name = "a"\ncommand = ["x"]\neffects = ["everything"]', "upstreams.0.effects.0"),
        ('name = "a"\nurl = "https://a.example"\ngrants = { env = { A = "b" } }', "`grants` confine a command"),
        ('name = "a"\ncommand = ["x"]\nprefix = "short"', "upstreams.0.prefix"),
        ('name = "a"\ncommand = ["x"]\napproval = "auto"', "unknown key `upstreams.0.approval`"),
        ('name = "a"\ncommand = ["x"]\n[[upstreams]]\nname = "a"\ncommand = ["y"]', "have the same `name`"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(tmp_path, entry: str, why: str) -> None:
    file = tmp_path / "holdfast.toml"
    file.write_text("[[upstreams]]\n" + entry)
    with pytest.raises(OperatorError) as wrong:
        load_settings(file)
    assert why in wrong.value.message


async def test_envelope_none_takes_it_off_what_that_server_says_alone(tmp_path: Path) -> None:
    with listening(McpOverHttp) as web:
        rows = [
            f'[[upstreams]]\nname = "{name}"\nurl = "http://127.0.0.1:{web.port}/mcp"\neffects = []\n{more}'
            for name, more in (("plain", ""), ("bare", 'envelope = "none"\n'))
        ]
        async with opened(tmp_path, "".join(rows)) as world:
            for name in ("plain", "bare"):
                await world.house.upstreams.approve(name, ())
            plain, bare = [await world.call(f"{name}__where", {}) for name in ("plain", "bare")]
            denied = await world.call("bare__nowhere", {})

    assert plain.output.startswith("<tool_output_")
    assert (bare.output, bare.texts) == ("reached over http", ("reached over http",))
    assert plain.texts == ()
    assert denied.output.startswith("<tool_output_"), "nothing of that server's is in it"
