"""Calls as the gate would hand them on, and a workspace to make them in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.contracts import (
    Authorized,
    CallId,
    Json,
    Principal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolSpec,
)
from holdfast.contracts._mint import mint
from holdfast.sandbox.workspace import WorkspaceBroker

Calls = Callable[..., Authorized]


@pytest.fixture
def call() -> Calls:
    def made(spec: ToolSpec, /, *, by: str = "agent", in_session: str = "s1", **arguments: Json) -> Authorized:
        tenant = TenantId("t")
        return mint(
            {
                "call_id": CallId("call-1"),
                "spec": spec,
                "arguments": arguments,
                "principal": Principal(subject=by, tenant=tenant, scopes=frozenset({Scope.CALL})),
                "session": Session(id=SessionId(in_session), principal=by, tenant=tenant, labels=frozenset()),
                "limits": spec.limits,
            }
        )

    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def workspace(root: Path) -> Iterator[WorkspaceBroker]:
    with WorkspaceBroker(root) as broker:
        yield broker
