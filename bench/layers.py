"""What each layer costs one call of 1 KB in and out, and what the whole call costs, in µs of CPU. It decides nothing.

`python -m bench.layers [--calls N] [--json] [--profile] [--page FILE]`. No two calls carry the same text, so nothing
is answered from memory that a real call would not find there. CPU time of the one thread, p50 of the quietest tenth:
what other programs take from the clock is left out, what they take from the caches is not. `bare scan` is the anchor:
the leak rules' database over the same text, and nothing else. `--page` puts both tables into a page, as a section.
"""

import argparse
import asyncio
import collections
import json
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import FrameType

from bench.page import one_call, put_section
from bench.parts import parts_of
from holdfast.contracts import FlowFacts, Session, SessionId, Sink, TenantId, Text, ToolCall, ToolName, Where
from holdfast.safety.envelope import wrap
from holdfast.safety.leaks import layout, load_rules
from holdfast.safety.leaks.database import open_scanner
from holdfast.safety.policy import Facts, PolicyRequest, supposed
from holdfast.server.assembly.layers import build_layers, rule_sources
from holdfast.server.config import AuditSettings, LimitSettings, Settings
from holdfast.server.house import House, open_house
from holdfast.server.principals import acting_as
from holdfast.server.verbs.calls import new_call_id

TENTHS = 10
SAMPLE_S = 0.001
LINE = "A line of ordinary text, of which there are some.\n"
BOUNDARY = "0123456789abcdef"
WHO = acting_as("bench")
NO_FLOW = FlowFacts(
    effects=frozenset(),
    sink=Sink.NONE,
    private=False,
    untrusted=False,
    args_from_user=False,
    all_from_user=False,
    repeated=False,
    receivers_listed=False,
    receivers_from_user=False,
    args_contain_private=False,
    args_from_untrusted=False,
)


def texts() -> Iterator[str]:
    """Texts of 1 KB, each another one."""
    for number in count():
        yield f"{LINE * 20}{number:>24}"


def quiet(times: list[float]) -> float:
    """The p50 of the quietest tenth of *times*, in µs."""
    size = max(1, len(times) // TENTHS)
    return min(statistics.median(times[at : at + size]) for at in range(0, size * TENTHS, size)) * 1e6


def cost(count_of: int, run: Callable[[str], object]) -> float:
    """What *run* takes for one text."""
    times: list[float] = []
    for text, _ in zip(texts(), range(count_of), strict=False):
        began = time.thread_time()
        run(text)
        times.append(time.thread_time() - began)
    return quiet(times)


def layers_of(house: House) -> dict[str, Callable[[str], object]]:
    """Each layer as a call of `echo` asks it: over the arguments, and over the answer that repeats them."""
    layers = replace(build_layers(house.settings.limits), policy=house.policies.of)
    spec = house.registry.get(ToolName("echo"))
    scanner = open_scanner(load_rules(rule_sources()))
    if spec is None:
        raise SystemExit("there is no tool `echo`")
    session = Session(id=SessionId("s"), principal=WHO.subject, tenant=TenantId("t"), labels=frozenset())
    facts = Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset())

    def validator(text: str) -> None:
        layers.validator.shape({"text": text})
        layers.validator.arguments(spec, {"text": text})

    def sanitizer(text: str) -> None:
        layers.sanitizer.arguments({"text": text})
        layers.sanitizer.output((Text(text=text),), None)

    def leaks(text: str) -> None:
        layers.detectors.leaks.scan_arguments({"text": text}, Where.ARGUMENTS)
        layers.detectors.leaks.scan([text], Where.OUTPUT)

    def credentials(text: str) -> None:
        layers.detectors.credentials.scan_arguments({"text": text}, Where.ARGUMENTS)
        layers.detectors.credentials.scan([text], Where.OUTPUT)

    def injection(text: str) -> None:
        layers.injection.scan(["text", text], Where.ARGUMENTS)
        layers.injection.scan([text], Where.OUTPUT)

    def policy(text: str) -> None:
        for _ in range(2):  # when it is judged, and at the gate
            request = PolicyRequest(
                principal=WHO,
                session=session,
                spec=spec,
                arguments={"text": text},
                facts=facts,
                flow=NO_FLOW,
                around=supposed(),
            )
            layers.policy(WHO).decide(request)

    def envelope(text: str) -> None:
        wrap(text, name="echo", call="c", status="ok", boundary=BOUNDARY)

    each = (validator, sanitizer, leaks, credentials, injection, policy, envelope)
    return {
        "bare scan": lambda text: scanner.sight(layout.encoded(text)),
        **{layer.__name__: layer for layer in each},
        "all layers": lambda text: [layer(text) for layer in each],
    }


async def whole(count_of: int, house: House) -> tuple[float, float]:
    """CPU and clock time of whole calls, in µs."""
    worked: list[float] = []
    passed: list[float] = []
    for text, _ in zip(texts(), range(count_of), strict=False):
        call = ToolCall(id=new_call_id(), tool=ToolName("echo"), arguments={"text": text})
        begun, began = time.perf_counter(), time.thread_time()
        result = await house.dispatcher.execute(call, WHO)
        worked.append(time.thread_time() - began)
        passed.append(time.perf_counter() - begun)
        if result.status.value != "ok":
            raise SystemExit(f"echo: {result.reason}")
    return quiet(worked), quiet(passed)


async def profiled(count_of: int, house: House) -> list[tuple[str, float]]:
    """The functions that whole calls spend their time in, themselves and what they call, in µs of one call."""
    seen: collections.Counter[str] = collections.Counter()

    def sample(_signal: int, frame: FrameType | None) -> None:
        names: set[str] = {"(a whole call)"}
        while frame is not None:
            code = frame.f_code
            names.add(f"{'/'.join(Path(code.co_filename).parts[-2:])} {code.co_name}")
            frame = frame.f_back
        seen.update(names)

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    began = time.process_time()
    try:
        await whole(count_of, house)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    one = (time.process_time() - began) / count_of * 1e6 / max(1, seen["(a whole call)"])
    return [(name, times * one) for name, times in seen.most_common(100)]


async def run(count_of: int, *, profile: bool) -> tuple[dict[str, float], list[tuple[str, float]], dict[str, float]]:
    settings = Settings(
        audit=AuditSettings(durability="process"),
        limits=LimitSettings(calls_per_minute=10_000_000, burst=10_000_000),
    )
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        async with open_house(settings, Path(folder)) as house:
            found = {name: cost(count_of, layer) for name, layer in layers_of(house).items()}
            found["a whole call, CPU"], found["a whole call, clock"] = await whole(count_of, house)
            parts = await parts_of(lambda count_of: whole(count_of, house), count_of)
            return found, await profiled(count_of, house) if profile else [], parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true", help="sample whole calls and say where their time goes")
    parser.add_argument("--page", type=Path, help="put the tables there as a section, Markdown")
    given = parser.parse_args()
    found, seen, parts = asyncio.run(run(given.calls, profile=given.profile))
    if given.page is not None:
        put_section(given.page, one_call(found, parts, calls=given.calls))
    if given.json:
        print(json.dumps({"us": found, "parts": parts, "profile": dict(seen)}))
        return
    for name, value in [*found.items(), *((f"inside a call: {name}", value) for name, value in parts.items()), *seen]:
        print(f"{value:>9.1f} µs  {name}")


if __name__ == "__main__":
    main()
