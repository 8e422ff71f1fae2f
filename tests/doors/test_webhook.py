"""Only a signed answer for this very question decides it; a webhook that is anything else changes nothing."""

import hashlib
import hmac
import http.server
import json
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.server.store import fatigue

from .callers import Caller
from .server import Server, environment, serving
from .watching import until

pytestmark = pytest.mark.xdist_group("doors")

KEY = secrets.token_bytes(32)
PAGE = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text(encoding="utf-8")
Reply = tuple[int, dict[str, str], bytes]
Answering = Callable[[dict[str, Any]], Reply]


def mac(stamp: str, body: bytes, key: bytes = KEY) -> str:
    return "v1=" + hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def stamped(body: bytes, *, key: bytes = KEY, late: int = 0) -> Reply:
    """A signed 200, *late* seconds old."""
    stamp = str(int(time.time()) - late)
    return 200, {"Holdfast-Timestamp": stamp, "Holdfast-Signature": mac(stamp, body, key)}, body


def sealed(answer: object, *, key: bytes = KEY, late: int = 0) -> Reply:
    """The same with JSON in it."""
    return stamped(json.dumps(answer).encode(), key=key, late=late)


def yes(record: dict[str, Any], **more: object) -> dict[str, object]:
    return {"id": record["id"], "decision": "approve", **more}


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook that checks what it is sent and answers what the test says."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answer: Answering = lambda _record: (204, {}, b"")
        self.came: list[dict[str, Any]] = []
        self.forged: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stamp = self.headers["Holdfast-Timestamp"]
        if mac(stamp, body) != self.headers["Holdfast-Signature"] or abs(time.time() - int(stamp)) > 60:
            self.server.forged.append(self.path)
        record = json.loads(body)
        self.server.came.append(record)
        status, headers, answer = self.server.answer(record)
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(answer))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    try:
        yield one
    finally:
        one.shutdown()
        one.server_close()


def configured(home: Path, port: int) -> str:
    """A configuration with a webhook on *port*, and its key beside it."""
    home.mkdir(parents=True, exist_ok=True)
    key = home / "webhook.key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    return f'[approvals]\nwebhook = "http://127.0.0.1:{port}/ask"\nwebhook_key_file = "webhook.key"\n'


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("hooked")
    with serving(home, configured(home, receiver.port), admin_http=True) as one:
        yield one


@pytest.fixture
def agent(hooked: Server) -> Caller:
    return hooked.agent(labels=["untrusted"])


@pytest.fixture(scope="module")
def approver(hooked: Server) -> Caller:
    return hooked.caller("approver", "approve")


@pytest.fixture
def name() -> str:
    return f"hooked-{secrets.token_hex(6)}"


def ask(agent: Caller, name: str) -> str:
    answer = agent.call("shell", {"script": f"echo ran >> {name}"})
    assert answer.status == 202, answer.raw
    return answer.body["approval"]["id"]


def state(approver: Caller, approval: str) -> str:
    return approver.get(f"/v1/approvals/{approval}").body["state"]


def sent(receiver: Receiver, approval: str) -> list[dict[str, Any]]:
    return [record for record in receiver.came if record["id"] == approval]


def test_a_question_is_sent_whole_and_signed(hooked: Server, receiver: Receiver, agent: Caller, name: str):
    receiver.answer = lambda _record: (204, {}, b"")
    approval = ask(agent, name)
    (record,) = until(lambda: sent(receiver, approval), "the question")

    shown = json.loads(hooked.done("approvals", "show", approval, "--format", "json"))
    assert record == shown
    assert record["arguments"] == {"script": f"echo ran >> {name}"}
    assert record["reasons"].keys() == {"ask-untrusted-consequence"}
    assert receiver.forged == []


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_signed_answer_decides(
    hooked: Server, receiver: Receiver, agent: Caller, approver: Caller, name: str, decision: str
):
    receiver.answer = lambda record: sealed({"id": record["id"], "decision": decision, "note": "seen"})
    approval = ask(agent, name)
    until(lambda: state(approver, approval) != "pending", "a decision")

    answer = agent.call("shell", {"script": f"echo ran >> {name}"}, approval=approval)

    assert (hooked.workspace / name).exists() is (decision == "approve")
    assert answer.status == (200 if decision == "approve" else 403)
    ruled = [one for one in hooked.records(20) if one["kind"] == "approval" and one["id"] == approval]
    assert [(one["decision"], one["by"]) for one in ruled] == [(decision, "webhook")]


KEPT: list[Reply] = []


def replayed(record: dict[str, Any]) -> Reply:
    """The first time a signed yes is kept; from then on it is given again, for whatever is asked."""
    if not KEPT:
        KEPT.append(sealed(yes(record)))
        return 204, {}, b""
    return KEPT[0]


def moved(record: dict[str, Any], **changes: str) -> Reply:
    status, headers, body = sealed(yes(record))
    return status, headers | changes, body


def echoed(record: dict[str, Any]) -> Reply:
    """What we signed ourselves, sent back with a word more."""
    return sealed(record | {"decision": "approve"})


BAD: dict[str, Answering] = {
    "unsigned": lambda record: (200, {}, json.dumps(yes(record)).encode()),
    "without a time": lambda record: (200, {"Holdfast-Signature": mac("", b"")}, json.dumps(yes(record)).encode()),
    "under another key": lambda record: sealed(yes(record), key=secrets.token_bytes(32)),
    "under an empty key": lambda record: sealed(yes(record), key=b""),
    "an hour old": lambda record: sealed(yes(record), late=3600),
    "six minutes ahead": lambda record: sealed(yes(record), late=-360),
    "with another time than it was signed with": lambda record: moved(
        record, **{"Holdfast-Timestamp": str(int(time.time()) - 1)}
    ),
    "with a signature of another kind": lambda record: moved(record, **{"Holdfast-Signature": "v0=" + "0" * 64}),
    "with half a signature": lambda record: moved(
        record, **{"Holdfast-Signature": sealed(yes(record))[1]["Holdfast-Signature"][:20]}
    ),
    "for another approval": lambda record: sealed({"id": "0" * 32, "decision": "approve"}),
    "for none": lambda _record: sealed({"decision": "approve"}),
    "with another word": lambda record: sealed(yes(record) | {"decision": "Approve"}),
    "with a truth": lambda record: sealed(yes(record) | {"decision": True}),
    "with other arguments": lambda record: sealed(yes(record, arguments={"script": "echo owned"})),
    "with more beside": lambda record: sealed(yes(record, principal="operator")),
    "what was sent, sent back": echoed,
    "a list": lambda record: sealed([yes(record)]),
    "no JSON": lambda _record: stamped(b"approve"),
    "two decisions": lambda record: stamped(
        f'{{"id":"{record["id"]}","decision":"deny","decision":"approve"}}'.encode()
    ),
    "a redirect": lambda record: (307, {"Location": "/ask", **sealed(yes(record))[1]}, sealed(yes(record))[2]),
    "later, with a yes": lambda record: (202, *sealed(yes(record))[1:]),
    "a mistake, with a yes": lambda record: (500, *sealed(yes(record))[1:]),
    "created, with a yes": lambda record: (201, *sealed(yes(record))[1:]),
    "compressed": lambda record: moved(record, **{"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("how", BAD)
def test_an_answer_that_is_not_a_signed_one_for_this_question_decides_nothing(
    hooked: Server, receiver: Receiver, agent: Caller, approver: Caller, name: str, how: str
):
    receiver.answer = BAD[how]
    approval = ask(agent, name)
    times = 2 if how == "a mistake, with a yes" else 1
    until(lambda: len(sent(receiver, approval)) == times, "the question")

    # One that is answered well, asked after it by another agent, has gone the whole way: so has this one, or nearly.
    receiver.answer = lambda record: sealed(yes(record))
    after = ask(hooked.agent(labels=["untrusted"]), f"{name}.after")
    until(lambda: state(approver, after) == "approved", "the answer to a later question")

    assert state(approver, approval) == "pending"
    assert len(sent(receiver, approval)) == times
    assert agent.call("shell", {"script": f"echo ran >> {name}"}, approval=approval).status == 403
    assert not (hooked.workspace / name).exists()


def test_an_answer_over_the_room_there_is_decides_nothing(
    hooked: Server, receiver: Receiver, agent: Caller, approver: Caller, name: str
):
    """White space before it: what is left once it has been read is a signed yes."""
    receiver.answer = lambda record: stamped(b" " * 70_000 + json.dumps(yes(record)).encode())
    approval = ask(agent, name)
    until(lambda: sent(receiver, approval), "the question")
    receiver.answer = lambda record: stamped(b" " * 60_000 + json.dumps(yes(record)).encode())
    after = ask(hooked.agent(labels=["untrusted"]), f"{name}.after")
    until(lambda: state(approver, after) == "approved", "the answer to a later question")

    assert state(approver, approval) == "pending"


def test_an_answer_that_was_kept_is_not_taken_for_another_question(
    hooked: Server, receiver: Receiver, approver: Caller, name: str
):
    receiver.answer = replayed
    first, second = (ask(hooked.agent(labels=["untrusted"]), f"{name}.{number}") for number in range(2))
    until(lambda: sent(receiver, second), "the second question")
    receiver.answer = lambda record: sealed(yes(record))
    after = ask(hooked.agent(labels=["untrusted"]), f"{name}.after")
    until(lambda: state(approver, after) == "approved", "the answer to a later question")

    assert {state(approver, one) for one in (first, second)} <= {"pending", "approved"}
    assert [state(approver, one) for one in (first, second)].count("approved") <= 1
    assert state(approver, second) == "pending" or json.loads(KEPT[0][2])["id"] == second


def test_an_agent_named_like_the_webhook_is_not_answered_by_it(
    hooked: Server, receiver: Receiver, approver: Caller, name: str
):
    receiver.answer = lambda record: sealed(yes(record))
    approval = ask(hooked.agent("webhook", labels=["untrusted"]), name)
    until(lambda: sent(receiver, approval), "the question")
    after = ask(hooked.agent(labels=["untrusted"]), f"{name}.after")
    until(lambda: state(approver, after) == "approved", "the answer to a later question")

    assert state(approver, approval) == "pending"


def test_no_call_waits_for_a_webhook_that_never_answers(hooked: Server, receiver: Receiver, agent: Caller, name: str):
    answered = threading.Event()

    def never(_record: dict[str, Any]) -> Reply:
        answered.wait(60)
        return 204, {}, b""

    receiver.answer = never
    try:
        approvals = [ask(agent, f"{name}.{number}") for number in range(7)]
        assert hooked.agent().said()
        assert len(set(approvals)) == 7
    finally:
        answered.set()


def test_a_webhook_that_is_gone_leaves_questions_to_people(tmp_path: Path, name: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with serving(tmp_path, configured(tmp_path, port)) as one:
        agent = one.agent(labels=["untrusted"])
        approval = ask(agent, name)
        one.done("approvals", "approve", approval)

        assert agent.call("shell", {"script": f"echo ran >> {name}"}, approval=approval).status == 200


def test_the_receiver_of_the_page_works(tmp_path: Path):
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "receiver.py").write_text(script)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configuration = configured(tmp_path, port)
    receiving = subprocess.Popen(
        [sys.executable, "-W", "error", str(tmp_path / "receiver.py"), str(tmp_path / "webhook.key"), str(port)],
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        until(lambda: listens(port), "the receiver")
        with serving(tmp_path / "home", configuration.replace('"webhook.key"', f'"{tmp_path}/webhook.key"')) as one:
            (one.workspace / "a-file").touch()
            agent = one.agent(labels=["untrusted"])
            let, left = (agent.call("shell", {"argv": [word]}).body["approval"]["id"] for word in ("ls", "id"))
            listed = until(lambda: agent.call("shell", {"argv": ["ls"]}, approval=let).status == 200, "the answer")

            assert listed
            assert agent.get(f"/v1/approvals/{left}").body["state"] == "pending"
            assert agent.call("shell", {"argv": ["id"]}, approval=left).status == 403
    finally:
        receiving.terminate()
        receiving.wait(30)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_the_page_has_the_numbers_that_hold():
    rows = re.findall(r"^\| (\d+) ", PAGE, re.MULTILINE)

    assert [int(row) for row in rows] == [
        fatigue.MAX_PENDING,
        fatigue.MAX_QUESTIONS,
        fatigue.MAX_UNAPPROVED,
        fatigue.MAX_UNAPPROVED_HOURLY,
    ]
    assert len(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0].split("\n")) <= 36
