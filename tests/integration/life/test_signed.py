"""Signed tools in a real house: whose are taken, and what becomes of them when a key is trusted no longer."""

import pytest

from holdfast.contracts import OperatorError, ToolName
from holdfast.server.principals import OPERATOR
from holdfast.tools.signatures import public_key, sign

from .conftest import described

pytestmark = pytest.mark.anyio

OURS, THEIRS = bytes(range(32)), bytes(32)
OUR_KEY, THEIR_KEY = public_key(OURS), public_key(THEIRS)


def signature(name: str, word: str, seed: bytes = OURS, version: str = "1.0.0") -> str:
    from holdfast.contracts import Digest

    written, module = described(name, word, version)
    return sign(seed, written, Digest.of(module)).written()


async def test_a_signed_tool_is_taken_and_its_signer_shown(opened):
    async with opened(keys=(OUR_KEY,), require_signature=True) as living:
        registered = await living.add("signed", "hello", signature=signature("signed", "hello"))
        await living.house.registrar.approve(ToolName("signed"), OPERATOR)

        assert registered.signer == OUR_KEY
        assert (await living.verb("tools.show", name="signed"))["signer"] == OUR_KEY
        assert await living.said("signed") == "hello"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "not signed"),
        (signature("x", "hello", THEIRS), "not trusted"),
        (signature("x", "other"), "not the signature of this"),
        (signature("y", "hello"), "not the signature of this"),
        (signature("x", "hello", version="2.0.0"), "not the signature of this"),
        ("anything", "no signature"),
    ],
)
async def test_a_tool_that_nobody_trusted_signed_is_not_registered(opened, given, why):
    async with opened(keys=(OUR_KEY,), require_signature=True) as living:
        with pytest.raises(OperatorError, match=why):
            await living.add("x", "hello", signature=given)

        assert await living.states() == {}


async def test_without_the_requirement_unsigned_tools_are_taken_and_wrong_signatures_are_not(opened):
    async with opened(keys=(OUR_KEY,)) as living:
        assert (await living.add("plain", "hello")).signer is None
        assert (await living.add("signed", "hello", signature=signature("signed", "hello"))).signer == OUR_KEY
        for wrong in (signature("third", "hello", THEIRS), signature("third", "other")):
            with pytest.raises(OperatorError):
                await living.add("third", "hello", signature=wrong)


async def test_a_key_trusted_no_longer_takes_its_tools_out_of_service_at_the_next_start(opened):
    async with opened(keys=(OUR_KEY, THEIR_KEY), require_signature=True) as living:
        await living.install("ours", "ours", signature=signature("ours", "ours"))
        await living.install("theirs", "theirs", signature=signature("theirs", "theirs", THEIRS))
        assert await living.said("theirs") == "theirs"

    async with opened(keys=(OUR_KEY,), require_signature=True) as living:
        assert await living.states() == {"ours": "approved", "theirs": "quarantined"}
        assert [await living.said(name) for name in ("ours", "theirs")] == ["ours", "tool/quarantined"]
        assert living.decisions("theirs")[-1] == "quarantined"
        shown = await living.verb("tools.show", name="theirs")
        assert "not trusted" in shown["reason"]
        with pytest.raises(OperatorError, match="not trusted"):
            await living.house.registrar.approve(ToolName("theirs"), OPERATOR)
        assert await living.said("theirs") == "tool/quarantined"

    async with opened(keys=(OUR_KEY, THEIR_KEY), require_signature=True) as living:
        assert await living.said("theirs") == "tool/quarantined"  # trusted again is not approved again
        await living.house.registrar.approve(ToolName("theirs"), OPERATOR)
        assert await living.said("theirs") == "theirs"


async def test_requiring_signatures_takes_what_has_none_out_of_service(opened):
    async with opened() as living:
        await living.install("plain", "hello")

    async with opened(require_signature=True) as living:
        assert await living.said("plain") == "tool/quarantined"


async def test_what_was_pending_is_checked_again_when_it_is_approved(opened):
    async with opened(keys=(THEIR_KEY,)) as living:
        await living.add("waits", "hello", signature=signature("waits", "hello", THEIRS))

    async with opened(keys=(OUR_KEY,)) as living:
        with pytest.raises(OperatorError, match="not trusted"):
            await living.house.registrar.approve(ToolName("waits"), OPERATOR)
        assert await living.said("waits") == "tools/unknown"


async def test_a_rollback_does_not_bring_back_what_is_trusted_no_longer(opened):
    async with opened(keys=(OUR_KEY, THEIR_KEY)) as living:
        await living.install("tool", "first", signature=signature("tool", "first", THEIRS))
        second = signature("tool", "second", version="2.0.0")
        await living.install("tool", "second", version="2.0.0", signature=second)

    async with opened(keys=(OUR_KEY,)) as living:
        with pytest.raises(OperatorError, match="not trusted"):
            await living.house.registrar.rollback(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "second"
