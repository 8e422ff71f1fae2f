"""A program of WASI preview 2 that does what its input says; componentize-py builds it for the tests."""

import json
import os
import random
import socket
import sys
import time
from pathlib import Path

from componentize_py_types import Err
from wit_world import exports


class Run(exports.Run):
    def run(self):
        given = json.loads(sys.stdin.read())
        getattr(self, given["do"])(given)
        sys.stdout.flush()

    def echo(self, given):
        print("a word for the record", file=sys.stderr)
        print(json.dumps({"argv": sys.argv, "environment": dict(os.environ), "given": given}))

    def text(self, given):
        sys.stdout.write(given["text"])

    def refuse(self, _given):
        print('{"half": "an answer"}')
        sys.stdout.flush()
        raise Err(None)

    def leave(self, given):
        print("before")
        sys.stdout.flush()
        raise SystemExit(given["code"])

    def fail(self, _given):
        raise ValueError("as asked")

    def world(self, _given):
        tries = (Path("/etc/passwd").read_bytes, lambda: list(Path("/").iterdir()), Path("new").touch, self._connect)
        print(json.dumps([_tried(act) for act in tries]))

    def _connect(self):
        socket.create_connection(("127.0.0.1", 9), timeout=1)

    def remember(self, _given):
        before = getattr(sys, "_before", 0)
        sys._before = before + 1
        print(json.dumps([before, random.random(), time.time()]))

    def sleep(self, _given):
        time.sleep(3600)

    def loop(self, _given):
        while True:
            pass

    def recurse(self, _given):
        sys.setrecursionlimit(10**9)

        def deeper():
            return [deeper()]

        deeper()

    def hoard(self, _given):
        kept = []
        while True:
            kept.append(bytearray(1 << 20))

    def flood(self, given):
        stream = sys.stdout if given["where"] == "out" else sys.stderr
        while True:
            stream.write("x" * 60_000 + "\n")

    def raw(self, _given):
        sys.stdout.buffer.write(b"\xff\xfe\x00")
        sys.stderr.buffer.write(b"\xff\xfe\n")

    def held(self, given):
        kept = bytearray(given["bytes"])
        print(len(kept))


def _tried(act):
    try:
        act()
    except (OSError, LookupError) as error:
        return type(error).__name__
    return "done"
