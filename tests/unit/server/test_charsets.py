"""Bytes become text once: what is scanned is what is delivered, whatever charset a tool wrote in."""

import pytest

from holdfast.contracts import Blob, Resource, Text
from holdfast.safety.leaks.specimens import expand
from holdfast.server.assembly import build_layers, shared_artifacts
from holdfast.server.dispatch import Outbound

TOKEN = expand("ghp_{crc:30}")
LAYERS = build_layers(kept=shared_artifacts(None))
OUTBOUND = Outbound(LAYERS.sanitizer, LAYERS.detectors, LAYERS.injection)


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_a_secret_in_the_output_of_a_command_is_found_in_every_charset(charset):
    written = f"token: {TOKEN}\n".encode(charset)

    out = OUTBOUND.clean((Text(text=written.decode("utf-8", "replace")),), None)  # as the shell tool reads it

    assert TOKEN not in out.text().replace("\x00", "")
    assert any(finding.layer == "leaks" for finding in out.findings)


@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-16", "text/html", "application/octet-stream"])
def test_a_document_in_bytes_is_not_handed_on_to_be_decoded_by_somebody_else(media_type):
    blob = Blob(data=TOKEN.encode("utf-16"), media_type=media_type)

    out = OUTBOUND.clean((Resource(uri="memo://a", body=blob), blob), None)

    assert all("[left out: " in text for text in out.text().split("\n") if text != "memo://a")
