"""How fast the leak detector scans, in MB/s, by kind and size of text. It decides nothing and fails on no number.

    python bench/leaks.py [--json] [--scan-only]

Texts are made here, from a seed: prose, JSON, logs, source code, Markdown, HTML, minified script, base64, and one that
an attacker would send. The harmonic mean is over the first seven: base64 stands apart.
"""

import argparse
import base64
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.contracts import Where
from holdfast.safety.leaks import LeakDetector, layout, load_rules
from holdfast.safety.leaks.database import open_scanner

ROOT = Path(__file__).parents[1]
SIZES = (1024, 16 * 1024, 1024 * 1024)
APART = ("base64", "hostile")
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


def log(draw: random.Random) -> str:
    return (
        f"2026-03-{draw.randint(1, 28):02d}T{draw.randint(0, 23):02d}:{draw.randint(0, 59):02d}:07.113Z INFO "
        f"[worker-{draw.randrange(64)}] {prose(draw)}path=/v1/{draw.choice(WORDS)} status=200 "
        f"dur={draw.randrange(900)}ms span={draw.getrandbits(64):016x}\n"
    )


def code(draw: random.Random) -> str:
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


def hostile(draw: random.Random) -> str:
    return draw.choice(
        (
            "password: x ",
            "token=",
            "Bearer aaaaaaaaaaaaaaaaaaaa ",
            "-----BEGIN PRIVATE KEY-----",
            "://a:b",
            "secret = 'the' ",
        )
    )


KINDS: dict[str, Callable[[random.Random], str]] = {
    "prose": prose,
    "json": json_api,
    "log": log,
    "code": code,
    "markdown": markdown,
    "html": html,
    "script": script,
    "base64": encoded,
    "hostile": hostile,
}


def text_of(kind: str, size: int) -> str:
    draw, parts, length = random.Random(kind), [], 0
    while length < size:
        parts.append(KINDS[kind](draw))
        length += len(parts[-1])
    return "".join(parts)[:size]


def rate(run: Callable[[str], object], text: str) -> float:
    """The best of five short rounds, in MB/s."""
    run(text)
    best = 0.0
    for _ in range(5):
        rounds, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < 0.05:
            run(text)
            rounds += 1
        best = max(best, rounds * len(text) / (time.perf_counter() - begun) / 1e6)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--scan-only", action="store_true", help="the database alone, without confirmation or decoding")
    asked = parser.parse_args()
    sources = {
        path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "safety/leaks/patterns").glob("*.toml"))
    }
    rules = load_rules(sources)
    detector, scanner = LeakDetector.build(rules), open_scanner(rules)

    def run(text: str) -> object:
        if asked.scan_only:
            return scanner.sight(layout.encoded(text))
        return detector.scan([text], Where.OUTPUT)

    table = {kind: {size: rate(run, text_of(kind, size)) for size in SIZES} for kind in KINDS}
    means = {
        size: statistics.harmonic_mean([table[kind][size] for kind in KINDS if kind not in APART]) for size in SIZES
    }
    if asked.json:
        print(json.dumps({"rules": len(rules), "mb_per_s": table, "harmonic": means}))
        return
    print(f"{len(rules)} rules, MB/s" + "".join(f"{size // 1024:>8} KB" for size in SIZES))
    for kind, row in [*table.items(), ("harmonic mean", means)]:
        print(f"{kind:<18}" + "".join(f"{row[size]:>11.0f}" for size in SIZES))


if __name__ == "__main__":
    main()
