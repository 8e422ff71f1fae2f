"""A policy too deep for a parser that recurses is refused with its place, instead of ending the process."""

import subprocess
import sys
import textwrap

import pytest

from holdfast.safety.policy.depth import DEEPEST, is_too_deep

KINDS = {
    "brackets": lambda n: "(" * n + "true" + ")" * n,
    "sets": lambda n: "[" * n + "]" * n + " == []",
    "records": lambda n: "{a: " * n + "1" + "}" * n + " == 1",
    "branches": lambda n: "if true then " * n + "true" + " else false" * n,
    "a row of or": lambda n: " || ".join(["true"] * n),
    "a row of sums": lambda n: " + ".join(["1"] * n) + " == 1",
    "attributes": lambda n: "context" + ".a" * n,
    "indices": lambda n: "context" + '["a"]' * n,
    "methods": lambda n: "context" + '.contains("a")' * n,
    "has": lambda n: "context has " + ".".join(["a"] * n),
    "calls": lambda n: "context.facts.rules.contains(" * n + '"a"' + ")" * n,
    "left open": lambda n: "(" * n,
}
STATEMENT = '@id("x")\n@reason("r")\nforbid (principal, action, resource) when {{ {} }};\n'


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_deep_is_told_whatever_makes_it_deep(kind: str) -> None:
    make = KINDS[kind]
    assert is_too_deep(STATEMENT.format(make(DEEPEST + 1)))
    assert not is_too_deep(STATEMENT.format(make(DEEPEST // 8)))


def test_what_is_only_long_is_not_deep() -> None:
    many = ", ".join(f'"user-{number} || ((("' for number in range(5_000))
    assert not is_too_deep(STATEMENT.format(f"[{many}].contains(principal.subject)"))
    long = " || ".join(["!(context.session.labels.contains(principal.subject) && context.rate.day + 1 > 5)"] * 90)
    assert not is_too_deep(STATEMENT.format(long))
    assert not is_too_deep(STATEMENT.format("// " + "(" * 5_000 + "\n true"))


LOADS = """
    import threading
    from holdfast.contracts import OperatorError
    from holdfast.safety.policy import PolicyBundle
    from holdfast.safety.policy.depth import DEEPEST, is_too_deep
    from tests.unit.safety.policy.test_depth import KINDS, STATEMENT

    def load(text):
        try:
            PolicyBundle.load({"p/a.cedar": text}, {}, profile="p", specs=())
        except OperatorError as error:
            return error.message

    def all_of_them():
        for kind, make in KINDS.items():
            assert "nested too deeply" in load(STATEMENT.format(make(20_000))), kind
            most = max(n for n in range(50, DEEPEST, 25) if not is_too_deep(STATEMENT.format(make(n))))
            assert "nested too deeply" not in load(STATEMENT.format(make(most))), kind
        print("still here")

    worker = threading.Thread(target=all_of_them)
    worker.start()
    worker.join()
"""


def test_no_depth_ends_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOADS)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.stdout == "still here\n", (done.returncode, done.stderr[-2000:])
