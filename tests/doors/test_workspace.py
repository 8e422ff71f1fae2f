"""Ways out of the workspace: nothing outside is ever read into an answer, and nothing outside is ever written."""

import ctypes
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from .callers import Caller
from .server import CANARY, Server

pytestmark = pytest.mark.xdist_group("doors")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file under *folder* and what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def links(server: Server) -> str:
    """A folder of the workspace with ways out of it; answers its name."""
    name = f"links-{secrets.token_hex(4)}"
    folder = server.workspace / name
    folder.mkdir()
    outside = server.outside
    (folder / "real.txt").write_text("inside")
    (folder / "file").symlink_to(outside / "secret.txt")
    (folder / "folder").symlink_to(outside)
    (folder / "relative").symlink_to("../../outside/secret.txt")
    (folder / "chain0").symlink_to("chain1")
    (folder / "chain1").symlink_to("chain2")
    (folder / "chain2").symlink_to(outside)
    (folder / "up").symlink_to("../..")
    (folder / "root").symlink_to("/")
    (folder / "self").symlink_to("/proc/self")
    (folder / "cwd").symlink_to("/proc/self/cwd")
    (folder / "environ").symlink_to("/proc/self/environ")
    (folder / "process").symlink_to(f"/proc/{server.pid}")
    (folder / "data").symlink_to(server.data)
    os.link(outside / "secret.txt", outside / f"linked-{name}")
    return name


def ways(server: Server, links: str) -> list[str]:
    """Paths that lead to the secret for somebody who follows them."""
    outside = server.outside
    rooted = str(outside / "secret.txt").lstrip("/")
    return [
        str(outside / "secret.txt"),
        "../outside/secret.txt",
        f"{links}/../../outside/secret.txt",
        "./././../outside/./secret.txt",
        "..//outside//secret.txt",
        f"{links}/file",
        f"{links}/relative",
        f"{links}/folder/secret.txt",
        f"{links}/chain0/secret.txt",
        f"{links}/up/outside/secret.txt",
        f"{links}/root/{rooted}",
        f"{links}/self/root/{rooted}",
        f"{links}/self/environ",
        f"{links}/cwd/outside/secret.txt",
        f"{links}/environ",
        f"{links}/process/environ",
        f"{links}/process/cwd/outside/secret.txt",
        f"{links}/process/root/{rooted}",
        "/proc/self/environ",
        f"/proc/{server.pid}/environ",
        f"//{rooted}",
        f"/../../{rooted}",
        "%2e%2e/outside/secret.txt",
        "..%2foutside%2fsecret.txt",
        "\uff0e\uff0e/outside/secret.txt",
        "..\u2215outside\u2215secret.txt",
        "..\\outside\\secret.txt",
        ".\u200b./outside/secret.txt",
        "..\x00/outside/secret.txt",
        f"file://{outside}/secret.txt",
        "~/secret.txt",
        "$DOORS_SECRET",
    ]


def reads(path: str) -> list[tuple[str, dict[str, object]]]:
    return [
        ("file_read", {"path": path}),
        ("file_grep", {"pattern": "canary|DOORS_SECRET", "path": path}),
        ("file_list", {"path": path, "depth": 3}),
        ("hash", {"path": path, "algorithm": "blake3"}),
        ("hash", {"path": path, "algorithm": "sha256"}),
    ]


def test_no_path_leads_out_for_reading(server: Server, links: str):
    """Not the text, not its digest, not the names of what lies beside it."""
    import hashlib

    digests = [blake3(CANARY.encode()).hexdigest(), hashlib.sha256(CANARY.encode()).hexdigest()]
    telling = [CANARY, *digests, "holdfast.db", "tokens"]
    for path in ways(server, links):
        agent = server.agent()
        for tool, arguments in reads(path):
            answer = agent.call(tool, arguments)
            shown = answer.raw.decode().replace(path, "")

            assert not [one for one in telling if one in shown], (tool, path)


def test_searching_and_listing_everything_follows_no_link_out(server: Server, agent: Caller, links: str):
    found = agent.call("file_grep", {"pattern": "canary|DOORS_SECRET", "path": links})
    listed = agent.call("file_list", {"path": links, "depth": 10})

    assert CANARY not in found.raw.decode() + listed.raw.decode()
    assert "secret.txt" not in listed.raw.decode()
    assert "holdfast.db" not in listed.raw.decode()
    assert agent.call("file_read", {"path": f"{links}/real.txt"}).text == "inside"


def test_no_path_leads_out_for_writing(server: Server, agent: Caller, links: str):
    before = snapshot(server.outside)
    kept = snapshot(server.data / "keys")
    new = f"new-{links}"

    for path in ways(server, links):
        agent.call("file_write", {"path": path, "content": "owned"})
        agent.call("file_write", {"path": path.replace("secret.txt", new), "content": "owned"})
    agent.call("file_write", {"path": f"{links}/data/keys/tokens", "content": "0" * 32})
    agent.call("file_write", {"path": f"{links}/data/admin.sock", "content": "x"})

    assert snapshot(server.outside) == before
    assert snapshot(server.data / "keys") == kept
    # Some of these ways are odd but honest names of files inside.
    assert [path for path in server.home.rglob(f"*{new}*") if not path.is_relative_to(server.workspace)] == []


def test_a_hard_link_is_replaced_and_never_written_through(server: Server, agent: Caller):
    mine, theirs = server.workspace / f"hard-{secrets.token_hex(4)}", server.outside / "shared.txt"
    theirs.write_text("untouched")
    os.link(theirs, mine)

    assert agent.call("file_write", {"path": mine.name, "content": "owned"}).status == 200

    assert theirs.read_text() == "untouched"
    assert mine.read_text() == "owned"


PROTECTED = [
    ".git/hooks/pre-commit",
    ".git/config",
    "sub/.git/hooks/x",
    ".GIT/hooks/x",
    ".g\u200bit/hooks/x",
    "\uff0egit/hooks/x",
    ".git./hooks/x",
    ".git /hooks/x",
    ".mcp.json",
    ".claude/settings.json",
    ".vscode/tasks.json",
    ".bashrc",
    ".profile",
    ".envrc",
]


@pytest.mark.parametrize("path", PROTECTED)
def test_a_file_that_others_would_run_is_not_written(server: Server, agent: Caller, path: str):
    answer = agent.call("file_write", {"path": path, "content": "#!/bin/sh\nprotected-marker"})

    assert answer.status in {202, 403}, answer.raw
    assert not any(b"protected-marker" in text for text in snapshot(server.workspace).values())


RENAME_EXCHANGE = 2


@pytest.fixture
def swapping(server: Server) -> Iterator[tuple[str, list[int]]]:
    """A name in the workspace that is by turns a folder with an honest file and a link to the secret's folder."""
    name = f"swap-{secrets.token_hex(4)}"
    here, link = server.workspace / name, server.home / f"{name}-link"
    here.mkdir()
    (here / "secret.txt").write_text("inside")
    link.symlink_to(server.outside)
    turns, ended = [0], threading.Event()
    exchange = ctypes.CDLL(None, use_errno=True).renameat2
    places = (-100, os.fsencode(here), -100, os.fsencode(link), RENAME_EXCHANGE)

    def turn() -> None:
        while not ended.is_set():
            turns[0] += exchange(*places) == 0

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield name, turns
    finally:
        ended.set()
        thread.join()


def test_a_race_between_folder_and_link_is_never_won(server: Server, swapping: tuple[str, list[int]]):
    name, turns = swapping
    agents = [server.agent() for _ in range(2)]
    before = snapshot(server.outside)
    seen: set[str] = set()

    for number in range(150):
        for tool, arguments in (
            ("file_read", {"path": f"{name}/secret.txt"}),
            ("hash", {"path": f"{name}/secret.txt"}),
            ("file_write", {"path": f"{name}/new-{number}.txt", "content": "owned"}),
        ):
            answer = agents[number % 2].call(tool, arguments)
            assert CANARY not in answer.raw.decode()
            assert blake3(CANARY.encode()).hexdigest() not in answer.raw.decode()
            seen.add(answer.body["status"])

    assert snapshot(server.outside) == before
    assert turns[0] > 0
    assert "ok" in seen


def test_special_files_hold_nobody_up(server: Server, agent: Caller, other: Caller):
    folder = server.workspace / f"special-{secrets.token_hex(4)}"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "tty").symlink_to("/dev/tty")

    for name in ("pipe", "zero", "tty"):
        for tool, arguments in reads(f"{folder.name}/{name}"):
            assert agent.call(tool, arguments).body["status"] in {"error", "denied", "ok"}
        agent.call("file_write", {"path": f"{folder.name}/{name}", "content": "x"})
    assert other.said()
