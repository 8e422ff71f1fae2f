"""For any bytes, strict reading gives what a lenient reader reads and writes back the same, or raises MalformedJson."""

import json
import sys

from holdfast.contracts import MalformedJson
from holdfast.contracts.json_values import MAX_DEPTH, canonical, map_strings, parse, strings


def check(data: bytes) -> None:
    for max_depth in (MAX_DEPTH, 4):
        try:
            value = parse(data, max_depth=max_depth)
        except MalformedJson:
            continue
        assert repr(value) == repr(json.loads(data))
        written = canonical(value)
        assert canonical(parse(written, max_depth=max_depth)) == written
        assert map_strings(value, str) == value
        assert all(isinstance(text, str) for text in strings(value))


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
