"""`[pii]`: each key changes what a real house does with personal data, and a policy may read what was found."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.pii import load_pii_rules
from holdfast.safety.pii.specimens import specimen
from holdfast.server.assembly.layers import pii_sources
from holdfast.server.config import load_settings

from .world import World, code, opened, said

pytestmark = pytest.mark.anyio
POLICIES = Path(__file__).parents[2] / "policies"
RULES = {rule.id: rule for rule in load_pii_rules(pii_sources())}
CARD = specimen(RULES["card"], "4{digits:14}?")
IBAN = specimen(RULES["iban"], "DE??{digits:18}")
ADDRESS = "10.20.30.41"
TEXT = f"{CARD} and {IBAN} at {ADDRESS}"
FORBID = """
@id("no-cards") @reason("cards stay here")
forbid (principal, action == Action::"echo", resource)
when { context.facts.pii > 0 && context.facts.rules.contains("pii/card") };
"""


@pytest.fixture(scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(tmp_path_factory.mktemp("plain")) as world:
        yield world


@pytest.fixture(scope="module")
async def changed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(POLICIES, folder / "policies")
    (folder / "policies" / "local.cedar").write_text(FORBID)
    text = '[policy]\ndir = "policies"\n[pii]\nredact = ["network"]\noff = ["iban"]\n'
    async with opened(folder, text) as world:
        yield world


async def test_a_class_is_taken_out_of_output_where_the_operator_says_so_and_is_a_note_otherwise(
    plain: World, changed: World
) -> None:
    noted = await plain.call("echo", {"text": TEXT})
    redacted = await changed.call("echo", {"text": f"at {ADDRESS}"})

    assert said(noted) == TEXT
    assert {(each.rule, each.action.value) for each in noted.findings} == {
        ("pii/card", "annotate"),
        ("pii/iban", "annotate"),
    }
    assert said(redacted) == "at [REDACTED:pii-ip-address]"
    assert ADDRESS not in redacted.output
    assert {each.action.value for each in redacted.findings if each.where.value == "output"} == {"redact"}
    assert {each.action.value for each in redacted.findings if each.where.value == "arguments"} == {"annotate"}


async def test_a_class_that_is_off_is_not_looked_for(plain: World, changed: World) -> None:
    by_default, off = await plain.call("echo", {"text": TEXT}), await changed.call("echo", {"text": IBAN})

    assert "pii/ip-address" not in {each.rule for each in by_default.findings}
    assert off.findings == ()


async def test_a_policy_reads_what_was_found(plain: World, changed: World) -> None:
    assert code(await plain.call("echo", {"text": CARD})) == "ok"
    assert code(await changed.call("echo", {"text": CARD})) == "policy/no-cards"
    assert code(await changed.call("echo", {"text": IBAN})) == "ok"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('redact = ["cards"]', "`cards` is no class of personal data"),
        ('off = ["faces"]', "`faces` is no class of personal data"),
        ('redact = ["network"]', "stands in `redact` and in `off`"),
        ('hide = ["card"]', "unknown key `pii.hide`"),
    ],
)
def test_what_cannot_be_enforced_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "holdfast.toml"
    file.write_text(f"[pii]\n{text}\n")

    with pytest.raises(OperatorError, match=why):
        load_settings(file)
