"""One call: reads the request, runs what it asks for, and writes what came of it."""

import base64
import io
import json
import linecache
import random
import sys
import types
from collections.abc import Iterable
from typing import Any

from . import files, offered, programs, tools
from .calling import HostCall
from .streams import OutputFull, Room, Written
from .telling import clean

# What a small call does, once, ahead of the first one: the pages it writes to are then this instance's own.
_TOUCH = json.dumps(
    {"code": "print(sum(range(9)))\n1", "input": None, "files": {}, "output_bytes": 1000, "keep": False}
)
_kept: list[types.ModuleType] = []
"""The module of the call before, where the request says that it goes on."""


def answer(request: str, host: HostCall) -> str:
    """Run what *request* asks for; answers what it says, as this package's docstring has it."""
    asked = json.loads(request)
    if "touch" in asked:
        practise((_TOUCH,), host)
        return '{"touched":true}'
    room = Room(asked["output_bytes"])
    out, err = Written(room, "<stdout>"), Written(room, "<stderr>")
    offered.bind(host)
    said: dict[str, Any] = {}
    try:
        said = _run(asked, out, err)
    except MemoryError:
        said = {"limit": "memory_bytes"}
    except OutputFull:
        room.over = True
    if room.over:
        said = {"limit": "output_bytes"}
    if "limit" in said:
        files.forget()
        return json.dumps(said)
    return _written(said, out, err)


def practise(requests: Iterable[str], host: HostCall) -> None:
    """Answer *requests*, which are ours, and leave everything as it was: what they made once is there, no more."""
    kept = sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"]
    for request in requests:
        answer(request, host)
        forget()
    sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"] = kept
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = kept[:3]
    linecache.clearcache()


def forget() -> None:
    """Begin again, as if nothing had run."""
    _kept.clear()
    files.forget()
    programs.forget()
    tools.forget()


def _written(said: dict[str, Any], out: Written, err: Written) -> str:
    try:
        made = files.written()
        said["stdout"], said["stderr"] = clean(out.taken()), clean(err.taken())
        said["files"] = {clean(name): base64.b64encode(data).decode() for name, data in made.items()}
        return json.dumps(said)
    except MemoryError:
        return '{"limit": "memory_bytes"}'


def _run(asked: dict[str, Any], out: Written, err: Written) -> dict[str, Any]:
    for name, data in asked.get("files", {}).items():
        files.put(name, base64.b64decode(data))
    if not _kept:
        random.seed()  # the generator was made when the interpreter was built, and would say the same in every call
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, err
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, out, err
    sys.argv = ["main.py"]
    sys.set_int_max_str_digits(0)  # fuel bounds it, and what a number is should not depend on its length
    if "source" in asked:
        files.stamp(asked.get("clock", True))
        return tools.run(asked)
    main = _kept[0] if _kept else types.ModuleType("__main__")
    sys.modules["__main__"] = main
    if asked.get("keep"):
        _kept[:] = [main]
        files.begin()
    return programs.run(asked, main, err)
