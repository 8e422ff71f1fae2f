"""A command reads and writes its workspace, and nothing else; protected names it only reads."""

import os
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Refused
from holdfast.sandbox.workspace import ProtectedNames

from .conftest import Place

pytestmark = pytest.mark.anyio


async def test_the_workspace_can_be_read_and_written(place: Place) -> None:
    said = await place.output(
        "cat file; echo new > made; ln -s made link; cat link; "
        "mkdir -p a/b; mv made a/b/; mv a/b c; cp -r c d; rm -r file"
    )

    assert said == "insidenew\n"
    assert (place.root / "c" / "made").read_text() == "new\n"
    assert not (place.root / "file").exists()


@pytest.mark.parametrize(
    "attempt",
    [
        "cat ../outside/secret",
        "cd .. && cat outside/secret",
        "cd ../outside && cat secret",
        "cat out/secret",
        "cat secretlink",
        "cp secretlink copy; cat copy",
        "ln -s ../outside/secret mine; cat mine",
        "ln ../outside/secret mine; cat mine",
        "cat /proc/self/cwd/../outside/secret",
        "cat /proc/self/root/{outside}/secret",
        "cat {outside}/secret",
        "ls {outside}",
        "tar cf - out/secret",
        "python3 -c 'print(open(\"{outside}/secret\").read())'",
        "exec 3<{outside}/secret; cat <&3",
        ". {outside}/secret",
        "find / -name 'secret' -path '*outside*' 2>/dev/null",
        "mv out/secret here; cat here",
    ],
)
async def test_nothing_outside_is_read(place: Place, attempt: str) -> None:
    said = await place.output(attempt.replace("{outside}", str(place.outside)))

    assert "canary" not in said
    assert "canary" not in "".join(path.read_text() for path in place.root.iterdir() if path.name in {"copy", "here"})


def exists(path: str) -> bool:
    return os.path.lexists(path)


def protected(root: Path) -> set[str]:
    names = ProtectedNames.of(added=set(), released=set())
    return {path.name for path in root.iterdir() if names.covers(path.name)}


def escaped() -> list[str]:
    return [folder for folder in ("/tmp", "/dev/shm", "/usr") if Path(folder, "escaped-by-shell").exists()]


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/environ", "/proc/1/cmdline", "/etc/passwd"]
)
async def test_nothing_of_the_machine_is_read(place: Place, path: str) -> None:
    outcome = await place.argv("/bin/cat", path)

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.structured["stdout"] == ""


@pytest.mark.parametrize(
    "attempt",
    [
        "echo x > {outside}/new",
        "echo x > out/new",
        "echo x >> secretlink",
        "mkdir out/new",
        "ln -s x out/new",
        "mkfifo out/new",
        "mv file out/new",
        "cp file out/new",
        "rm -rf out/secret {outside}",
        "chmod 777 {outside} secretlink {outside}/secret",
        "chown 1 {outside}/secret",
        "touch -d 2001-01-01 {outside}/secret",
        "python3 -c 'import os; os.utime(\"{outside}/secret\", (1, 1))'",
        'python3 -c \'import os; os.setxattr("{outside}/secret", "user.x", b"1")\'',
        "python3 -c 'import os; os.truncate(\"{outside}/secret\", 0)'",
        "mount -t tmpfs none {outside}",
        "echo x > /tmp/escaped-by-shell; echo x > /dev/shm/escaped-by-shell; echo x > /usr/escaped-by-shell",
    ],
)
async def test_nothing_outside_is_changed(place: Place, attempt: str) -> None:
    def seen() -> list[tuple[object, ...]]:
        paths = [place.outside, *sorted(place.outside.rglob("*"))]
        states = [path.lstat() for path in paths]
        return [
            (path, one.st_mode, one.st_uid, one.st_mtime, one.st_size) for path, one in zip(paths, states, strict=True)
        ]

    before = seen()

    await place.run(attempt.replace("{outside}", str(place.outside)))

    assert seen() == before
    assert not escaped()


@pytest.mark.parametrize(
    "attempt",
    [
        "echo x > .git/config",
        "echo x >> .git/config",
        "echo x > .git/hooks/pre-commit",
        "echo x > ./sub/../.git/config",
        "echo x > gitlink/config",
        "echo x > sub/.git/config",
        "cd .git && echo x > config",
        "rm -rf .git",
        "mv .git elsewhere",
        "mv sub/.git elsewhere",
        "mkdir evil && mv -T evil .git",
        "ln -f file .git/config",
        "ln .git/config hard && echo x > hard",
        "ln -sfn file .git",
        "truncate -s 0 .git/config",
        "chmod 777 .git/config",
        "mkdir .git/new",
        "ln -s x .git/new",
        "python3 -c 'import os; os.mkfifo(\".git/new\")'",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(85, b\".git/config\", 0o600)'",  # creat
        'python3 -c \'import os; fd = os.open(".git/config", 0); open(f"/proc/self/fd/{fd}", "w").write("x")\'',
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\".git/new\")'",
    ],
)
async def test_a_protected_folder_is_not_written(place: Place, attempt: str) -> None:
    def seen() -> list[object]:
        return [
            (
                path.relative_to(place.root),
                path.lstat().st_mode,
                path.lstat().st_nlink,
                path.is_file() and path.read_text(),
            )
            for base in (".git", "sub/.git")
            for path in sorted((place.root / base, *(place.root / base).rglob("*")))
        ]

    before = seen()

    await place.run(attempt)

    assert seen() == before


@pytest.mark.parametrize(
    "name", [".mcp.json", ".bashrc", ".profile", ".vscode", ".claude", ".zshrc", ".envrc", "holdfast.toml"]
)
@pytest.mark.parametrize(
    "attempt",
    [
        "echo x > {name}",
        "mkdir {name}",
        "mkdir -p {name}/deep",
        "ln -s file {name}",
        "ln file {name}",
        "mv file {name}",
        "mkdir d; mv -T d {name}",
        "cp file ./sub/../{name}",
        "mkfifo {name}",
        "python3 -c 'import os; os.mknod(\"{name}\")'",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(85, b\"{name}\", 0o600)'",  # creat
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{name}\")'",
        'python3 -c \'import os; os.symlink("file", "{name}", dir_fd=os.open(".", 0))\'',
    ],
)
async def test_a_protected_name_that_does_not_exist_is_not_made(place: Place, name: str, attempt: str) -> None:
    await place.run(attempt.replace("{name}", name))

    assert protected(place.root) == {".git"}


async def test_a_protected_folder_can_be_read(place: Place) -> None:
    assert await place.output("cat .git/config") == "original"


async def test_git_works_on_what_is_there(place: Place) -> None:
    said = await place.output("cd repo && git -c safe.directory='*' status --short --branch && cat .git/HEAD")

    assert "No commits yet" in said
    assert "ref: refs/heads/" in said


async def test_a_repository_is_not_made_or_changed(place: Place) -> None:
    said = await place.output(
        "cd repo && git -c safe.directory='*' config core.hooksPath /tmp; git -c safe.directory='*' tag x"
    )

    assert "hooksPath" not in (place.root / "repo" / ".git" / "config").read_text()
    assert said


async def test_a_race_of_renames_does_not_get_past(place: Place) -> None:
    """Two threads: one flips `d` between a folder and a link to `.git`, the other writes through `d`."""
    script = """
import ctypes, os, threading, time
libc = ctypes.CDLL(None)
os.mkdir("d")
until = time.monotonic() + 2
def flip():
    while time.monotonic() < until:
        libc.renameat2(-100, b"d", -100, b"gitlink", 2)
        libc.renameat2(-100, b"d", -100, b"out", 2)
one = threading.Thread(target=flip); one.start()
count = 0
while time.monotonic() < until:
    for attempt in (lambda: os.close(os.open("d/raced", os.O_CREAT | os.O_WRONLY)), lambda: os.mkdir("d/raced"),
                    lambda: os.rename("src", "d/raced"), lambda: os.link("file", "d/raced")):
        try:
            open("src", "w").close(); attempt(); count += 1
        except OSError:
            pass
    for clean in (os.unlink, os.rmdir):
        try: clean("d/raced")
        except OSError: pass
one.join(); print("tried", count)
"""
    (place.root / "race.py").write_text(script)

    said = await place.output("python3 race.py")

    assert "tried" in said
    assert not (place.root / ".git" / "raced").exists()
    assert not (place.outside / "raced").exists()


async def test_a_socket_in_the_workspace_is_a_way_out_and_refused(place: Place) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.root / "sub" / "socket"))
        outcome = await place.run("echo never")

    assert isinstance(outcome, Refused)
    assert outcome.reason.code == "shell/cannot-confine"
    assert "socket" in outcome.reason.message


async def test_a_command_cannot_leave_a_socket_behind(place: Place) -> None:
    await place.run("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"left\")'")

    assert not (place.root / "left").exists()


async def test_the_scratch_folder_is_private_and_goes_away(place: Place) -> None:
    first = (await place.output('echo x > "$TMPDIR/t"; mktemp; echo "$TMPDIR"')).splitlines()
    second = (await place.output('ls -A "$TMPDIR"; echo "$TMPDIR"')).splitlines()

    assert first[0].startswith(first[1])
    assert second != [first[1]]
    assert len(second) == 1
    assert not exists(first[1])


async def test_a_link_to_a_protected_name_is_no_way_to_make_it(place: Place) -> None:
    (place.root / "leads").symlink_to(".mcp.json")
    (place.root / "sub" / "leads").symlink_to("../.vscode")

    for attempt in (
        "echo x > leads",
        "ln -s ../.mcp.json sub/new; echo x > sub/new",
        "echo x > sub/leads",
        "cp file leads",
    ):
        await place.run(attempt)

        assert protected(place.root) == {".git"}


async def test_a_name_that_got_past_is_set_aside_and_the_command_ended(place: Place) -> None:
    outcome = await place.run("ln -s .mcp.json l; echo content > l; sleep 1000")

    assert isinstance(outcome, Refused)
    assert outcome.reason.code == "shell/protected-name"
    assert [path.read_text() for path in place.root.glob("set-aside-*")] == ["content\n"]


async def test_what_was_there_before_is_not_set_aside(place: Place) -> None:
    (place.root / ".vscode").mkdir()
    (place.root / ".bashrc").write_text("mine")

    await place.run("echo x > .bashrc; mkdir .claude")

    assert protected(place.root) == {".git", ".vscode", ".bashrc"}
    assert (place.root / ".bashrc").read_text() == "mine"


async def test_a_spelling_that_folds_to_a_protected_name_is_set_aside(place: Place) -> None:
    await place.run("mkdir .GIT; echo x > .Mcp.json")

    assert protected(place.root) == {".git"}


async def test_a_race_of_names_does_not_make_a_protected_one(place: Place) -> None:
    """One thread rewrites the path in memory while the other hands it to the kernel."""
    script = """
import ctypes, threading, time
libc = ctypes.CDLL(None)
path = ctypes.create_string_buffer(b"aaaaaaaaa")
until = time.monotonic() + 2
def flip():
    while time.monotonic() < until:
        ctypes.memmove(path, b".mcp.json", 9); ctypes.memmove(path, b"aaaaaaaaa", 9)
one = threading.Thread(target=flip); one.start()
while time.monotonic() < until:
    made = libc.open(path, 0o101, 0o600)
    if made >= 0: libc.close(made)
    libc.rename(b"aaaaaaaaa", path); libc.link(b"file", path); libc.unlink(b"aaaaaaaaa")
one.join(); print("tried")
"""
    (place.root / "race.py").write_text(script)

    await place.run("python3 race.py")

    assert protected(place.root) == {".git"}


@pytest.mark.parametrize("attempt", ["echo x > .mcp.json", "mv file .mcp.json", "ln file .mcp.json", "cp file .vscode"])
async def test_a_name_is_denied_before_it_is_set_aside(place: Place, attempt: str) -> None:
    """An honest mistake is an error of the command, not its end."""
    assert "denied" in await place.output(f"{attempt}; echo went on")
    assert not list(place.root.glob("set-aside-*"))
