"""`http_fetch` hands one request to the broker and tells what came back as what it is."""

from dataclasses import dataclass, field

import pytest

from holdfast.contracts import (
    Authorized,
    CallId,
    Completed,
    Digest,
    Effect,
    HttpGrant,
    HttpRequest,
    HttpResponse,
    InvalidRequest,
    Json,
    Label,
    Principal,
    Session,
    SessionId,
    TenantId,
    Text,
)
from holdfast.contracts._mint import mint
from holdfast.sandbox.egress import PUBLIC
from holdfast.tools.builtin.http_fetch import SPEC, HttpFetch

pytestmark = pytest.mark.anyio


def call(*labels: Label, **arguments: Json) -> Authorized:
    tenant = TenantId("t")
    return mint(
        {
            "call_id": CallId("c"),
            "spec": SPEC,
            "arguments": {"url": "https://example.com/", **arguments},
            "principal": Principal(subject="agent", tenant=tenant, scopes=frozenset()),
            "session": Session(id=SessionId("s"), principal="agent", tenant=tenant, labels=frozenset(labels)),
            "limits": SPEC.limits,
        }
    )


@dataclass
class Web:
    """An egress that answers the same to all."""

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    asked: list[tuple[HttpRequest, tuple[HttpGrant, ...], int]] = field(default_factory=list)

    async def fetch(self, request: HttpRequest, grants: tuple[HttpGrant, ...], /, *, wall_ms: int) -> HttpResponse:
        self.asked.append((request, grants, wall_ms))
        return HttpResponse(
            status=self.status, url="https://example.com/end", headers=self.headers, body=self.body, hops=1
        )


async def fetched(web: Web, **arguments: Json) -> Completed:
    outcome = await HttpFetch(web, (PUBLIC,))(call(**arguments))
    assert isinstance(outcome, Completed)
    return outcome


async def body_of(body: bytes, content_type: str | None) -> Text:
    headers = () if content_type is None else (("content-type", content_type),)
    outcome = await fetched(Web(body=body, headers=headers))
    said = outcome.content[1]
    assert isinstance(said, Text)
    return said


async def test_the_request_is_handed_on_with_the_grants_and_the_deadline() -> None:
    web = Web()

    await fetched(web, method="POST", headers={"X-A": "b"}, body="é")

    request = HttpRequest(method="POST", url="https://example.com/", headers=(("X-A", "b"),), body="é".encode())
    assert web.asked == [(request, (PUBLIC,), SPEC.limits.wall_ms)]


async def test_who_holds_private_data_is_granted_only_the_host_that_was_judged() -> None:
    """A redirect may lead to any host that is granted; what was judged was the first one."""
    web, wide = Web(), HttpGrant(scheme="https", host="*.example.com", port=443, methods=frozenset({"GET"}), path="/")

    await HttpFetch(web, (PUBLIC, wide))(call(Label.PRIVATE, url="https://A.example.com/x"))
    await HttpFetch(web, (PUBLIC, wide))(call(Label.UNTRUSTED, url="https://a.example.com/x"))

    assert {grant.host for grant in web.asked[0][1]} == {"a.example.com"}
    assert web.asked[1][1] == (PUBLIC, wide)


async def test_status_final_url_and_a_few_headers_are_told() -> None:
    web = Web(body=b"x", headers=(("content-type", "text/plain"), ("set-cookie", "T0P"), ("etag", '"1"')), status=404)

    outcome = await fetched(web)

    assert outcome.is_error
    assert outcome.content[0] == Text(text='404 https://example.com/end\ncontent-type: text/plain\netag: "1"')
    assert outcome.structured == {
        "status": 404,
        "url": "https://example.com/end",
        "redirects": 1,
        "content_type": "text/plain",
        "headers": {"content-type": "text/plain", "etag": '"1"'},
        "bytes": 1,
    }


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"<p>hi", "text/html; charset=utf-8", Text(text="<p>hi", media_type="text/html")),
        (b"<p>hi", "TEXT/HTML", Text(text="<p>hi", media_type="text/html")),
        (b"<p>hi", "application/xhtml+xml", Text(text="<p>hi", media_type="text/html")),
        (b"{}", "application/json", Text(text="{}", media_type="application/json")),
        (b"{}", "application/problem+json", Text(text="{}", media_type="application/problem+json")),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", Text(text="é")),
        ("é".encode("cp1252"), 'text/plain; charset="windows-1252"', Text(text="é")),
        ("日本".encode("shift_jis"), "text/plain; charset=shift_jis", Text(text="日本")),
        ("日本".encode("utf-16"), "text/plain; charset=utf-16", Text(text="日本")),
        (b"\xff", "text/plain", Text(text="\ufffd")),
        ("é".encode(), "text/plain; charset=nonsense", Text(text="é")),
        (b"uryyb", "text/plain; charset=rot13", Text(text="uryyb")),
        (b"\\u0041", "text/plain; charset=unicode_escape", Text(text="\\u0041")),
        ("日本".encode("utf-16"), "text/plain; charset=utf-8", Text(text="日本")),
        ("日本".encode("utf-16-be"), "text/plain; charset=utf-16-be", Text(text="日本")),
        (b"\xfe\xff" + "日本".encode("utf-16-be"), "text/plain", Text(text="日本")),
        ("\ufeffa".encode(), "text/plain; charset=latin-1", Text(text="\ufeffa")),
        ("\ufeffa".encode(), "text/plain", Text(text="\ufeffa")),
        (b"a \x93b\x94 \x81", "text/plain; charset=latin-1", Text(text="a “b” \ufffd")),
        (
            b"<meta charset='koi8-r'>\xf0",
            "text/html",
            Text(text="<meta charset='koi8-r'>П", media_type="text/html"),
        ),
        (
            b"<meta charset='koi8-r'>\xc3\xa9",
            "text/html; charset=utf-8",
            Text(text="<meta charset='koi8-r'>é", media_type="text/html"),
        ),
        (
            b"<meta charset=utf-16>\xc3\xa9",
            "text/html",
            Text(text="<meta charset=utf-16>é", media_type="text/html"),
        ),
        (b"+ADw-script", "text/html; charset=utf-7", Text(text="+ADw-script", media_type="text/html")),
        (b"x", "text/plain; charset=\x00\xff", Text(text="x")),
        (b"plain", None, Text(text="plain")),
    ],
)
async def test_text_is_decoded_and_keeps_its_kind(body: bytes, content_type: str | None, said: Text) -> None:
    assert await body_of(body, content_type) == said


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\x89PNG", "image/png"), (b"x", "application/octet-stream"), (b"\xff\xfe", None), (b"a\0b", None)],
)
async def test_what_is_no_text_is_told_by_size_and_digest(body: bytes, content_type: str | None) -> None:
    said = await body_of(body, content_type)

    assert said == Text(text=f"The body is not text: {len(body)} bytes, {Digest.of(body)}.")


async def test_headers_are_an_object_of_strings() -> None:
    for headers in ({"a": 1}, ["a"], "a"):
        with pytest.raises(InvalidRequest):
            await fetched(Web(), headers=headers)


def test_it_is_said_to_go_out_and_to_read_what_nobody_vouches_for() -> None:
    assert SPEC.effects == {Effect.EGRESS, Effect.READ_UNTRUSTED}
