"""What a client's command means here: an installed program, or a reason and the line that installs it."""

import json

import pytest


def npx(*arguments: str) -> dict[str, object]:
    return {"command": "npx", "args": [*arguments]}


def test_a_package_that_npx_would_fetch_is_its_installed_script(desk):
    folder = desk.package("@a/server", bin={"server": "index.js"})

    planned = desk.one(npx("-y", "@a/server", "--flag", "x"))

    assert planned.entry["command"][1:] == [str(folder / "index.js"), "--flag", "x"]
    assert planned.entry["command"][0].endswith("/node")
    assert planned.entry["grants"] == {"read": [str(desk.project / "node_modules")]}


def test_the_program_of_a_package_is_chosen_by_its_name(desk):
    folder = desk.package("many", bin={"other": "index.js", "many": "many.js"})
    (folder / "many.js").write_text("")

    assert desk.one(npx("many")).entry["command"][1] == str(folder / "many.js")
    assert desk.one(npx("--package=many", "other")).entry["command"][1] == str(folder / "index.js")


def test_an_exact_version_is_that_version_or_nothing(desk):
    desk.package("a", version="1.2.3")

    assert desk.one(npx("a@1.2.3")).notes == ()
    assert "as it is installed" in desk.one(npx("a@latest")).notes[0]
    assert "npm install --prefix" in desk.reason(npx("a@1.2.4"))


def test_what_npx_itself_has_stored_is_found(desk):
    stored = desk.home / ".npm" / "_npx" / "0123" / "node_modules" / "a"
    stored.mkdir(parents=True)
    (stored / "package.json").write_text(json.dumps({"bin": "x.js", "version": "1.0.0"}))
    (stored / "x.js").write_text("")

    assert desk.one(npx("a")).entry["grants"] == {"read": [str(stored.parent)]}


def test_a_package_does_not_name_a_script_outside_of_itself(desk):
    (desk.project / "evil.js").write_text("")
    desk.package("a", bin="../../evil.js")
    assert "is not installed" in desk.reason(npx("a"))


@pytest.mark.parametrize("said", [[], ["-c", "rm"], ["git+https://x.example/y"], ["../folder"], ["--call=x"]])
def test_an_npx_that_is_no_package_is_turned_down(desk, said: list[str]):
    assert "npx" in desk.reason(npx(*said))


def test_a_program_that_uvx_would_fetch_is_the_installed_one(desk):
    program = desk.program("mcp-server-time")

    entry = desk.one({"command": "uvx", "args": ["mcp-server-time", "--local-timezone", "UTC"]}).entry

    assert entry["command"] == [str(program), "--local-timezone", "UTC"]
    assert "grants" not in entry
    other = {"command": "uvx", "args": ["--from", "some-package==1.0", "mcp-server-time"]}
    assert desk.one(other).entry["command"] == [str(program)]


def test_what_is_installed_for_us_comes_first(desk):
    desk.program("mcp-server-time")
    ours = desk.program("mcp-server-time", ".local/share/holdfast/servers/bin")
    assert desk.one({"command": "uvx", "args": ["mcp-server-time"]}).entry["command"] == [str(ours)]


def test_what_uvx_would_fetch_is_turned_down_with_the_line_that_installs_it(desk):
    reason = desk.reason({"command": "uvx", "args": ["mcp-server-nowhere==1.2.3"]})
    assert "pip install mcp-server-nowhere==1.2.3" in reason


def test_a_project_that_uv_runs_is_started_from_its_own_environment(desk):
    folder = desk.project / "server"
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text("")
    python.chmod(0o755)

    entry = desk.one({"command": "uv", "args": ["--directory", str(folder), "run", "server.py", "x"]}).entry

    assert entry["command"] == [str(python), str(folder / "server.py"), "x"]
    assert entry["grants"] == {"read": [str(folder)]}
    assert "uv sync" in desk.reason({"command": "uv", "args": ["run", "server.py"]})
    assert "home folder" in desk.reason({"command": "uv", "args": ["--directory", str(desk.home), "run", "x.py"]})


@pytest.mark.parametrize("command", ["docker", "/usr/bin/podman", "ssh", "kubectl"])
def test_what_runs_outside_of_the_fence_is_turned_down(desk, command: str):
    assert "outside of the fence" in desk.reason({"command": command, "args": ["run", "image"]})


@pytest.mark.parametrize("command", ["pnpm", "deno", "go", "pipx"])
def test_what_fetches_at_each_start_is_turned_down(desk, command: str):
    assert "no network" in desk.reason({"command": command, "args": ["x"]})


def test_a_script_of_a_package_reads_its_package_and_one_beside_nothing_reads_nothing_more(desk):
    package = desk.project / "mine"
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text("{}")
    (package / "dist" / "index.js").write_text("")
    (desk.home / "package.json").write_text("{}")
    (desk.home / "loose.js").write_text("")

    assert desk.one({"command": "sh", "args": ["mine/dist/index.js"]}).entry == {
        "name": "it",
        "command": ["/usr/bin/sh", str(package / "dist" / "index.js")],
        "grants": {"read": [str(package)]},
    }
    assert "grants" not in desk.one({"command": "sh", "args": [str(desk.home / "loose.js")]}).entry


def test_a_program_that_is_not_there_is_turned_down(desk):
    assert "not there" in desk.reason({"command": "no-such-program"})
    assert "not there" in desk.reason({"command": "./no/such/program"})


def test_a_folder_among_the_arguments_is_not_granted_but_named(desk):
    planned = desk.one({"command": "sh", "args": ["-s", str(desk.project)]})
    assert "grants" not in planned.entry
    assert str(desk.project) in planned.notes[0]
