"""How fast the leak detector scans, in MB/s, by kind and size of text. It decides nothing and fails on no number.

    python -m bench.leaks [--texts DIR] [--json]

Texts are made here, from a seed: JSON, logs, source code of three languages, minified script, HTML, Markdown, base64,
and near misses that an attacker would send. `--texts` takes `*.txt` of a folder instead, a kind each.
The harmonic mean leaves base64 and near misses apart. Times are CPU times of one thread, the best of several rounds;
`bare` is the anchor in the same run: the engine over the same database, which answers nothing and confirms nothing.
At the end, how much more two threads scan than one, by the clock; where the bare engine does not come near 2, the
cores were not free and the rest says nothing.
"""

import argparse
import base64
import json
import math
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.contracts import Where
from holdfast.safety.leaks import LeakDetector, layout, load_rules
from holdfast.safety.leaks.database import HyperscanScanner
from holdfast.server.assembly.layers import rule_sources

SIZES = (1024, 16 * 1024, 1024 * 1024)
SIDE_BY_SIDE = (16 * 1024, 64 * 1024, 1024 * 1024)
AT_LEAST = 0.06
"""Seconds that each of two threads is busy: a thread is made in a thousandth of it."""
DASHES = "-" * 5
APART = ("base64", "near misses")
ROUNDS = 5
ENOUGH = 256 * 1024
"""Bytes scanned in a round, of as many different stretches as that takes."""
_WORDS = """
the of and to in is that it was for on are as with they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so
these would other into has more her two like him see time could no make than first been its who now people my
made over did down only way find use may water long little very after words called just where most know
request response value result
"""
WORDS = _WORDS.split()


def prose(draw: random.Random) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(6, 18))).capitalize() + ". "


def json_api(draw: random.Random) -> str:
    row = {
        "id": draw.randrange(10**9),
        "uuid": str(draw.getrandbits(128)),
        "name": " ".join(draw.choice(WORDS) for _ in range(3)),
        "tags": [draw.choice(WORDS) for _ in range(4)],
        "url": f"https://api.example.net/v1/items/{draw.randrange(10**6)}?page={draw.randrange(90)}",
        "sha": f"{draw.getrandbits(160):040x}",
        "active": draw.random() < 0.5,
        "score": round(draw.random(), 4),
    }
    return json.dumps(row) + ",\n"


def logs(draw: random.Random) -> str:
    return (
        f"2026-03-{draw.randint(1, 28):02d}T{draw.randint(0, 23):02d}:{draw.randint(0, 59):02d}:07.113Z INFO "
        f"[worker-{draw.randrange(64)}] {prose(draw)}path=/v1/{draw.choice(WORDS)} status=200 "
        f"dur={draw.randrange(900)}ms span={draw.getrandbits(64):016x}\n"
    )


def python(draw: random.Random) -> str:
    one, two, three = (draw.choice(WORDS) for _ in range(3))
    return (
        f"def {one}_{two}(self, {three}: str, *, limit: int = {draw.randrange(99)}) -> dict[str, int]:\n"
        f'    """{prose(draw).strip()}"""\n'
        f"    if {three} is None or len({three}) > limit:\n"
        f'        raise ValueError(f"{{limit}} {two}")\n'
        f"    return {{key: self._{one}[key] for key in {three}.split('/') if key != '{two}'}}\n\n"
    )


def markdown(draw: random.Random) -> str:
    one, two = draw.choice(WORDS), draw.choice(WORDS)
    return f"## {prose(draw).strip()}\n\n- {prose(draw)}\n- `{one}`: [{two}](docs/{one}.md)\n\n"


def html(draw: random.Random) -> str:
    one, two = draw.choice(WORDS), draw.choice(WORDS)
    return f'<div class="{one}"><a href="/{two}?id={draw.randrange(999)}">{prose(draw)}</a></div>\n'


def script(draw: random.Random) -> str:
    a, b = draw.choice("abcdefgh"), draw.choice("ijklmnop")
    one, few = draw.choice(WORDS), draw.randrange(9)
    return f"function {a}({b},e){{var t={b}.{one};return t&&t.length>{few}?e(t[0]):null}}var {b}={a}({{}});"


def encoded(draw: random.Random) -> str:
    return base64.b64encode(draw.randbytes(57)).decode() + ("\n" if draw.random() < 0.1 else "")


def near_misses(draw: random.Random) -> str:
    return draw.choice(
        (
            "password: x ",
            "token=",
            "Bearer aaaaaaaaaaaaaaaaaaaa ",
            f"{DASHES}BEGIN PRIVATE KEY{DASHES}",
            "://a:b",
            "secret = 'the' ",
        )
    )


def rust(draw: random.Random) -> str:
    one, two, three = (draw.choice(WORDS) for _ in range(3))
    return (
        f"/// {prose(draw).strip()}\npub fn {one}_{two}(&self, {three}: &str) -> Result<Vec<u8>, Error> {{\n"
        f"    let {two} = self.{one}.iter().filter(|item| item.len() > {draw.randrange(99)}).collect::<Vec<_>>();\n"
        f'    anyhow::ensure!(!{two}.is_empty(), "{one} {three} is empty");\n    Ok({two}.concat())\n}}\n\n'
    )


def go(draw: random.Random) -> str:
    one, two, three = (draw.choice(WORDS) for _ in range(3))
    return (
        f"// {one.title()}{two.title()} says {prose(draw).strip()}\n"
        f"func (s *Server) {one.title()}{two.title()}(ctx context.Context, {three} string) (int, error) {{\n"
        f'\tif len({three}) > {draw.randrange(99)} {{\n\t\treturn 0, fmt.Errorf("{one} %q: %w", {three}, err)\n\t}}\n'
        f"\treturn s.{two}.Count(ctx, {three})\n}}\n\n"
    )


KINDS: dict[str, Callable[[random.Random], str]] = {
    "json": json_api,
    "logs": logs,
    "python": python,
    "rust": rust,
    "go": go,
    "min js": script,
    "html": html,
    "markdown": markdown,
    "base64": encoded,
    "near misses": near_misses,
}


def text_of(kind: str, size: int) -> str:
    draw, parts, length = random.Random(kind), list[str](), 0
    while length < size:
        parts.append(KINDS[kind](draw))
        length += len(parts[-1])
    return "".join(parts)[:size]


def stretches(text: str, size: int) -> list[str]:
    """Different stretches of *text*, of *size* characters each."""
    most = max(1, min(len(text), max(ENOUGH, size)) // size)
    return [text[at * size : (at + 1) * size] for at in range(most)]


def rate(run: Callable[[str], object], texts: Sequence[str], *, clock: Callable[[], float] = time.thread_time) -> float:
    """The best round, in MB/s."""
    size, best = sum(map(len, texts)), 0.0
    for _ in range(ROUNDS):
        began = clock()
        for text in texts:
            run(text)
        best = max(best, size / max(clock() - began, 1e-9) / 1e6)
    return best


def threads(run: Callable[[str], object], texts: Sequence[str]) -> float:
    """How much more two threads scan than one in the same time, by the clock: it takes two free cores to say.

    They start together, on texts that were scanned before, and have `AT_LEAST` seconds to do.
    """
    began = time.perf_counter()
    for text in texts:
        run(text)
    often = math.ceil(AT_LEAST / max(time.perf_counter() - began, 1e-9))
    return (
        2
        * min(_side_by_side(run, texts, often, 1) for _ in range(ROUNDS))
        / min(_side_by_side(run, texts, often, 2) for _ in range(ROUNDS))
    )


def _side_by_side(run: Callable[[str], object], texts: Sequence[str], often: int, many: int) -> float:
    """Seconds until as *many* threads have each scanned all *texts* so *often*."""
    gate = threading.Barrier(many + 1)

    def go() -> None:
        for text in texts:  # each thread has a scratch of its own: the first scan makes it
            run(text)
        gate.wait()
        for _ in range(often):
            for text in texts:
                run(text)
        gate.wait()

    running = [threading.Thread(target=go) for _ in range(many)]
    for one in running:
        one.start()
    gate.wait()
    began = time.perf_counter()
    gate.wait()
    taken = time.perf_counter() - began
    for one in running:
        one.join()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, help="a folder of *.txt, a kind each, in place of the texts made here")
    asked = parser.parse_args()
    rules = load_rules(rule_sources())
    scanner = HyperscanScanner(rules)
    detector = LeakDetector(rules, scanner)
    given = (
        {path.stem: path.read_text(encoding="utf-8") for path in sorted(asked.texts.glob("*.txt"))}
        if asked.texts
        else {}
    )
    kinds = given or {kind: text_of(kind, 2 * SIZES[-1]) for kind in KINDS}

    def scan(text: str) -> object:
        return detector.scan([text], Where.OUTPUT)

    def bare(text: str) -> object:
        return scanner.glance(layout.encoded(text))

    table = {
        kind: {size: (rate(bare, cut), rate(scan, cut)) for size in SIZES for cut in (stretches(text, size),)}
        for kind, text in kinds.items()
    }
    told = [kind for kind in table if kind not in APART]
    means = {
        size: tuple(statistics.harmonic_mean([table[kind][size][one] for kind in told]) for one in (0, 1))
        for size in SIZES
    }
    pairs = {
        kind: {size: threads(scan, stretches(text, size)) for size in SIDE_BY_SIDE} for kind, text in kinds.items()
    }
    anchor = kinds[told[0]]
    pairs[f"bare, {told[0]}"] = {size: threads(bare, stretches(anchor, size)) for size in SIDE_BY_SIDE}
    pairs["harmonic mean"] = {
        size: statistics.harmonic_mean([pairs[kind][size] for kind in told]) for size in SIDE_BY_SIDE
    }
    if asked.json:
        print(json.dumps({"rules": len(rules), "mb_per_s": table, "harmonic": means, "two threads": pairs}))
        return
    print(f"{len(rules)} rules, MB/s" + "".join(f"{f'{size // 1024} KB bare':>14}{'full':>7}" for size in SIZES))
    for kind, row in [*table.items(), ("harmonic mean", means)]:
        print(f"{kind:<15}" + "".join(f"{row[size][0]:>14.0f}{row[size][1]:>7.0f}" for size in SIZES))
    print("\ntwo threads over one" + "".join(f"{f'{size // 1024} KB':>10}" for size in SIDE_BY_SIDE))
    for kind, row in pairs.items():
        print(f"{kind:<20}" + "".join(f"{row[size]:>10.2f}" for size in SIDE_BY_SIDE))


if __name__ == "__main__":
    main()
