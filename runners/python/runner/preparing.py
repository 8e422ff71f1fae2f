"""What happens when the interpreter is built: the library is imported, the time zones are read, `open` is ours."""

import codecs
import gc
import importlib
import json
import linecache
import pkgutil
import sys
from pathlib import Path

from . import files, offered, zones
from .answering import answer, forget

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
    gc.freeze()  # what is here now is never garbage: a collection in a call need not look at it


def _warm() -> None:
    """Run programs and a tool of ours: what the first call of a process makes once is there when it is built."""
    kept = sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"]
    for code in _WARM:
        request = json.dumps({"code": code, "output_bytes": 1 << 20, "input": {"x": [1]}, "files": {"a.txt": "YQ=="}})
        requests = (request,) * _ROUNDS
        _run(requests)
    common = {"source": _TOOL, "file": "warm.py", "output_bytes": 1 << 20}
    for more in ({}, {"function": "twice", "arguments": {"x": 2}}):
        _run((json.dumps({**common, **more}),) * _ROUNDS)
    sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.modules["__main__"] = kept
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = kept[:3]
    linecache.clearcache()


def _run(requests: tuple[str, ...]) -> None:
    for request in requests:
        answer(request, _nobody)
        forget()


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
