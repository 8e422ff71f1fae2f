"""The process for long texts: confined by the kernel, killed at its deadline, and replaced; looked at from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.sanitizer.html import LARGE, MAX_BYTES, clean, cleaner_named
from holdfast.sandbox.confinement.support import support
from holdfast.sandbox.confinement.threads import states
from holdfast.sandbox.scanning import ScanProcess
from holdfast.sandbox.scanning.child import DONE, NOT_DONE
from holdfast.sandbox.wasm.birth import READY
from holdfast.sandbox.wasm.frames import HEAD, frame
from holdfast.server.long_html import WORKER, LongHtml

pytestmark = pytest.mark.skipif(support().missing is not None, reason="nothing can be confined here")

PAGE = "<div onclick=x><p>Some <b>text</b> and <a href='https://a.example/?b=c'>a link</a>.</p><!-- d --></div>\n" * 900
ESCAPES = """
import os, sys
from holdfast.sandbox.scanning.child import serve
def opens(_): return open("/etc/passwd", "rb").read()
def connects(_):
    import _socket
    return b"connected" if _socket.socket() else b""
def forks(_): return str(os.fork()).encode()
def executes(_): return os.execv("/bin/true", ["true"])
def signals(_): return os.kill(os.getppid(), 0) or b"signalled"
def takes(_): return bytes(1 << 30)[:1]
def sees(_): return repr(dict(os.environ)).encode()
works = {name: value for name, value in globals().items() if callable(value) and name != "serve"}
import _socket
serve(works, 65534, 64 << 20, 10, int(sys.argv[1]), 0, 1)
"""


@pytest.fixture(scope="module")
def process() -> Iterator[ScanProcess]:
    process = ScanProcess(WORKER)
    yield process
    process.close()


def escaped(work: str) -> bytes | int:
    """What a confined child that attempts *work* answers, or the status it ends with."""
    source = os.memfd_create("none")
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        (sys.executable, "-S", "-c", ESCAPES, str(source)),
        input=frame(f"{work}\n".encode()),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(source,),
        env={"PYTHONPATH": path, "TOKEN": "kept"},
        check=False,
    )
    os.close(source)
    said = done.stdout
    assert said.startswith(frame(READY))
    body = said[len(frame(READY)) + HEAD.size :]
    return body if done.returncode == 0 else done.returncode


@pytest.mark.parametrize("work", ["opens", "connects", "forks", "executes", "signals"])
def test_whoever_takes_it_over_reaches_nothing(work):
    assert escaped(work) in (-signal.SIGSYS, NOT_DONE)


def test_it_has_the_memory_it_was_given_and_no_environment():
    assert escaped("takes") == NOT_DONE
    assert escaped("sees") == DONE + b"{}"


def test_long_html_is_cleaned_there_as_it_would_be_here(process):
    assert len(PAGE) > MAX_BYTES
    for library in ("bleach", "nh3"):
        result, found = Sanitizer(html_cleaner=library, elsewhere=LongHtml(process, library)).text(PAGE, "text/html")

        assert result == clean(PAGE, cleaner_named(library), LARGE).text
        assert "onclick" not in result
        assert "https://a.example" in result
        assert {finding.rule for finding in found} == {"sanitizer/html-active", "sanitizer/html-hidden"}


def test_the_kernel_says_that_it_is_confined(process):
    assert process.ask("html/nh3", b"<p>") is not None
    assert process.pid is not None
    (thread,) = states(process.pid)
    limits = {
        line[:26].strip(): line[26:].split()[:2]
        for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines()[1:]
    }

    assert thread.flaw is None
    assert limits["Max open files"] == ["0", "0"]
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max cpu time"] == ["30", "30"]
    assert int(limits["Max data size"][1]) < 1 << 30


def test_the_same_child_serves_one_job_after_another_until_it_is_killed(process):
    assert process.ask("html/nh3", b"<p>a") == b'{"text": "<p>a</p>", "rules": "sanitizer/html-cleaned"}'
    first = process.pid
    assert process.ask("html/nh3", b"<p>b") is not None
    assert process.pid == first
    assert first is not None
    os.kill(first, signal.SIGKILL)
    process.ask("html/nh3", b"<p>c")  # may come before its end, and be lost with it

    assert process.ask("html/nh3", b"<p>d") is not None
    assert process.pid != first


def test_what_takes_longer_than_its_deadline_is_killed_and_escaped_and_told():
    hasty = ScanProcess(WORKER, seconds=0.005)
    try:
        result, found = Sanitizer(elsewhere=LongHtml(hasty, "bleach")).text(PAGE, "text/html")

        assert hasty.pid is None
        assert "<" not in result
        assert [finding.rule for finding in found] == ["sanitizer/html-stopped"]
    finally:
        hasty.close()


def test_what_takes_more_memory_than_there_is_is_escaped_and_told():
    small = ScanProcess(WORKER, memory_bytes=2 << 20)
    try:
        result, found = Sanitizer(elsewhere=LongHtml(small, "bleach")).text(PAGE, "text/html")

        assert "<" not in result
        assert [finding.rule for finding in found] == ["sanitizer/html-stopped"]
    finally:
        small.close()


def test_longer_html_than_it_takes_never_gets_there(process):
    result, found = Sanitizer(elsewhere=LongHtml(process, "nh3")).text("<p>" + "x" * (1 << 20), "text/html")

    assert result.startswith("&lt;p&gt;")
    assert [finding.rule for finding in found] == ["sanitizer/html-too-large"]


def test_a_job_nobody_knows_and_a_child_that_does_not_start_are_not_done(process):
    nowhere = ScanProcess("holdfast.server.no_such_worker")

    assert process.ask("html/none", b"<p>") is None
    assert nowhere.ask("html/nh3", b"<p>") is None
    nowhere.close()
    assert nowhere.ask("html/nh3", b"<p>") is None
