"""What is too much for detect-secrets in the server is read in the confined process, or it is said that it was not."""

from collections.abc import Iterator

import pytest

from holdfast.contracts import Where
from holdfast.safety.credentials import TOO_LARGE, CredentialDetector
from holdfast.safety.leaks.specimens import expand
from holdfast.sandbox.scanning import ScanProcess
from holdfast.server.long_html import WORKER
from holdfast.server.many_lines import ManyLines

TEXTS = ["é nothing", expand("first é\npassword = '{base62:16}7xK3' # one\n") * 6, "last"]


@pytest.fixture(scope="module")
def process() -> Iterator[ScanProcess]:
    scanning = ScanProcess(WORKER)
    yield scanning
    scanning.close()


@pytest.mark.parametrize("where", list(Where))
def test_the_confined_process_finds_what_would_be_found_here(process: ScanProcess, where: Where) -> None:
    capped = CredentialDetector(cap=100, elsewhere=ManyLines(process))

    found = capped.scan(TEXTS, where)

    assert len(found) == 6
    assert found == CredentialDetector().scan(TEXTS, where)


def test_what_could_not_be_read_elsewhere_is_said() -> None:
    stopped = ScanProcess(WORKER)
    stopped.close()

    found = CredentialDetector(cap=100, elsewhere=ManyLines(stopped)).scan(TEXTS, Where.OUTPUT)

    assert [each.part for each in found if each.rule == TOO_LARGE] == [1]
    assert any(each.rule != TOO_LARGE for each in found)


@pytest.mark.parametrize(
    "said",
    [
        b"{",
        b"1",
        b"[1]",
        b'[["leaks/x","low","deny",0,0,1]]',
        b'[["credentials/x","low","deny",9,0,1]]',
        b'[["credentials/x","low","deny",0,0,99]]',
        b'[["credentials/x","low","none",0,0,1]]',
    ],
)
def test_an_answer_that_is_none_of_ours_is_none(said: bytes) -> None:
    class Said(ScanProcess):
        def ask(self, work: str, data: bytes) -> bytes | None:
            return said

    assert ManyLines(Said(WORKER))(["text"], Where.OUTPUT) is None
