"""The title of a web page, as a near:agent tool. It reaches the page through its host, or not at all."""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.tool import ErrorKind, GuestFailure, Request, Response_Failure, Response_Success
from wit_world.imports import host

TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class Tool(exports.Tool):
    """The interface `near:agent/tool`."""

    def description(self) -> str:
        """What the tool does, for whoever looks at it."""
        return "Says what the title of a web page is"

    def schema(self) -> str:
        """The schema of its parameters, as JSON."""
        return json.dumps({"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}})

    def execute(self, request: Request) -> Response_Success | Response_Failure:
        """Fetch the page and find its title."""
        url = json.loads(request.params)["url"]
        try:
            page = host.http_request("GET", url, json.dumps({"accept": "text/html"}), None, None)
        except Err as refused:
            return Response_Failure(GuestFailure(ErrorKind.NETWORK_DENIED, "not-reached", refused.value))
        host.log(host.LogLevel.INFO, f"answered with {page.status}")
        found = TITLE.search(page.body.decode("utf-8", errors="replace"))
        return Response_Success(json.dumps({"status": page.status, "title": found[1].strip() if found else None}))
