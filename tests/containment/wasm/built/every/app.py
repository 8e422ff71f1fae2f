"""A component with every type of WIT; componentize-py builds it for the tests. What it does is in `world.wit`."""

import os
import socket
import sys
import time
from pathlib import Path

import wit_world
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.shapes import Color


class WitWorld(wit_world.WitWorld):
    def echo_all(self, *values):
        return values

    def echo_bytes(self, data):
        return data

    def big(self, size):
        return b"x" * size

    def nested(self, values):
        return values

    def loop_forever(self):
        while True:
            pass

    def bomb(self, size):
        return len(bytearray(size))

    def say(self, times):
        print("out" * times)
        print("err" * times, file=sys.stderr)
        return "said"

    def now(self):
        return (time.time_ns(), time.monotonic_ns())

    def rnd(self, size):
        return os.urandom(size)

    def not_a_number(self):
        return float("nan")

    def count(self):
        self.calls = getattr(self, "calls", 0) + 1
        return self.calls

    def look(self):
        found = [str(sorted(os.environ)), str(sys.argv[1:])]
        for attempt in (lambda: list(Path("/").iterdir()), lambda: Path("/etc/passwd").read_text()):
            try:
                found.append(str(attempt()))
            except OSError:
                found.append("refused")
        return found

    def dial_out(self):
        socket.create_connection(("127.0.0.1", 9), 1)

    def fail(self):
        raise ValueError("the author's mistake")


class Shapes(exports.Shapes):
    def move(self, place, by):
        if by:
            place.x += by.x
            place.y += by.y
        return place

    def describe(self, shape, color, rights):
        if color is Color.RED:
            raise Err(color)
        return f"{shape} {color.name} {rights}"
