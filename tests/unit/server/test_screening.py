"""What a guest sends out is looked at as a request: URL, header lines, body."""

import pytest

from holdfast.safety.leaks.specimens import expand
from holdfast.server.assembly import build_layers, shared_artifacts
from holdfast.server.dispatch import Guessing
from holdfast.server.screening import DetectorScreen

SECRET = expand("{base62:16}7xK3")
SCREEN = DetectorScreen(build_layers(kept=shared_artifacts(None)), Guessing(lambda _principal: None))
URL = "https://api.example.net/v1"


@pytest.mark.parametrize(
    "texts",
    [
        (f"{URL}?access_token={SECRET}", "Accept: */*", ""),
        (URL, f"X-Api-Key: {SECRET}", ""),
        (URL, f"Cookie: sid={SECRET}", ""),
        (URL, "Accept: */*", f"user=ada&passphrase={SECRET}"),
        (URL, "Accept: */*", f'{{"user": {{"secret_key": "{SECRET}"}}}}'),
    ],
)
def test_a_credential_anywhere_in_a_request_stays_here(texts: tuple[str, ...]) -> None:
    refused = SCREEN.refusal(texts)

    assert refused is not None
    assert refused.code.endswith("/secret-to-egress")
    assert SECRET not in repr(refused)


def test_a_request_without_one_may_leave() -> None:
    assert SCREEN.refusal((f"{URL}?page_token=abc123&key=name", "Accept: */*", '{"max_tokens": 10}')) is None
