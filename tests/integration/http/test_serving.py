"""The listener: who waits too long, who speaks TLS, and how it stops."""

import contextlib
import datetime as dt
import http.client
import json
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from holdfast.contracts import OperatorError
from holdfast.server.http import HttpLimits, Listen


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET /healthz HTT"])
def test_a_client_that_does_not_say_what_it_wants_is_dropped(start, sent):
    """Slowloris: uvicorn alone would wait for ever."""
    world = start(listen=Listen(port=0, headers_s=0.2))

    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as connection:
        connection.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""

    assert world.send("GET", "/healthz").status == 200


def test_more_requests_than_there_is_room_for_are_told_to_try_again(start):
    world = start(limits=HttpLimits(in_flight=1))
    body = json.dumps({"tool": "slow", "arguments": {}}).encode()
    token = world.token("call")
    head = world.head(
        "POST",
        "/v1/call",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as connection:
        connection.sendall(head + body)
        assert world.service.started.wait(30)

        answer = world.call("echo", token)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        assert world.send("GET", "/healthz").status == 200
    assert world.service.cancelled.wait(30)


def test_a_request_that_takes_too_long_is_cut_off(start):
    world = start(limits=HttpLimits(request_s=0.2))

    assert world.call("slow").status == 503
    assert world.service.cancelled.is_set()


def test_a_peer_that_is_not_the_proxy_is_refused_on_every_route(start, monkeypatch):
    """Loopback is always let in, so the peer is a foreign address of this machine, if it has one."""
    outward = _own_address()
    if outward is None:
        pytest.skip("this machine has no address but loopback")
    world = start(
        listen=Listen(host=outward, port=0, trusted_proxies=("192.0.2.1",)),
        peers=Listen(host=outward, trusted_proxies=("192.0.2.1",)).peers(),
    )
    connection = http.client.HTTPConnection(outward, world.port, timeout=30)
    connection.request("GET", "/healthz", headers={"Host": f"127.0.0.1:{world.port}", "X-Forwarded-For": "192.0.2.1"})

    assert connection.getresponse().status == 403
    connection.close()


def _own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which address would be used
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(built.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_with_a_certificate_it_speaks_tls_and_nothing_in_the_clear(start, certificate):
    world = start(listen=Listen(port=0, certificate=certificate[0], key=certificate[1]), scheme="https")
    context = ssl.create_default_context(cafile=str(certificate[0]))
    connection = http.client.HTTPSConnection("localhost", world.port, timeout=30, context=context)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()

    in_the_clear = http.client.HTTPConnection("localhost", world.port, timeout=30)
    in_the_clear.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        in_the_clear.getresponse()
    in_the_clear.close()


def test_a_certificate_that_cannot_be_used_is_said(start, certificate):
    certificate[1].write_text("not a key")

    with pytest.raises(OperatorError, match="cannot be used"):
        start(listen=Listen(port=0, certificate=certificate[0], key=certificate[1]))


def test_stopping_lets_a_call_end(start):
    world = start()
    answers = []
    calling = threading.Thread(target=lambda: answers.append(world.call("short").status))
    calling.start()
    assert world.service.started.wait(30)

    world.loop.call_soon_threadsafe(world.stop.set)
    world.loop.call_soon_threadsafe(world.service.go_on.set)
    calling.join(30)

    assert answers == [200]
