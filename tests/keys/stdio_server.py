"""An MCP server over stdio, standard library only: does what a test asks of it with whatever it was granted."""

import json
import os
import socket
import sys
import time
from pathlib import Path

TOOLS = ("read", "write", "env", "dial", "wait", "say", "fill", "lengths")
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


def done(tool: str, text: str) -> str:
    match tool:
        case "read":
            return Path(text).read_text()
        case "write":
            Path(text).write_text("written from inside")
            return "written"
        case "env":
            return json.dumps(dict(os.environ))
        case "dial":
            host, port = text.split(":")
            socket.create_connection((host, int(port)), timeout=10).close()
            return "connected"
        case "lengths":
            return " ".join(str(len(os.environ[name])) for name in text.split())
        case "say":
            return "y" * int(text)
        case "fill":
            return f"filled {len(bytearray(int(text)))}"
        case _:
            time.sleep(float(text))
            return "waited"


def called(params: dict) -> dict:
    try:
        text, failed = done(params["name"], params["arguments"].get("text", "")), False
    except (OSError, MemoryError) as error:
        text, failed = type(error).__name__, True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        match message["method"]:
            case "initialize":
                info = {"name": "tests", "version": "1"}
                result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
            case "tools/list":
                result = {"tools": [{"name": name, "description": name, "inputSchema": SCHEMA} for name in TOOLS]}
            case "tools/call":
                result = called(message["params"])
            case _:
                failed = {"code": -32601, "message": "unknown"}
                print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": failed}), flush=True)
                continue
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
