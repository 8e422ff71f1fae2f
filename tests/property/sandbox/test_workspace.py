"""For any path text and any tree: nothing outside the root is read, named or changed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdfast.contracts import CallerError, OperatorError, Refusal
from holdfast.sandbox.workspace import PROTECTED_NAMES, ProtectedNames, Resolution, WorkspaceBroker, fold

CANARY = b"outside"
NAMES = ("a", "b", "c", "..", ".", "", "link", "secret", "/")
_name = st.sampled_from(("a", "b", "c", "link", "secret"))
_target = st.lists(st.sampled_from(("..", "a", "b", "secret", "outside", "link")), min_size=1, max_size=5).map("/".join)
_paths = st.one_of(
    st.lists(st.sampled_from((*NAMES, "outside", "proc", "self", "root")), max_size=7).map("/".join),
    st.text(max_size=30),
)
_trees = st.lists(
    st.tuples(st.lists(_name, min_size=1, max_size=3), st.one_of(st.none(), st.just(b"in"), _target)), max_size=8
)


def _grow(root: Path, outside: Path, tree) -> None:
    for parts, kind in tree:
        spot = root.joinpath(*parts)
        if any(above.is_symlink() for above in (spot, *spot.parents) if above != root.parent):
            continue  # the tree itself is grown inside only
        try:
            spot.parent.mkdir(parents=True, exist_ok=True)
            match kind:
                case None:
                    spot.mkdir()
                case bytes():
                    spot.write_bytes(kind)
                case str():
                    spot.symlink_to(kind.replace("outside", str(outside), 1) if kind.startswith("outside") else kind)
        except OSError:
            continue


def _photograph(folder: Path) -> list[tuple[str, bytes]]:
    return sorted((str(path), path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*"))


@pytest.mark.parametrize("resolution", [Resolution.KERNEL, Resolution.WALK])
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tree=_trees, path=_paths, data=st.binary(max_size=10))
@example(tree=[(["a"], "../secret")], path="a", data=b"")
@example(tree=[(["a"], "..")], path="a/secret", data=b"x")
@example(tree=[(["a"], "outside/b"), (["b"], None), (["b", "link"], "../..")], path="b/link/outside/secret", data=b"x")
def test_no_path_reaches_outside_the_root(resolution, tree, path, data) -> None:
    with tempfile.TemporaryDirectory() as above:
        root, outside = Path(above) / "root", Path(above) / "outside"
        root.mkdir()
        outside.mkdir()
        for spot in (outside / "secret", Path(above) / "secret", outside / "a"):
            spot.write_bytes(CANARY)
        _grow(root, outside, tree)
        before, beside = _photograph(outside), (Path(above) / "secret").read_bytes()

        with WorkspaceBroker(root, resolution=resolution) as broker:
            for attempt in (
                lambda: broker.read(path),
                lambda: broker.entries(path, depth=4, limit=50),
                lambda: broker.write(path, data),
                lambda: broker.read(path),
            ):
                try:
                    answer = attempt()
                except (CallerError, Refusal):
                    continue
                if isinstance(answer, tuple) and isinstance(answer[0], bytes):
                    assert answer[0] != CANARY

        assert _photograph(outside) == before
        assert (Path(above) / "secret").read_bytes() == beside
        assert sorted(path.name for path in Path(above).iterdir()) == ["outside", "root", "secret"]


@given(name=st.text(max_size=40))
def test_folding_twice_is_folding_once(name) -> None:
    assert fold(fold(name)) == fold(name)


@given(
    name=st.sampled_from(sorted(PROTECTED_NAMES)),
    upper=st.lists(st.booleans(), min_size=20, max_size=20),
    noise=st.lists(
        st.sampled_from(["\u200b", "\u2060", "\ufeff", "\u00ad", "\u034f", "\ufe0f", ""]), min_size=20, max_size=20
    ),
    tail=st.text(alphabet=". ", max_size=3),
)
def test_case_noise_and_tails_never_free_a_protected_name(name, upper, noise, tail) -> None:
    spelled = "".join(
        (char.upper() if up else char) + extra for char, up, extra in zip(name, upper, noise, strict=False)
    )

    assert ProtectedNames.of(added=frozenset(), released=frozenset()).covers(spelled + tail)


@given(name=st.text(min_size=1, max_size=20))
def test_a_name_that_is_added_is_then_covered(name) -> None:
    try:
        names = ProtectedNames.of(added={name}, released=frozenset())
    except OperatorError:
        return

    assert names.covers(name.removesuffix("/"))
