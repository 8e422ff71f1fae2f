"""A small world: names with addresses that may change, and real servers on loopback behind public-looking addresses."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.contracts import HttpGrant, HttpRequest, HttpResponse, Reason, Refusal, SecretValues
from holdfast.sandbox.egress import EgressBroker, EgressLimits, Networks

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
LIMITS = EgressLimits()
NAMES = ("api.example.com", "other.example.com", "evil.example.net")


def reply(body: bytes = b"hello", *headers: str, status: str = "200 OK") -> Answer:
    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return reply(b"", f"Location: {location}", status=status)


@dataclass
class Server:
    """A real server; answers by path and remembers what it was sent."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
            )
            request = head + await reader.readexactly(length)
            self.requests.append(request)
            path = request.split(b" ")[1].decode().partition("?")[0]
            await self.answers.get(path, reply())(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Routes(httpcore2.AsyncNetworkBackend):
    """Real connections, from addresses of the world to the ports of its servers."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, int], int] = {}
        self.dialled: list[tuple[str, int]] = []
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109 -- theirs
        self.dialled.append((host, port))
        if (host, port) not in self.table:
            raise httpcore2.ConnectError("nobody there")
        return await self._real.connect_tcp("127.0.0.1", self.table[host, port], timeout)


@dataclass
class World:
    tls: ssl.SSLContext
    plain: Server
    secure: Server
    routes: Routes = field(default_factory=Routes)
    names: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """What a name answers, in turn; the last answer stays."""
    looked_up: list[str] = field(default_factory=list)
    stuck: asyncio.Event | None = None

    async def resolve(self, host: str, _port: int, /) -> tuple[str, ...]:
        self.looked_up.append(host)
        if self.stuck is not None:
            await self.stuck.wait()
        if host not in self.names:
            raise OSError("no such name")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def at(self, name: str, *addresses: str) -> None:
        """Put *name* at *addresses*, where both servers listen."""
        self.names[name] = [addresses]
        for address in addresses:
            self.listen(address)

    def listen(self, address: str) -> None:
        self.routes.table[address, 443] = self.secure.port
        self.routes.table[address, 80] = self.plain.port

    def broker(
        self,
        *,
        limits: EgressLimits = LIMITS,
        unsafe_allow_networks: Networks = (),
        vault: SecretValues | None = None,
    ) -> EgressBroker:
        return EgressBroker(
            limits=limits,
            tls=self.tls,
            resolver=self.resolve,
            backend=self.routes,
            unsafe_allow_networks=unsafe_allow_networks,
            vault=vault,
        )

    async def get(self, url: str, *grants: HttpGrant, wall_ms: int = 20_000, **changed: object) -> HttpResponse:
        request = HttpRequest(**{"method": "GET", "url": url, **changed})
        return await self.broker().fetch(request, grants or (allow(),), wall_ms=wall_ms)

    async def refusal(self, url: str, *grants: HttpGrant, **changed: object) -> Reason:
        with pytest.raises(Refusal) as refused:
            await self.get(url, *grants, **changed)
        return refused.value.reason


def allow(host: str = "api.example.com", **changed: object) -> HttpGrant:
    fields = {"scheme": "https", "port": 443, "methods": frozenset({"GET", "POST", "HEAD"}), "path": "/"}
    return HttpGrant(host=host, **{**fields, **changed})


def network(text: str) -> Networks:
    return (ipaddress.ip_network(text),)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `NAMES`, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
async def world(identity: tuple[Path, Path]) -> AsyncIterator[World]:
    certificate, key = identity
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(certificate, key)
    plain, secure = Server(), Server()
    listeners = [
        await asyncio.start_server(plain.serve, "127.0.0.1", 0),
        await asyncio.start_server(secure.serve, "127.0.0.1", 0, ssl=offered),
    ]
    for server, listener in zip((plain, secure), listeners, strict=True):
        server.port = listener.sockets[0].getsockname()[1]
    made = World(tls=ssl.create_default_context(cafile=str(certificate)), plain=plain, secure=secure)
    made.at("api.example.com", "93.184.215.14")
    made.at("other.example.com", "93.184.215.15")
    made.at("evil.example.net", "93.184.215.66")
    yield made
    for listener in listeners:
        listener.close()
        await listener.wait_closed()
