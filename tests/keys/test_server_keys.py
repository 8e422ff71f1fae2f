"""`[server]`: each key changes where a real server listens, for whom, and what it answers."""

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.contracts import OperatorError
from holdfast.server.config import ServerSettings
from holdfast.server.listening import listen_of, surface_of

from .served import Served, body, free_port, refused, serving

ROOT = "[server]\nallow_root = true\n"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Every key at its default, but for what a test machine needs."""
    with serving(tmp_path_factory.mktemp("plain"), ROOT + "port = 0") as one:
        yield one


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Every key that a plain listener can have, set to something else. The environment stands over the file."""
    keys = """host = "0.0.0.0"
port = 1
admin_http = true
trusted_proxies = ["203.0.113.7"]
allowed_hosts = ["Tools.Example"]
"""
    home = tmp_path_factory.mktemp("other")
    with serving(home, ROOT + keys, HOLDFAST_SERVER__PORT="0") as one:
        yield one


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for 127.0.0.1, its key, and a key of something else."""
    folder = tmp_path_factory.mktemp("tls")
    key, foreign = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "holdfast tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for file, one in (("key.pem", key), ("foreign.pem", foreign)):
        written = one.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / file).write_bytes(written)
    return folder


def reaches(served: Served, address: str) -> bool:
    try:
        socket.create_connection((address, served.port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True


def test_host_is_the_address_that_is_listened_on(plain: Served, other: Served) -> None:
    assert plain.url.startswith("http://127.0.0.1:")
    assert [reaches(one, "127.0.0.1") for one in (plain, other)] == [True, True]
    assert [reaches(one, "127.0.0.2") for one in (plain, other)] == [False, True]


def test_port_is_the_one_written_and_zero_is_a_free_one(plain: Served, tmp_path) -> None:
    wanted = free_port()
    with serving(tmp_path, ROOT + f"port = {wanted}") as fixed:
        assert (fixed.port, fixed.get("/healthz").status) == (wanted, 200)
    assert plain.port not in {0, 8700, wanted}
    assert plain.get("/healthz").status == 200


def test_the_environment_stands_over_the_file(other: Served) -> None:
    """The file says port 1."""
    assert other.port > 1


def test_admin_http_answers_approvals_over_http(plain: Served, other: Served) -> None:
    asked = [
        one.get("/v1/approvals", Authorization=f"Bearer {one.token('approve')}", Accept="application/json")
        for one in (plain, other)
    ]

    assert [answer.status for answer in asked] == [403, 200]
    assert "not answered over HTTP here" in body(asked[0])["detail"]
    assert body(asked[1]) == {"approvals": []}


def test_allowed_hosts_are_answered_to(plain: Served, other: Served) -> None:
    assert [one.get("/healthz", Host="tools.example").status for one in (plain, other)] == [421, 200]
    assert [one.get("/healthz", Host=f"tools.example:{one.port}").status for one in (plain, other)] == [421, 200]
    assert other.get("/healthz", Host="evil.example").status == 421


def test_a_trusted_proxy_makes_the_names_https(plain: Served, other: Served) -> None:
    """Whoever is behind the proxy came over TLS, so only an `https` page of ours may call."""
    for scheme, statuses in (("http", [200, 403]), ("https", [403, 200])):
        got = [one.get("/healthz", Origin=f"{scheme}://127.0.0.1:{one.port}").status for one in (plain, other)]
        assert got == statuses


def test_off_loopback_without_a_trusted_proxy_or_tls_nothing_listens(tmp_path) -> None:
    code, said = refused(tmp_path, ROOT + 'host = "0.0.0.0"\nport = 0')

    assert code == 2
    assert "without TLS: tokens would cross the network in the clear" in said


@pytest.mark.parametrize(
    ("proxies", "stranger"), [((), "taken"), (("203.0.113.7",), "refused"), (("203.0.113.0/24",), "refused")]
)
def test_trusted_proxies_are_the_only_peers_besides_loopback(proxies: tuple[str, ...], stranger: str) -> None:
    settings = ServerSettings(trusted_proxies=proxies, allow_root=True)
    surface = surface_of(settings, listen_of(settings), 8700)

    assert surface.may_connect("198.51.100.1") is (stranger == "taken")
    assert surface.may_connect("203.0.113.7")
    assert surface.may_connect("127.0.0.1")


@pytest.mark.parametrize("proxy", ["proxy.example", "0.0.0.0/0", "203.0.113.7/24"])
def test_a_trusted_proxy_that_is_a_name_or_everybody_is_refused(proxy: str) -> None:
    with pytest.raises(OperatorError, match="trusted_proxies"):
        listen_of(ServerSettings(trusted_proxies=(proxy,), allow_root=True))


def test_the_certificate_and_the_key_are_what_clients_see(plain: Served, certified: Path, tmp_path) -> None:
    """Both paths are relative to the file, and a flag of the command line stands over it."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((certified / name).read_bytes())
    trusting = ssl.create_default_context(cafile=certified / "cert.pem")
    tls = '[server.tls]\ncert = "cert.pem"\nkey = "key.pem"\n'

    with serving(tmp_path, ROOT + "port = 1\n" + tls, "--port", "0") as served:
        assert served.url.startswith("https://127.0.0.1:")
        assert served.get("/healthz", trusting=trusting).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            served.get("/healthz", trusting=ssl.create_default_context())
    with pytest.raises(ssl.SSLError):
        plain.get("/healthz", trusting=trusting)


@pytest.mark.parametrize(("cert", "key"), [("absent.pem", "key.pem"), ("cert.pem", "foreign.pem")])
def test_a_certificate_or_key_that_will_not_do_stops_the_start(certified: Path, tmp_path, cert: str, key: str) -> None:
    tls = f'[server.tls]\ncert = "{certified / cert}"\nkey = "{certified / key}"\n'

    code, said = refused(tmp_path, ROOT + "port = 0\n" + tls)

    assert code == 2
    assert "the certificate or key of `[server] tls` cannot be used" in said


def test_allow_root_lets_root_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)

    assert listen_of(ServerSettings(allow_root=True)).host == "127.0.0.1"
    with pytest.raises(OperatorError, match="will not run as root"):
        listen_of(ServerSettings(allow_root=False))


def test_nobody_but_root_needs_allow_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)

    assert listen_of(ServerSettings(allow_root=False)).host == "127.0.0.1"


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_flag_out_of_range_is_a_usage_error(tmp_path, port: str) -> None:
    code, said = refused(tmp_path, ROOT, "--port", port)

    assert code == 2
    assert "Traceback" not in said
