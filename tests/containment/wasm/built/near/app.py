"""A near:agent tool that asks its host for each thing there is; componentize-py builds it for the tests."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.tool import ErrorKind, GuestFailure, Response_Failure, Response_Success
from wit_world.imports import host


class Tool(exports.Tool):
    def schema(self):
        return '{"type": "object"}'

    def description(self):
        return "asks its host for things"

    def execute(self, request):
        given, capability = json.loads(request.params), json.loads(request.context)["capability_id"]
        act = capability.split(".")[-1]
        if act == "fail":
            return Response_Failure(GuestFailure(ErrorKind.INPUT, "no-such-thing", "there is no such thing"))
        return Response_Success(json.dumps({"capability": capability, "said": getattr(self, f"_{act}")(given)}))

    def _log(self, given):
        host.log(host.LogLevel.WARN, given["message"])

    def _now(self, _given):
        return host.now_millis()

    def _read(self, given):
        return host.workspace_read(given["path"])

    def _secret(self, given):
        return host.secret_exists(given["name"])

    def _http(self, given):
        try:
            answer = host.http_request("GET", given["url"], '{"accept": "text/plain"}', None, 1000)
        except Err as error:
            return {"error": error.value}
        return {"status": answer.status, "headers": json.loads(answer.headers_json), "body": answer.body.decode()}

    def _invoke(self, given):
        try:
            return json.loads(host.tool_invoke(given["tool"], json.dumps(given["arguments"])))
        except Err as error:
            return {"error": error.value}
