"""What happens when the interpreter is built: the library is imported, the time zones are read, `open` is ours."""

import codecs
import gc
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from . import files, offered, zones
from .answering import practise

_LIST = "modules.txt"
# Loaded by others only when they first need it, which would be too late.
_LATER = (
    *("_strptime", "_pydecimal", "_pydatetime", "_colorize", "stringprep", "annotationlib", "_ast_unparse", "gettext"),
    *("xml.etree.ElementPath", "xml.dom.expatbuilder", "xml.dom.pulldom", "xml.sax.expatreader", "encodings.idna"),
    *("email.mime.multipart", "email.mime.text", "email.mime.application", "email.mime.image", "email.generator"),
    *("email.headerregistry", "email.iterators", "email._header_value_parser", "email.charset", "email.base64mime"),
    *("email.quoprimime", "email.encoders", "email.contentmanager", "email.feedparser", "email.utils"),
    *("sqlite3.dbapi2", "string.templatelib", "pathlib.types", "zipfile._path", "importlib.metadata"),
)

_ROOM_BYTES = 2 << 20
_HOLES = (*(1 << power for power in range(19, 9, -1)), *range(1008, 0, -8), 0)
"""From large to small, so that a large hole is not taken bit by bit; last an object with nothing in it."""
_filled: list[object] = []

_ROUNDS = 40
_WARM = (
    "print(1 + 1)",
    "def f(x):\n    return 1 / x\nf(0)",
    "x = (",
    "import json, re\n[re.sub('a', 'b', t) for t in json.loads('[\"a\"]')]",
    "with open('a.txt') as file:\n    text = file.read()\nopen('b.txt', 'w').write(text)\ninput_data",
)
_TOOL = '''def twice(x: int, why: str | None = None) -> dict[str, int]:
    """Twice.

    Args:
        x: a number
    """
    print(x)
    return {"x": 2 * x}
'''


def prepare() -> None:
    """Import everything a program may import. Raises: ImportError for a module of the list that is not there."""
    wanted, encodings = _wanted(), _encodings()  # while the system's files are still seen
    zones.keep()
    files.take_over()
    offered.install()
    for name in wanted:
        importlib.import_module(name)
    for name in _LATER:
        try:
            importlib.import_module(name)
        except ImportError:  # named for one version of Python, absent in another
            sys.modules.pop(name, None)
    _load(encodings)
    _warm()
    gc.collect()
    _fill_holes()
    gc.freeze()  # what is here now is never garbage: a collection in a call need not look at it


def _fill_holes() -> None:
    """Take every hole that building left in the heap, so that what a call makes lies side by side.

    A page is copied when a call first writes to it, which takes longer than most of what it is written for.
    """
    end, chain = id(bytes(_ROOM_BYTES)), None
    for size in _HOLES:
        at = 0
        while at < end:
            filler = bytes(size) if size else object()
            chain, at = (chain, filler), id(filler)
    _filled.append(chain)
    bytes(_ROOM_BYTES)  # free again at once: the room that calls begin with


def _warm() -> None:
    """Run programs and a tool of ours: what the first call of a process makes once is there when it is built."""
    for code in _WARM:
        request = json.dumps({"code": code, "output_bytes": 1 << 20, "input": {"x": [1]}, "files": {"a.txt": "YQ=="}})
        practise((request,) * _ROUNDS, _nobody)
    common = {"source": _TOOL, "file": "warm.py", "output_bytes": 1 << 20}
    for more in ({}, {"function": "twice", "arguments": {"x": 2}}):
        practise((json.dumps({**common, **more}),) * _ROUNDS, _nobody)
    practise((json.dumps({"touch": True}),) * _ROUNDS, _nobody)


def _nobody(_name: str, _payload: str) -> str:
    raise RuntimeError("nobody is there yet")


def _wanted() -> list[str]:
    lines = Path(__file__).resolve().parents[1].joinpath(_LIST).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _encodings() -> list[str]:
    import encodings

    return [found.name for found in pkgutil.iter_modules(encodings.__path__)]


def _load(encodings: list[str]) -> None:
    for name in encodings:
        try:
            codecs.lookup(name)
        except LookupError:  # of another platform, or no encoding of its own
            continue
