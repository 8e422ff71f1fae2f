"""The live probes pass here, see a missing wall, and no worker can be talked into running one."""

import os
import subprocess
import sys

import pytest

from holdfast.sandbox.wasm import worker
from holdfast.sandbox.wasm.frames import frame
from holdfast.sandbox.wasm.memfd import sealed
from holdfast.sandbox.wasm.pipes import read_frame
from holdfast.sandbox.wasm.probe_worker_unsafe import CONTROL, FORBIDDEN
from holdfast.sandbox.wasm.probes import COMPILER, THREADS
from holdfast.sandbox.wasm.spawn_unsafe import start

from . import guests


@pytest.mark.anyio
async def test_no_thread_of_a_worker_gets_past_the_walls(world):
    probes = await world.runtime.self_test()

    assert [probe for probe in probes if not probe.passed] == []
    tried = {probe.name for probe in probes}
    assert {
        f"{name} from the {kind} thread" for name in (*FORBIDDEN, CONTROL) for kind in (*THREADS, COMPILER)
    } <= tried
    assert {
        f"{what} under Landlock alone, {kind} thread"
        for what in ("open", "connect")
        for kind in ("main", "wasi", "later")
    } <= tried
    assert world.runtime.unavailable is None


@pytest.mark.anyio
async def test_a_runtime_that_is_off_runs_nothing_and_says_why(world):
    world.runtime.unavailable = "this kernel has no Landlock, or it is switched off"

    outcome = await world.call(world.tool(guests.STATE))

    assert outcome.code == "wasm/unavailable"
    assert "no Landlock" in outcome.message
    assert world.runtime.worker_pids == ()


def test_a_worker_does_not_hold_the_code_of_the_probes():
    assert "probe" not in "".join(vars(worker))
    assert not hasattr(worker, "FORBIDDEN")


def test_a_probe_worker_runs_only_what_is_listed():
    source = sealed(b"")
    child = start("holdfast.sandbox.wasm.probe_worker_unsafe", ("system",), source)
    os.close(source)
    os.write(child.requests, frame(b"{}"))

    assert read_frame(child.replies, cap=4096) is None
    assert child.wait() == 70


def test_a_worker_ends_on_a_birth_that_is_none():
    source = sealed(b"")
    child = start("holdfast.sandbox.wasm.worker", (), source)
    os.close(source)
    os.write(child.requests, frame(b"not json"))

    assert (read_frame(child.replies, cap=4096) or b"").startswith(b"refused:")
    assert child.wait() == 70


def test_a_thread_that_gives_memory_back_opens_nothing():
    """Else glibc asks a file whether it may, and the filter ends the worker at a moment nobody can foresee.

    A process of its own: one heap is for good.
    """
    program = """
import ctypes, os, threading
from holdfast.sandbox.confinement.kernel_unsafe import allow_only, forbid_new_privileges, keep_one_heap
from holdfast.sandbox.confinement.syscalls import CALLS, machine
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
ready, go = threading.Event(), threading.Event()
def allocate():
    ready.set()
    go.wait()
    for block in [libc.malloc(100_000) for _ in range(200)]:
        libc.free(block)
keep_one_heap()
thread = threading.Thread(target=allocate)
thread.start()
forbid_new_privileges()
ready.wait()
allow_only(CALLS, machine())
go.set()
thread.join()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)

    assert done.returncode == 0
