"""An MCP server that tries what it is told to, and says how that went. Standard library only; what it starts ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

SCHEMA = {"type": "object", "properties": {"what": {"type": "string"}, "at": {"type": "string"}}}
OUT = sys.stdout.buffer


def send(message: object) -> None:
    OUT.write(json.dumps(message).encode() + b"\n")
    OUT.flush()


def connect(family: int, kind: int, place: object) -> str:
    with socket.socket(family, kind) as one:
        one.settimeout(5)
        one.connect(place)
        if kind == socket.SOCK_DGRAM:
            one.send(b"x")
        return "connected"


def runaway(marker: str) -> str:
    """A process in a session of its own, that hears no signal it can refuse, and is nobody's child."""
    begun, open_until_then = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
                signal.signal(one, signal.SIG_IGN)
            for descriptor in (0, 1, 2):
                os.close(descriptor)
            os.execv("/usr/bin/sleep", ["sleep", f"60.{marker}"])
        os._exit(0)
    os.wait()
    os.close(open_until_then)
    os.read(begun, 1)  # ends when the program itself runs: its own end of the pipe closes with that
    return "runs"


def tried(what: str, at: str) -> str:  # noqa: C901, PLR0911, PLR0912 -- one arm for each attempt
    match what:
        case "read":
            return f"read {len(Path(at).read_bytes())}"
        case "list":
            return f"listed {sum(1 for _entry in Path(at).iterdir())}"
        case "write":
            Path(at).write_text("x")
            return "wrote"
        case "env":
            return json.dumps(dict(os.environ))
        case "tcp":
            host, _, port = at.rpartition(":")
            return connect(socket.AF_INET, socket.SOCK_STREAM, (host, int(port)))
        case "udp":
            host, _, port = at.rpartition(":")
            return connect(socket.AF_INET, socket.SOCK_DGRAM, (host, int(port)))
        case "unix":
            return connect(socket.AF_UNIX, socket.SOCK_STREAM, at)
        case "name":
            return socket.getaddrinfo(at, 80)[0][4][0]
        case "listen":
            with socket.create_server(("127.0.0.1", 0)):
                return "listening"
        case "run":
            return subprocess.run(
                ["/bin/sh", "-c", at], capture_output=True, text=True, timeout=20, check=False
            ).stdout.strip()
        case "runaway":
            return runaway(at)
        case "signal":
            os.kill(int(at), 0)
            return "could signal"
        case "processes":
            return json.dumps([one.name for one in Path("/proc").iterdir() if one.name.isdecimal()])
        case "ids":
            return json.dumps([os.getuid(), Path("/proc/self/status").read_text().count("NoNewPrivs:\t1")])
        case _:
            return "unknown"


def attempt(what: str, at: str) -> str:
    try:
        return tried(what, at)
    except OSError as error:
        return f"refused: {type(error).__name__}"


def main() -> None:  # noqa: C901 -- one arm for each method
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind == "stays":
        for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            signal.signal(one, signal.SIG_IGN)
    if kind == "noise":
        threading.Thread(target=lambda: OUT.write(b"\0\xff no json \n" * 20), daemon=True).start()
    for line in sys.stdin.buffer:
        message = json.loads(line)
        request, method, params = message.get("id"), message.get("method"), message.get("params", {})
        if request is None:
            continue
        if method == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            result["serverInfo"] = {"name": "prober", "version": "1"}
        elif method == "tools/list":
            result = {"tools": [{"name": "try", "description": "tries", "inputSchema": SCHEMA}]}
        elif method == "tools/call":
            given = params["arguments"]
            result = {"content": [{"type": "text", "text": attempt(given["what"], given.get("at", ""))}]}
        else:
            send({"jsonrpc": "2.0", "id": request, "error": {"code": -32601, "message": "unknown"}})
            continue
        send({"jsonrpc": "2.0", "id": request, "result": result})
    if kind == "stays":
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
