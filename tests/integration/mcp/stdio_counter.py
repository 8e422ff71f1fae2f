"""An MCP server over stdio, standard library only: counts the calls it had, and ends when it is told to."""

import json
import os
import sys

calls = 0
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    match message["method"]:
        case "initialize":
            info = {"name": "counter", "version": "1"}
            answer["result"] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            tool = {"name": "count", "description": "counts", "inputSchema": {"type": "object"}}
            answer["result"] = {"tools": [tool]}
        case "tools/call":
            calls += 1
            if message["params"]["arguments"].get("end"):
                os._exit(1)
            if message["params"]["arguments"].get("silent"):
                continue
            text = f"{os.getpid()} {calls}"
            answer["result"] = {"content": [{"type": "text", "text": text}]}
        case _:
            answer["error"] = {"code": -32601, "message": "unknown"}
    print(json.dumps(answer), flush=True)
