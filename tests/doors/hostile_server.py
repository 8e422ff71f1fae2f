"""An MCP server over stdio whose every word and deed is dictated by the folder it is started with.

`tools.json` is what it lists, `answer.json` what a call answers; each call leaves a file `ran-NAME`. `exit-on-call`
makes it end in a call, `announce` makes it say that its tools have changed. Standard library only; ends with its input.
"""

import json
import os
import sys
from pathlib import Path

STAGE = Path(sys.argv[1])


def send(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def told(name: str, otherwise: object) -> object:
    try:
        return json.loads((STAGE / name).read_text())
    except OSError:
        return otherwise


def call(request: object, params: dict[str, object]) -> None:
    (STAGE / f"ran-{params['name']}").write_text(json.dumps(params.get("arguments")))
    if (STAGE / "announce").exists():
        send({"method": "notifications/tools/list_changed"})
    if (STAGE / "exit-on-call").exists():
        os._exit(1)
    answer = told("answer.json", {"result": {"content": [{"type": "text", "text": "fine"}]}})
    assert isinstance(answer, dict)
    send({"id": request, **answer})


for line in sys.stdin:
    message = json.loads(line)
    request, method = message.get("id"), message.get("method")
    if request is None:
        continue
    if method == "initialize":
        info = {"name": "stage", "version": "1"}
        capabilities = {"tools": {"listChanged": True}}
        send(
            {
                "id": request,
                "result": {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info},
            }
        )
    elif method == "tools/list":
        send({"id": request, "result": {"tools": told("tools.json", [])}})
    elif method == "tools/call":
        call(request, message["params"])
    else:
        send({"id": request, "error": {"code": -32601, "message": "unknown"}})
