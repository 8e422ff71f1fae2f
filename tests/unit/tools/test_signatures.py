"""What is signed, how it is written, and that nothing else passes for it."""

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Digest, OperatorError
from holdfast.tools.signatures import (
    Signature,
    public_key,
    read_key,
    read_signature,
    sign,
    statement,
    written_key,
)

SEED = bytes(range(32))
MODULE = Digest.of(b"module")
MANIFEST = '[tool]\nname = "x"\n'


def test_a_signature_holds_for_what_was_signed_and_reads_back_as_it_was_written():
    signature = sign(SEED, MANIFEST, MODULE)

    assert signature.holds(MANIFEST, MODULE)
    assert signature.key == public_key(SEED)
    assert read_signature(signature.written()) == signature


def test_what_is_signed_is_a_statement_of_its_own_kind():
    """Anybody can check it with another library, and nothing else that is signed with the key begins like it."""
    signature = sign(SEED, MANIFEST, MODULE)
    written = f"holdfast-tool-signature-v1\nmanifest {Digest.of(MANIFEST.encode())}\nmodule {MODULE}\n".encode()

    assert statement(MANIFEST, MODULE) == written
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(signature.value, written)


@given(st.text(max_size=200), st.binary(max_size=100), st.text(max_size=200), st.binary(max_size=100))
def test_it_holds_for_nothing_else(manifest, module, other_manifest, other_module):
    signature = sign(SEED, manifest, Digest.of(module))
    same = (manifest, module) == (other_manifest, other_module)

    assert signature.holds(other_manifest, Digest.of(other_module)) is same


@given(st.integers(0, 511))
def test_a_changed_bit_of_it_breaks_it(bit):
    signature = sign(SEED, MANIFEST, MODULE)
    value = bytearray(signature.value)
    value[bit // 8] ^= 1 << bit % 8

    assert not Signature(key=signature.key, value=bytes(value)).holds(MANIFEST, MODULE)


def test_the_key_of_another_does_not_make_it_theirs():
    signature = sign(SEED, MANIFEST, MODULE)

    assert not Signature(key=public_key(bytes(32)), value=signature.value).holds(MANIFEST, MODULE)


GOOD = sign(SEED, MANIFEST, MODULE).written()


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD + GOOD,
        GOOD.replace("v1", "v2"),
        GOOD.upper(),
        " " + GOOD,
        GOOD[:-3],
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip() + "00",
        GOOD.replace("ed25519", "ed448"),
        "x" * 100_000,
    ],
)
def test_other_text_is_no_signature(text):
    with pytest.raises(OperatorError, match="no signature"):
        read_signature(text)


@given(st.text(max_size=300))
def test_any_text_is_a_signature_or_refused(text):
    with contextlib.suppress(OperatorError):
        assert read_signature(text).written().strip() == text.strip()


def test_a_private_key_reads_back_and_nothing_of_a_broken_one_is_quoted():
    assert read_key(written_key(SEED)) == SEED
    broken = written_key(SEED)[:-4]
    with pytest.raises(OperatorError) as refused:
        read_key(broken)
    assert SEED.hex()[:16] not in refused.value.message
