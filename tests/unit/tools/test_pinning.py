"""A digest is written into a manifest, and nothing else of it changes."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Digest, OperatorError
from holdfast.tools.pinning import with_digest

DIGEST = Digest.of(b"x")


@pytest.mark.parametrize(
    "manifest",
    [
        '[tool]\nname = "x"\ndigest = "old" # kept\n[limits]\nfuel = 1\n',
        "[tool]\ndigest='old'\n",
        '[tool]\nname = "x"\n',
        '# digest = "no"\n[limits]\nfuel = 1\n\n  [ tool ] # here\nname = "x"\n[tool.input_schema]\ndigest = "own"\n',
        '[tool]\nname = "x"\n[tool.input_schema.properties.digest]\ntype = "string"\n',
    ],
)
def test_the_digest_is_put_in_and_all_else_stays(manifest):
    pinned = with_digest(manifest, DIGEST)
    before, after = tomllib.loads(manifest), tomllib.loads(pinned)

    assert after["tool"].pop("digest") == str(DIGEST)
    before["tool"].pop("digest", None)
    assert after == before
    assert with_digest(pinned, DIGEST) == pinned
    assert [line for line in manifest.splitlines() if "#" in line and "digest =" not in line] == [
        line for line in pinned.splitlines() if "#" in line and "digest =" not in line
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[limits]\n",
        'tool = { name = "x" }\n',
        "[[tool]]\n",
        '[tool]\ndescription = """\ndigest = "x"\n"""\ndigest = "y"\n',
        '[tool]\n"digest" = "x"\n',
        "[tool",
        'x = """\n[tool]\n"""\ntool = 3\n',
        'x = """\n[tool]\n"""\n',
    ],
)
def test_where_it_cannot_be_done_without_doubt_it_is_refused(manifest):
    with pytest.raises(OperatorError):
        with_digest(manifest, DIGEST)


@given(st.text(alphabet='[]tol."\n=digest#\\ ', max_size=60))
def test_whatever_the_text_it_is_done_rightly_or_refused(text):
    try:
        pinned = with_digest("[tool]\n" + text, DIGEST)
    except OperatorError:
        return
    assert tomllib.loads(pinned)["tool"]["digest"] == str(DIGEST)
