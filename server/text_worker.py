"""The program of the confined process: cleans long HTML, reads many lines. Nothing in the server imports it."""

import json
from base64 import b64encode
from functools import partial

from holdfast.contracts import Where
from holdfast.safety.credentials import CredentialDetector
from holdfast.safety.sanitizer.html import LARGE, clean, cleaner_named
from holdfast.sandbox.scanning.child import serve

from .many_lines import MOST, written

_SAMPLE = (
    "<!doctype html><title>a</title><body onload=x><!-- b --><p style='display:none'>c&amp;&#65;&nbsp;&notin;</p>"
    "<a href='https://[::1]/d?e=f&g' HIDDEN>h</a><a href='java&#x0A;script:1'>i</a><svg><style>j</style></svg>"
    "<table><b>k<td>\u0416\U0001f600</table><img alt=l><div aria-hidden=true>m</div><script>n</script><plaintext>"
)
"""Something of everything: what is loaded when it is first needed must be loaded before there is no more loading."""

_UNSIGNED = ".".join((b64encode(b'{"alg":"none"}').decode().rstrip("="), "e30", ""))
_LINES = ["a", f"password = 'b' # https://c:d@e/ token: {_UNSIGNED} AccountKey=f aws_secret_key = g"]


def main(unprivileged: int, memory_bytes: int, cpu_seconds: int, source: int, jobs: int, answers: int) -> None:
    """Serve. Never returns."""
    works = {f"html/{library}": partial(cleaned, library) for library in ("bleach", "nh3")}
    for work in works.values():
        work(_SAMPLE.encode())
    detector = CredentialDetector(cap=MOST)
    for where in Where:
        works[f"credentials/{where.value}"] = reading = partial(read, detector, where)
        reading(json.dumps(_LINES).encode())
    serve(works, unprivileged, memory_bytes, cpu_seconds, source, jobs, answers)


def read(detector: CredentialDetector, where: Where, data: bytes) -> bytes:
    """What *detector* finds in *data*, a list of texts as JSON."""
    texts: list[str] = json.loads(data)
    return written(detector.scan(texts, where))


def cleaned(library: str, data: bytes) -> bytes:
    """*data*, HTML as UTF-8, cleaned with *library*: an object of `text` and `rules`, with spaces between."""
    done = clean(data.decode("utf-8", "surrogatepass"), cleaner_named(library), LARGE)
    return json.dumps({"text": done.text, "rules": " ".join(done.rules)}).encode("ascii")
