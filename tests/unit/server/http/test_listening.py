"""Where the server will listen, and where it will not."""

import json
from ipaddress import ip_network

import pytest

from holdfast.contracts import CallId, OperatorError, Reason, Status, ToolName, ToolResult
from holdfast.server.http import Listen, Surface, bind, is_loopback, loopback_hosts
from holdfast.server.http.problems import internal, problem_of
from holdfast.server.http.statuses import status_of


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_needs_nothing(host):
    assert is_loopback(host)
    Listen(host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", "", "localhost.example.com"])
def test_off_loopback_needs_tls_or_a_named_proxy(host, tmp_path):
    with pytest.raises(OperatorError, match="without TLS"):
        Listen(host=host)

    Listen(host=host, certificate=tmp_path / "c", key=tmp_path / "k")
    Listen(host=host, trusted_proxies=("10.0.0.1",))


@pytest.mark.parametrize("proxy", ["0.0.0.0/0", "::/0", "*", "proxy.example", ""])
def test_a_proxy_is_named_and_is_not_everybody(proxy):
    with pytest.raises(OperatorError, match="trusted_proxies"):
        Listen(host="0.0.0.0", trusted_proxies=(proxy,))


def test_half_a_certificate_is_refused(tmp_path):
    with pytest.raises(OperatorError, match="both"):
        Listen(certificate=tmp_path / "c")


def test_with_a_proxy_only_it_and_loopback_may_connect():
    surface = Surface(hosts=frozenset({"h"}), peers=Listen(host="0.0.0.0", trusted_proxies=("10.0.0.0/24",)).peers())

    assert surface.may_connect("10.0.0.7")
    assert surface.may_connect("127.0.0.1")
    for address in ("10.0.1.7", "8.8.8.8", "::ffff:10.0.0.7", "", None, "10.0.0.7, 1.1.1.1"):
        assert not surface.may_connect(address)


def test_with_a_certificate_of_ours_everybody_may_connect(tmp_path):
    listen = Listen(host="0.0.0.0", certificate=tmp_path / "c", key=tmp_path / "k", trusted_proxies=("10.0.0.1",))

    assert Surface(hosts=frozenset({"h"}), peers=listen.peers()).may_connect("8.8.8.8")


def test_without_a_name_there_is_no_surface():
    for hosts in (frozenset(), frozenset({""}), frozenset({"Upper"})):
        with pytest.raises(OperatorError):
            Surface(hosts=hosts)
    with pytest.raises(OperatorError):
        Surface(hosts=loopback_hosts(1), scheme="ftp")


def test_a_port_that_is_taken_is_said():
    with bind(Listen(port=0)) as first, pytest.raises(OperatorError, match="cannot listen"):
        bind(Listen(port=first.getsockname()[1]))


def test_an_error_of_ours_is_one_constant():
    one, other = problem_of(OperatorError("the key file /etc/key is bad")), internal(None)

    assert one == other
    assert "/etc/key" not in json.dumps(one.body())


@pytest.mark.parametrize(
    ("status", "code", "http"),
    [
        (Status.OK, None, 200),
        (Status.ERROR, "wasm/trap", 200),
        (Status.STOPPED, "limits/wall-ms", 200),
        (Status.PENDING, "policy/asks", 202),
        (Status.DENIED, None, 403),
        (Status.DENIED, "policy/no", 403),
        (Status.DENIED, "leaks/secret", 403),
        (Status.DENIED, "admit/scope", 403),
        (Status.DENIED, "tools/unknown", 404),
        (Status.DENIED, "validator/schema", 422),
        (Status.DENIED, "validator/too-large", 413),
        (Status.DENIED, "validator/too-many-nodes", 413),
        (Status.DENIED, "admit/idempotency", 409),
        (Status.DENIED, "admit/rate", 429),
        (Status.DENIED, "admit/overloaded", 503),
    ],
)
def test_the_status_of_a_result(status, code, http):
    reason = None if code is None else Reason(code=code, layer=code.split("/")[0], message="m")
    result = ToolResult(call_id=CallId("c"), tool=ToolName("t"), status=status, output="", reason=reason)

    assert status_of(result) == http


def test_networks_of_another_family_never_match():
    surface = Surface(hosts=frozenset({"h"}), peers=(ip_network("10.0.0.0/8"),))

    assert not surface.may_connect("fe80::1")
