"""The OpenAPI document against the running server: every operation, with data that fits it and data that does not."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EVERYTHING = ("call", "host", "approve", "register", "metrics", "policy:read")


def _document(world):
    answer = world.send("GET", "/openapi.json", None, world.token(*EVERYTHING))
    assert answer.status == 200
    return answer.json()


def test_only_public_routes_need_no_token(world):
    public = {
        path
        for path, operations in _document(world)["paths"].items()
        for operation in operations.values()
        if not operation["security"]
    }

    assert public == {
        "/healthz",
        "/readyz",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    }


@pytest.fixture(scope="module")
def described(world):
    schema = schemathesis.openapi.from_dict(_document(world))
    schema.config.update(base_url=f"http://127.0.0.1:{world.port}")
    return schema


OPERATIONS = [
    *("GET /healthz", "GET /readyz", "GET /metrics"),
    *("GET /.well-known/oauth-protected-resource", "GET /.well-known/oauth-protected-resource/mcp"),
    *(
        "POST /v1/call",
        "POST /v1/scan",
        "GET /v1/tools",
        "POST /v1/tools",
        "DELETE /v1/tools",
        "POST /v1/tools/build",
        "GET /v1/tools/{name}",
    ),
    *("GET /v1/approvals", "GET /v1/approvals/{id}", "POST /v1/approvals/{id}"),
    *("GET /v1/upstreams", "GET /v1/upstreams/{name}"),
    *("GET /v1/policies/tools", "GET /v1/policies/inputs"),
    *("GET /v1/leases", "POST /v1/leases", "DELETE /v1/leases/{id}"),
    *("GET /v1/sessions", "POST /v1/sessions", "GET /v1/sessions/{id}", "POST /v1/sessions/{id}/request"),
    "DELETE /v1/sessions/default",
]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_as_described(world, described, name, mode):
    """With data that fits the description, and with data that does not."""
    method, path = name.split()
    operation = described[path][method]
    headers = {"Authorization": f"Bearer {world.token(*EVERYTHING, subject='prober')}"}

    @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def probe(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    if mode is GenerationMode.NEGATIVE and method == "GET" and not operation.query and not operation.path_parameters:
        return  # nothing can be sent that is wrong
    probe()


def test_every_operation_is_probed(described):
    assert {f"{one.ok().method.upper()} {one.ok().path}" for one in described.get_all_operations()} == set(OPERATIONS)
