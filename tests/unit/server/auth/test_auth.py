"""Tokens: what holds, and everything that must not."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from holdfast.contracts import InvalidRequest, OperatorError, Principal, Scope, TenantId, Unauthenticated
from holdfast.server.auth import Authenticator, TokenIssuer, TrustedIssuer, read_jwks, read_pem
from holdfast.server.store import Store, Tokens

pytestmark = pytest.mark.anyio

KEY = b"a key for tests only, of 32 bytes or more"
LOCAL, FOREIGN = "holdfast:local", "https://idp.example"
ED = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


class HandClock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


def _public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def tokens(clock):
    store = await Store.open("sqlite://", key=bytes(32))
    yield await Tokens.open(store, clock=clock)
    await store.close()


@pytest.fixture
def issuer(tokens, clock):
    return TokenIssuer(key=KEY, issuer=LOCAL, tokens=tokens, clock=clock)


@pytest.fixture
def authenticator(tokens, clock):
    trusted = TrustedIssuer(
        issuer=FOREIGN,
        keys=read_pem(_public(ED)),
        scopes=frozenset({Scope.CALL}),
        tenants=frozenset({TenantId("acme")}),
    )
    return Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(trusted,), clock=clock)


async def _issue(issuer, **changes):
    asked = {"subject": "alice", "scopes": [Scope.CALL], "ttl_s": 60, "tenant": "acme", **changes}
    return await issuer.issue(**asked)


def _refuses(authenticator, token):
    with pytest.raises(Unauthenticated) as caught:
        authenticator.authenticate(token)
    assert caught.value.message == "there is no token, or it does not hold"
    assert caught.value.__cause__ is None


def _claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def _encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def _by_hand(header, claims, sign):
    head = _encode(header) + b"." + _encode(claims)
    return (head + b"." + base64.urlsafe_b64encode(sign(head)).rstrip(b"=")).decode()


def _hmac(key):
    return lambda data: hmac.new(key, data, hashlib.sha256).digest()


async def test_an_issued_token_is_its_principal(issuer, authenticator):
    issued = await _issue(issuer, scopes=[Scope.CALL, Scope.POLICY_READ], session="s1", profile="readonly")

    assert authenticator.authenticate(issued.token) == Principal(
        subject="alice",
        tenant=TenantId("acme"),
        scopes=frozenset({Scope.CALL, Scope.POLICY_READ}),
        token_id=issued.id,
        session="s1",
        profile="readonly",
    )


async def test_a_token_carries_the_agreed_claims(issuer, clock):
    issued = await _issue(issuer, scopes=[Scope.POLICY_READ, Scope.CALL], session="s1", profile="readonly")

    assert _claims(issued.token) == {
        "sub": "alice",
        "aud": "holdfast",
        "iss": LOCAL,
        "exp": int(clock.now) + 60,
        "iat": int(clock.now),
        "jti": issued.id,
        "scope": "call policy:read",
        "tenant": "acme",
        "session": "s1",
        "profile": "readonly",
    }


async def test_a_token_is_kept_only_as_a_digest(issuer, tokens):
    issued = await _issue(issuer)

    (row,) = tokens.list()
    assert issued.token not in repr(row)
    assert issued.token.split(".")[2] not in repr(row)


async def test_a_token_ends_when_it_expires(issuer, authenticator, clock):
    issued = await _issue(issuer)
    authenticator.authenticate(issued.token)

    clock.now += 60

    _refuses(authenticator, issued.token)


async def test_a_remembered_token_ends_when_it_is_revoked(issuer, authenticator, tokens):
    issued = await _issue(issuer)
    authenticator.authenticate(issued.token)

    await tokens.revoke(issued.id)

    _refuses(authenticator, issued.token)


async def test_a_well_signed_token_that_was_never_issued_does_not_hold(issuer, authenticator):
    """Whoever finds the key cannot mint what the table does not know."""
    claims = _claims((await _issue(issuer)).token)

    _refuses(authenticator, jwt.encode(claims | {"jti": "forged"}, KEY, algorithm="HS256"))
    _refuses(authenticator, jwt.encode(claims | {"scope": "call approve"}, KEY, algorithm="HS256"))


@pytest.mark.parametrize("name", ["sub", "aud", "iss", "exp", "iat", "jti", "tenant", "scope"])
async def test_a_claim_cannot_be_left_out(issuer, authenticator, name):
    claims = _claims((await _issue(issuer)).token)
    del claims[name]

    _refuses(authenticator, jwt.encode(claims, KEY, algorithm="HS256"))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", ""])
async def test_another_algorithm_is_refused(issuer, authenticator, algorithm):
    issued = await _issue(issuer)
    header, claims = {"alg": algorithm, "typ": "JWT"}, _claims(issued.token)

    _refuses(authenticator, _by_hand(header, claims, lambda _: b""))
    _refuses(authenticator, _by_hand(header, claims, _hmac(KEY)))


async def test_a_public_key_is_not_a_secret(authenticator, clock):
    """Algorithm confusion: the foreign issuer's public key used as an HMAC key."""
    claims = _foreign_claims(clock)

    for key in (_public(ED).encode(), ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)):
        _refuses(authenticator, _by_hand({"alg": "HS256", "typ": "JWT"}, claims, _hmac(key)))


@pytest.mark.parametrize("extra", [{"crit": ["b64"], "b64": True}, {"crit": ["b64"], "b64": False}, {"crit": ["exp"]}])
async def test_a_critical_header_is_refused_whatever_it_says(authenticator, clock, extra):
    """We act on none; the library would on one."""
    claims = _foreign_claims(clock)
    assert authenticator.authenticate(_by_hand({"alg": "EdDSA"}, claims, ED.sign))

    _refuses(authenticator, _by_hand({"alg": "EdDSA", **extra}, claims, ED.sign))


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "..", "é", "e30.e30.", "a" * 9000, "null.null.null", "W10.W10.W10", "\ud800"]
)
async def test_what_is_no_token_is_refused(authenticator, token):
    _refuses(authenticator, token)


def _foreign_claims(clock, **changes):
    claims = {
        "sub": "carol",
        "aud": "holdfast",
        "iss": FOREIGN,
        "exp": clock.now + 60,
        "iat": clock.now,
        "jti": "j1",
        "scope": "call approve openid",
        "tenant": "acme",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


async def test_a_trusted_issuers_token_says_no_more_than_the_issuer_may(authenticator, clock):
    principal = authenticator.authenticate(jwt.encode(_foreign_claims(clock), ED, algorithm="EdDSA"))

    assert (principal.subject, principal.tenant, principal.scopes) == ("carol", "acme", frozenset({Scope.CALL}))
    assert principal.token_id is not None  # None would be the local operator


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"tenant": None},
        {"iss": "https://evil.example"},
        {"iss": LOCAL},
        {"iss": [FOREIGN]},
        {"aud": "somebody-else"},
        {"aud": ["holdfast", "somebody-else"]},
        {"sub": 5},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "a" * 257},
        {"exp": None},
        {"exp": "1900000000"},
        {"exp": True},
        {"jti": 7},
        {"nbf": 1_900_000_000},
        {"iat": 1_900_000_000},
    ],
)
async def test_a_trusted_issuers_token_with_a_wrong_claim_does_not_hold(authenticator, clock, changes):
    _refuses(authenticator, _by_hand({"alg": "EdDSA"}, _foreign_claims(clock, **changes), ED.sign))


async def test_a_trusted_issuer_chooses_neither_session_nor_profile(authenticator, clock):
    token = jwt.encode(_foreign_claims(clock, session="s1", profile="autonomous"), ED, algorithm="EdDSA")

    principal = authenticator.authenticate(token)

    assert (principal.session, principal.profile) == (None, None)


async def test_a_foreign_token_without_an_id_has_one_of_its_own(authenticator, clock):
    tokens = [
        jwt.encode(_foreign_claims(clock, jti=None, sub=who), ED, algorithm="EdDSA")
        for who in ("carol", "dave", "carol")
    ]

    ids = [authenticator.authenticate(token).token_id for token in tokens]

    assert ids[0] == ids[2] != ids[1]
    assert None not in ids


RESOURCE = "https://tools.example/mcp"


def _oauth(keys, **changes):
    given = {
        "issuer": FOREIGN,
        "keys": keys,
        "scopes": frozenset({Scope.CALL}),
        "tenants": frozenset({TenantId("acme")}),
        "tenant": TenantId("acme"),
        "audiences": frozenset({RESOURCE}),
        "scope_names": {Scope.CALL: "mcp:tools"},
    }
    return TrustedIssuer(**(given | changes))


async def test_an_issuer_s_own_audience_tenant_and_names_of_scopes_are_what_its_tokens_are_read_by(tokens, clock):
    trusted = _oauth(read_pem(_public(ED)))
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(trusted,), clock=clock)
    said = {"aud": RESOURCE, "tenant": "evil", "scope": "mcp:tools openid"}

    for audience in (RESOURCE, [RESOURCE]):
        token = jwt.encode(_foreign_claims(clock, **said | {"aud": audience}), ED, algorithm="EdDSA")
        principal = authenticator.authenticate(token)
        assert (principal.tenant, principal.scopes) == ("acme", frozenset({Scope.CALL}))
    ours = jwt.encode(_foreign_claims(clock, **said | {"scope": "call"}), ED, algorithm="EdDSA")
    assert authenticator.authenticate(ours).scopes == frozenset()
    for audience in ("holdfast", [RESOURCE, "https://other.example"], [], "https://tools.example/mcp/", None):
        _refuses(authenticator, jwt.encode(_foreign_claims(clock, **said | {"aud": audience}), ED, algorithm="EdDSA"))


async def test_a_key_that_is_taken_away_signs_nothing_any_more(tokens, clock):
    other = ed25519.Ed25519PrivateKey.generate()
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, clock=clock)
    asked = []
    authenticator.unknown_key = asked.append
    token = jwt.encode(_foreign_claims(clock, aud=RESOURCE), ED, algorithm="EdDSA")
    _refuses(authenticator, token)

    authenticator.trust(FOREIGN, _oauth(read_pem(_public(ED))))
    authenticator.authenticate(token)
    authenticator.trust(FOREIGN, _oauth(read_pem(_public(other))))
    _refuses(authenticator, token)
    authenticator.trust(FOREIGN, None)
    _refuses(authenticator, token)

    assert asked == [FOREIGN, FOREIGN]
    with pytest.raises(OperatorError):
        authenticator.trust(LOCAL, _oauth(read_pem(_public(ED))))


async def test_an_infinite_lifetime_is_refused(authenticator, clock):
    head = (
        _encode({"alg": "EdDSA"})
        + b"."
        + base64.urlsafe_b64encode(json.dumps(_foreign_claims(clock, exp=float("inf"))).encode()).rstrip(b"=")
    )
    token = head + b"." + base64.urlsafe_b64encode(ED.sign(head)).rstrip(b"=")

    _refuses(authenticator, token.decode())


async def test_a_foreign_token_that_is_remembered_still_expires(authenticator, clock):
    token = jwt.encode(_foreign_claims(clock), ED, algorithm="EdDSA")
    authenticator.authenticate(token)

    clock.now += 66

    _refuses(authenticator, token)


async def test_a_key_is_for_the_issuer_it_was_given_for(tokens, clock):
    other = ed25519.Ed25519PrivateKey.generate()
    mine = TrustedIssuer(
        issuer=FOREIGN, keys=read_pem(_public(ED)), scopes=frozenset(Scope), tenants=frozenset({TenantId("acme")})
    )
    theirs = replace(mine, issuer="https://other.example", keys=read_pem(_public(other)))
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(mine, theirs), clock=clock)

    authenticator.authenticate(jwt.encode(_foreign_claims(clock), ED, algorithm="EdDSA"))
    _refuses(authenticator, jwt.encode(_foreign_claims(clock), other, algorithm="EdDSA"))


async def test_keys_of_a_set_are_found_by_their_name(tokens, clock):
    keys = []
    for name, key in (("e", ED), ("r", RSA), ("p", P256)):
        algorithm = jwt.get_algorithm_by_name({"e": "EdDSA", "r": "RS256", "p": "ES256"}[name])
        keys.append(json.loads(algorithm.to_jwk(key.public_key())) | {"kid": name, "use": "sig"})
    trusted = TrustedIssuer(
        issuer=FOREIGN,
        keys=read_jwks(json.dumps({"keys": keys})),
        scopes=frozenset(Scope),
        tenants=frozenset({TenantId("acme")}),
    )
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(trusted,), clock=clock)
    claims = _foreign_claims(clock)

    authenticator.authenticate(jwt.encode(claims, ED, algorithm="EdDSA", headers={"kid": "e"}))
    authenticator.authenticate(jwt.encode(claims, RSA, algorithm="RS256", headers={"kid": "r"}))
    authenticator.authenticate(jwt.encode(claims, P256, algorithm="ES256", headers={"kid": "p"}))
    _refuses(authenticator, jwt.encode(claims, ED, algorithm="EdDSA", headers={"kid": "r"}))
    _refuses(authenticator, jwt.encode(claims, ED, algorithm="EdDSA", headers={"kid": "x"}))
    _refuses(authenticator, jwt.encode(claims, RSA, algorithm="RS512", headers={"kid": "r"}))
    _refuses(authenticator, jwt.encode(claims, ED, algorithm="EdDSA"))


def _oct():
    return {"kty": "oct", "kid": "x", "k": base64.urlsafe_b64encode(KEY).decode().rstrip("=")}


def _private_jwk():
    return json.loads(jwt.get_algorithm_by_name("EdDSA").to_jwk(ED)) | {"kid": "x"}


def _public_jwk(**changes):
    return json.loads(jwt.get_algorithm_by_name("EdDSA").to_jwk(ED.public_key())) | {"kid": "x"} | changes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        json.dumps({"keys": [_oct()]}),
        json.dumps({"keys": [_private_jwk()]}),
        json.dumps({"keys": [_public_jwk(), _public_jwk()]}),
        json.dumps({"keys": [_public_jwk(use="enc")]}),
        json.dumps({"keys": [_public_jwk(kid=None)]}),
    ],
)
def test_a_key_set_that_is_not_only_public_signing_keys_is_refused(text):
    with pytest.raises(OperatorError) as caught:
        read_jwks(text)
    assert KEY.decode() not in str(caught.value)


def test_keys_for_encryption_beside_those_that_sign_are_left_alone():
    keys = [_public_jwk(), _public_jwk(kid="e", use="enc")]

    assert set(read_jwks(json.dumps({"keys": keys}))) == {"x"}


@pytest.mark.parametrize(
    "said",
    [
        {"scope": "call audit"},
        {"scp": "call audit"},
        {"scp": ["call", "audit"]},
        {"scope": "call audit", "scp": "none"},
    ],
)
async def test_an_issuer_says_scopes_as_words_or_as_a_list(tokens, clock, said):
    trusted = TrustedIssuer(
        issuer=FOREIGN, keys=read_pem(_public(ED)), scopes=frozenset(Scope), tenants=frozenset({TenantId("acme")})
    )
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(trusted,), clock=clock)
    claims = {name: value for name, value in _foreign_claims(clock).items() if name != "scope"} | said

    principal = authenticator.authenticate(jwt.encode(claims, ED, algorithm="EdDSA"))

    assert principal.scopes == {Scope.CALL, Scope.AUDIT}


@pytest.mark.parametrize("said", [{}, {"scope": 7}, {"scp": {"call": True}}, {"scp": [7, None]}])
async def test_what_says_no_scope_gives_none(tokens, clock, said):
    trusted = TrustedIssuer(
        issuer=FOREIGN, keys=read_pem(_public(ED)), scopes=frozenset(Scope), tenants=frozenset({TenantId("acme")})
    )
    authenticator = Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=(trusted,), clock=clock)
    claims = {name: value for name, value in _foreign_claims(clock).items() if name != "scope"} | said

    assert authenticator.authenticate(jwt.encode(claims, ED, algorithm="EdDSA")).scopes == frozenset()


def test_a_weak_or_foreign_kind_of_key_is_refused():
    weak = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256K1())
    private = ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    for text in (_public(weak), _public(curve), private, "", "x"):
        with pytest.raises(OperatorError):
            read_pem(text)


async def test_a_short_local_key_is_refused(tokens):
    for make in (TokenIssuer, Authenticator):
        with pytest.raises(OperatorError):
            make(key=b"short", issuer=LOCAL, tokens=tokens)


async def test_an_issuer_is_trusted_once_and_never_under_our_name(tokens):
    one = TrustedIssuer(issuer=LOCAL, keys=read_pem(_public(ED)), scopes=frozenset(), tenants=frozenset())
    two = replace(one, issuer=FOREIGN)

    for trusted in ((one,), (two, two)):
        with pytest.raises(OperatorError):
            Authenticator(key=KEY, issuer=LOCAL, tokens=tokens, trusted=trusted)


@pytest.mark.parametrize(
    "changes",
    [{"subject": ""}, {"subject": "a\nb"}, {"subject": "a" * 257}, {"tenant": ""}, {"ttl_s": 0}, {"ttl_s": 10**9}],
)
async def test_a_token_that_could_not_be_read_back_is_not_issued(issuer, changes):
    with pytest.raises(InvalidRequest):
        await _issue(issuer, **changes)


async def test_a_sessions_token_can_only_call(issuer, authenticator):
    token = await issuer.issue_for_session(subject="agent", tenant="acme", session="s1", ttl_s=60)

    principal = authenticator.authenticate(token)
    assert (principal.scopes, principal.session) == (frozenset({Scope.CALL}), "s1")
