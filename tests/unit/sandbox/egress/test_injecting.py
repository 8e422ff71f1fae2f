"""A secret goes into its place of a request, once, or the request is refused with the reason."""

import base64

import pytest

from holdfast.contracts import HttpGrant, HttpResponse, Refusal, Secret, SecretPlace, SecretUse, TenantId
from holdfast.sandbox.egress.headers import _INNOCENT, _OURS, _REPLACED
from holdfast.sandbox.egress.injecting import MOST_BYTES, Carried, carried
from holdfast.tools.secret_grants import _NOT_FOR_SECRETS

pytestmark = pytest.mark.anyio

VALUE = "hunter2-hunter2&x=1"
BEARER = SecretUse(name="github", place=SecretPlace.BEARER)
BASIC = SecretUse(name="github", place=SecretPlace.BASIC, parameter="bob")
HEADER = SecretUse(name="github", place=SecretPlace.HEADER, parameter="X-Api-Key")
QUERY = SecretUse(name="github", place=SecretPlace.QUERY, parameter="api.key")


def grant(use):
    return HttpGrant(scheme="https", host="a.example", port=443, methods=frozenset({"GET"}), path="/", secret=use)


def into(*uses, headers=(), query=None, value=VALUE):
    held = Carried({"github": Secret(value.encode()), "other": Secret(b"the-other-one")})
    return held.into(headers, query, [grant(use) for use in uses])


def refusal(*uses, **request):
    with pytest.raises(Refusal) as refused:
        into(*uses, **request)
    assert "hunter2" not in str(refused.value.reason)
    return refused.value.reason


@pytest.mark.parametrize(
    ("use", "header"),
    [
        (BEARER, ("authorization", f"Bearer {VALUE}")),
        (BASIC, ("authorization", "Basic " + base64.b64encode(f"bob:{VALUE}".encode()).decode())),
        (HEADER, ("x-api-key", VALUE)),
    ],
)
def test_a_header_holds_the_secret_in_its_form(use, header):
    injected = into(use)

    assert (injected.headers, injected.query) == ((header,), ())
    assert "hunter2" not in repr(injected)


def test_a_parameter_holds_the_secret_encoded():
    injected = into(QUERY, query="q=1")

    assert (injected.headers, injected.query) == ((), (f"api.key={VALUE.replace('&', '%26').replace('=', '%3D')}",))


def test_two_secrets_in_two_places_go_together_and_the_same_one_twice_goes_once():
    other = SecretUse(name="other", place=SecretPlace.HEADER, parameter="x-app-key")

    assert into(HEADER, other).headers == (("x-api-key", VALUE), ("x-app-key", "the-other-one"))
    assert len(into(BEARER, BEARER).headers) == 1


def test_two_secrets_in_one_place_are_refused():
    other = SecretUse(name="other", place=SecretPlace.BEARER)

    assert refusal(BEARER, other).code == "secret/ambiguous"
    assert refusal(BEARER, BASIC).code == "secret/ambiguous"


@pytest.mark.parametrize(
    ("use", "headers"),
    [
        (BEARER, (("authorization", "Bearer mine"),)),
        (BASIC, (("authorization", ""),)),
        (HEADER, (("x-api-key", "mine"),)),
        (HEADER, (("x_api_key", "mine"),)),
        (HEADER, (("x-api_key", "mine"),)),
    ],
)
def test_a_caller_that_sets_the_header_itself_is_refused(use, headers):
    assert refusal(use, headers=headers).code == "secret/set-by-caller"


@pytest.mark.parametrize(
    "query",
    ["api.key=1", "a=1&api.key=2", "api.key", "API.KEY=1", "api%2Ekey=1", "a;api.key=1", "api.key[]=1", "+api.key=1"],
)
def test_a_caller_that_sets_the_parameter_itself_is_refused_however_it_is_written(query):
    assert refusal(QUERY, query=query).code == "secret/set-by-caller"


@pytest.mark.parametrize("query", [None, "", "q=api.key", "api.keys=1", "xapi.key=1"])
def test_other_parameters_are_the_callers(query):
    assert into(QUERY, query=query).query


def test_headers_of_other_names_are_the_callers():
    assert into(HEADER, headers=(("x-api-keys", "1"), ("authorization", "mine"))).headers


def test_a_secret_that_is_not_there_is_named():
    use = SecretUse(name="nowhere", place=SecretPlace.BEARER)

    reason = refusal(use)

    assert reason.code == "secret/absent"
    assert "`nowhere`" in reason.message
    assert reason.remedy == "holdfast secrets set nowhere"


@pytest.mark.parametrize(
    "value", ["two\r\nX-Lines: 1", "tab\tinside", "é-nine-bytes", " leading-space", "x" * (MOST_BYTES + 1)]
)
def test_a_secret_that_no_request_can_hold_is_refused_by_name(value):
    for use in (BEARER, BASIC, HEADER, QUERY):
        with pytest.raises(Refusal) as refused:
            into(use, value=value)
        assert refused.value.reason.code == "secret/unusable"
        assert value.strip()[:9] not in str(refused.value.reason)


@pytest.mark.parametrize(
    "location", ["/next?token=" + VALUE, "https://" + VALUE.upper() + ".evil.example/", "/?a=" + VALUE.encode().hex()]
)
def test_a_redirect_with_the_secret_in_it_is_refused(location):
    with pytest.raises(Refusal) as refused:
        Carried({"github": Secret(VALUE.encode())}).check_redirect(location)
    assert refused.value.reason.code == "egress/redirect"
    assert "hunter2" not in str(refused.value.reason).lower()


async def test_headers_and_body_are_scrubbed_and_what_is_no_text_stays():
    held = Carried({"github": Secret(VALUE.encode())})
    response = HttpResponse(
        status=200,
        url="https://a.example/",
        headers=(("x-echo", f"é {VALUE}"), (VALUE.lower(), "name")),
        body=b"\xff" + VALUE.encode() + b"\xfe",
        hops=0,
    )

    said = await held.scrubbed(response)

    assert said.headers == (("x-echo", "é [REDACTED:secret]"), ("[REDACTED:secret]", "name"))
    assert said.body == b"\xff[REDACTED:secret]\xfe"


async def test_without_a_vault_or_a_tenant_there_are_no_secrets():
    held = await carried(None, TenantId("acme"), [grant(BEARER)])

    with pytest.raises(Refusal):
        held.into((), None, [grant(BEARER)])
    assert held.into((), None, [grant(None)]).headers == ()


def test_a_header_that_is_not_for_secrets_in_a_manifest_is_one_that_the_broker_sets_or_lets_follow():
    assert _OURS | _REPLACED | _INNOCENT == _NOT_FOR_SECRETS
