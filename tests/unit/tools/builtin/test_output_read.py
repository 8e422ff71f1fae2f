"""`output_read` gives back what was cut, to its owner only."""

import pytest

from holdfast.contracts import CallId, NotFound, Principal, Session
from holdfast.tools.builtin import output_read

pytestmark = pytest.mark.anyio


class _Kept:
    """Outputs in a dictionary, by call, principal and session."""

    def __init__(self, **kept: str) -> None:
        self._kept = {(call, "agent", "s1"): text for call, text in kept.items()}

    def kept(self, call_id: CallId, principal: Principal, session: Session, /) -> str | None:
        return self._kept.get((call_id, principal.subject, session.id))


async def test_a_piece_is_answered_and_says_how_to_read_on(call) -> None:
    read = output_read.OutputRead(_Kept(c1="0123456789"))

    first = await read(call(output_read.SPEC, call_id="c1", limit=6))
    second = await read(call(output_read.SPEC, call_id="c1", offset=first.structured["next_offset"]))

    assert [block.text for block in first.content] == ["012345", "[4 characters more; read on with offset 6]"]
    assert [block.text for block in second.content] == ["6789"]
    assert second.structured == {"characters": 10, "next_offset": None}


async def test_an_offset_past_the_end_is_empty_and_ends(call) -> None:
    outcome = await output_read.OutputRead(_Kept(c1="abc"))(call(output_read.SPEC, call_id="c1", offset=99))

    assert [block.text for block in outcome.content] == [""]
    assert outcome.structured["next_offset"] is None


async def test_a_query_answers_numbered_lines(call) -> None:
    kept = _Kept(c1="an Error\nfine\nanother ERROR.*\n")

    outcome = await output_read.OutputRead(kept)(call(output_read.SPEC, call_id="c1", query="error"))
    literal = await output_read.OutputRead(kept)(call(output_read.SPEC, call_id="c1", query=".*"))

    assert outcome.content[0].text == "1:an Error\n3:another ERROR.*"
    assert literal.content[0].text == "3:another ERROR.*"


async def test_the_output_of_another_is_answered_like_one_that_never_was(call) -> None:
    read = output_read.OutputRead(_Kept(c1="private"))
    answers = set()
    for by, session, call_id in (("agent", "s1", "none"), ("other", "s1", "c1"), ("agent", "s2", "c1")):
        with pytest.raises(NotFound) as refused:
            await read(call(output_read.SPEC, call_id=call_id, by=by, in_session=session))
        answers.add((refused.value.message, refused.value.remedy))

    assert len(answers) == 1
