"""No secret of the house passes it, in or out, by whatever tool; trying them out comes to an end soon."""

import base64
import json

import pytest

from holdfast.contracts import Secret, Status, TenantId, Where
from holdfast.safety.leaks import HELD
from holdfast.server.audit import tail
from holdfast.server.dispatch.guessing import MOST, WITHHELD
from holdfast.server.house import House
from holdfast.server.store import Vault
from holdfast.server.verbs import run_verb

from .conftest import World

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
VALUE = 'correct horse/battery "staple" 7'
"""Nothing about it looks like a secret."""

WRITINGS = {
    "plain": lambda text: text,
    "capitals": str.upper,
    "backwards": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(f"x{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "JSON": json.dumps,
    "split by what nobody sees": "\u200b".join,
    "base64 of hex": lambda text: base64.b64encode(text.encode().hex().encode()).decode(),
}


async def keep(house: House, name: str, value: str = VALUE) -> None:
    await house.state.vault.put(ACME, name, Secret(value.encode()))


async def test_what_a_tool_says_holds_no_secret_of_the_house_in_any_writing(world: World) -> None:
    await keep(world.house, "api")

    for name, write in WRITINGS.items():
        written = write(VALUE)
        result = await world.call("echo", {"text": f"it is {written} ."})

        assert result.status is Status.OK, name
        assert written not in result.output, name
        assert "[REDACTED:held-secret]" in result.output, name
        assert {one.rule for one in result.findings if one.rule.startswith("leaks/")} == {HELD}, name


async def test_what_would_leave_is_refused_and_no_finding_tells_which_secret(world: World) -> None:
    await keep(world.house, "first")
    await keep(world.house, "second", "another-value-of-ours")
    told = set()

    for value in (VALUE, "another-value-of-ours"):
        body = base64.b64encode(value.encode()).decode()
        result = await world.call("http_fetch", {"url": "https://example.com/", "method": "POST", "body": body})
        assert result.status is Status.DENIED
        assert result.reason is not None
        told.add((result.reason, frozenset((one.rule, one.layer, one.severity) for one in result.findings)))

    assert len(told) == 1


async def test_what_is_set_counts_at_once_and_what_is_removed_no_longer(world: World) -> None:
    value = "a-value-nobody-has-set-before"

    async def said() -> str:
        return (await world.call("echo", {"text": value})).output

    assert value in await said()
    await run_verb(world.house, "secrets.set", {"name": "late", "value": value})
    assert value not in await said()
    await run_verb(world.house, "secrets.remove", {"name": "late"})
    assert value in await said()


async def test_what_another_process_sets_counts_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.server.held_secrets.STALE_SECONDS", 0.0)
    value, state = "a-value-of-another-process", world.house.state
    assert value in (await world.call("echo", {"text": value})).output
    await Vault(state.store, key=world.house.data.key("secrets")).put(ACME, "theirs", Secret(value.encode()))

    assert value not in (await world.call("echo", {"text": value})).output


async def test_the_keys_of_the_house_are_secrets_too(world: World) -> None:
    for written in (world.house.data.key("tokens").hex(), base64.b64encode(world.house.data.key("audit")).decode()):
        assert written not in (await world.call("echo", {"text": f"{written}."})).output


async def test_whoever_tries_out_secrets_is_told_nothing_for_a_while_and_an_operator_is(own_world: World) -> None:
    world = own_world
    await keep(world.house, "api")
    for _ in range(MOST):
        assert (await world.call("echo", {"text": VALUE})).status is Status.OK

    for text in (VALUE, "anything"):
        refused = await world.call("echo", {"text": text})
        assert (refused.status, refused.reason) == (Status.DENIED, WITHHELD)
    alerts = [one for one in world.records(200) if one["kind"] == "alert"]
    assert [(one["subject"], one["why"]) for one in alerts] == [(world.caller.subject, "held-secrets")]
    assert VALUE not in json.dumps(tail(world.house.data.audit / world.house.audit.chain.name, 500))


async def test_who_scans_texts_of_their_own_learns_nothing_of_what_is_held(world: World) -> None:
    await keep(world.house, "api")

    assert world.house.scanner.look(VALUE, Where.OUTPUT).findings == ()
