"""How grave well-known programs are. What is not listed is unknown, which counts as the worst; it looks at no machine.

A program is listed where the worst it does by itself, whatever its arguments, is at most its class; what runs other
programs or code that its arguments name is not listed at all (`awk`, `sed`, `python`, `make`, `npm`, `ssh`, …).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Risk(StrEnum):
    """The worst that a command does, from the least."""

    READ = "read"
    """It looks, computes or prints."""
    WRITE = "write"
    """It makes or changes files."""
    NETWORK = "network"
    """It talks to other machines."""
    PRIVILEGE = "privilege"
    """It takes on another user's rights, or changes who has which."""
    DESTRUCTIVE = "destructive"
    """It deletes, overwrites or stops what may not come back."""
    UNKNOWN = "unknown"
    """Nobody can tell from its text."""


ORDER: Final = tuple(Risk)

PROGRAMS: Final[Mapping[str, Risk]] = MappingProxyType(
    {
        name: risk
        for risk, names in {
            Risk.READ: """
                [ : arch b2sum base32 base64 basename bc cal cat cd cksum cmp column comm cut date df diff dirname du
                echo exa expand expr factor false fgrep egrep fmt fold free getconf grep groups head hexdump id jq
                locale ls lsblk lscpu lsof md5sum nl nproc numfmt od paste pgrep pidof printenv printf ps pwd readlink
                realpath rev seq sha1sum sha224sum sha256sum sha384sum sha512sum sleep stat strings sum tac tail test
                tr true tsort tty type uname unexpand uptime wait wc whereis which who whoami yes zcat
            """,
            Risk.WRITE: """
                bunzip2 bzip2 chmod cp csplit gunzip gzip link ln mkdir mkfifo mktemp tee touch uniq unxz unzip unzstd
                xxd xz zstd
            """,
            Risk.NETWORK: "curl dig host http https nc ncat netcat nslookup ping traceroute wget whois",
            Risk.PRIVILEGE: """
                adduser chgrp chown chpasswd deluser gpasswd groupadd groupdel groupmod insmod iptables mount nft
                passwd rmmod setcap setfacl sysctl umount useradd userdel usermod
            """,
            Risk.DESTRUCTIVE: """
                blkdiscard dd halt kill killall mkfs mkswap mv pkill poweroff reboot rm rmdir shred shutdown srm
                truncate unlink wipefs
            """,
        }.items()
        for name in names.split()
    }
)

SHELLS: Final = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
"""Run the text that follows `-c`; anything else they are given cannot be read here."""
CARRIERS: Final = frozenset(
    {"builtin", "command", "env", "exec", "nice", "nohup", "setsid", "time", "timeout", "xargs"}
)
"""Run the program that stands after them."""
RAISERS: Final = frozenset({"doas", "sudo"})
"""The same, with other rights."""
LOADED_NAMES: Final = frozenset(
    {"BASH_ENV", "EDITOR", "ENV", "IFS", "PAGER", "PATH", "PROMPT_COMMAND", "PS4", "SHELL", "SHELLOPTS", "VISUAL"}
)
"""Variables that decide what a program runs."""
LOADED_STARTS: Final = ("DYLD_", "GIT_", "LD_", "NODE_", "PERL", "PYTHON", "RUBY")

_GIT: Final[Mapping[str, Risk]] = MappingProxyType(
    {
        name: risk
        for risk, names in {
            Risk.READ: """
                blame cat-file count-objects describe diff log ls-files ls-tree rev-list rev-parse shortlog show status
            """,
            Risk.WRITE: "add branch cherry-pick commit init merge mv notes revert stash switch tag",
            Risk.NETWORK: "clone fetch ls-remote pull push remote",
            Risk.DESTRUCTIVE: "checkout clean gc prune reflog reset restore rm",
        }.items()
        for name in names.split()
    }
)
# Options may be shortened, so what runs a program is known by its first letters.
_GIT_RUNS: Final = ("-c", "-u", "--co", "--e", "--r", "--t", "--u", "ext::")
_WGET_RUNS: Final = ("-e", "--e", "--u")
_FIND_ACTS: Final = ("-exec", "-ok", "-fprint", "-fls", "-delete")
_PUSH: Final = ("-f", "-d", "--f", "--d", "--m", "--p", "+", ":")


def risk_of(program: str, arguments: tuple[str | None, ...]) -> Risk:
    """The worst that *program* does with *arguments*, of which None is one that only the shell could tell."""
    risk = PROGRAMS.get(program, Risk.UNKNOWN)
    known = [one for one in arguments if one is not None]
    match program:
        case "git" | "find" | "wget" | "nc" | "ncat" | "netcat" if len(known) < len(arguments):
            return Risk.UNKNOWN
        case "git":
            return _git(known)
        case "find":
            acts = {one for one in known if one.startswith(_FIND_ACTS)}
            return Risk.READ if not acts else Risk.DESTRUCTIVE if acts == {"-delete"} else Risk.UNKNOWN
        case "wget":
            return Risk.UNKNOWN if any(one.startswith(_WGET_RUNS) for one in known) else risk
        case "nc" | "ncat" | "netcat":
            return Risk.UNKNOWN if any(map(_connects_a_program, known)) else risk
        case _:
            return risk


def _git(arguments: list[str]) -> Risk:
    verb, *rest = arguments or ["status"]
    risk = _GIT.get(verb, Risk.UNKNOWN)
    if risk is Risk.READ and any(one.startswith("--ou") for one in rest):
        return Risk.WRITE
    if risk is Risk.NETWORK and any(one.startswith(_GIT_RUNS) for one in rest):
        return Risk.UNKNOWN
    is_lossy = verb == "push" and any(one.startswith(_PUSH) or ":" in one.partition("/")[0] for one in rest)
    return Risk.DESTRUCTIVE if is_lossy else risk


def _connects_a_program(option: str) -> bool:
    if option.startswith("--"):
        return option.startswith(("--e", "--s", "--l"))
    return option.startswith("-") and ("e" in option or "c" in option)
