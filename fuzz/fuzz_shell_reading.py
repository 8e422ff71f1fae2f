"""Whatever follows it, a script that begins with `rm x` is never called less than destructive, and reading ends."""

import sys

from holdfast.safety.shell import Risk, commands_in
from holdfast.safety.shell.programs import ORDER

DELETES = ORDER.index(Risk.DESTRUCTIVE)


def check(data: bytes) -> None:
    """Read *data* as a script, as a word of one, and behind a line that deletes."""
    text = data.decode("utf-8", "surrogateescape")
    alone = commands_in([text], [])
    assert (alone.risk is None) == (not alone.risks)
    behind = commands_in([f"rm x\n{text}"], []).risk
    assert behind is not None
    assert ORDER.index(behind) >= DELETES
    assert commands_in([], [[text, "a"]]).risk is not None


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
