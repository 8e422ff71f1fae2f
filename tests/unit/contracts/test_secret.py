"""A secret's value gets out by `reveal` and by nothing else that programs do with values."""

import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest

from holdfast.contracts import InvalidRequest, Secret, check_secret

VALUE = b"hunter2-hunter2"
SECRET = Secret(VALUE)


def test_the_value_is_what_was_put_in():
    assert SECRET.reveal() == VALUE


WRITES = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": "{}".format,
    "padded": "{!r:>40}".format,
    "f-string": lambda one: f"{one}",
    "percent": lambda one: "%s" % one,  # noqa: UP031 -- one of the ways
}
TAKES = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "json": json.dumps,
    "vars": vars,
    "bytes": bytes,
    "state": lambda one: one.__getstate__(),
    "reduce": lambda one: one.__reduce_ex__(2),
    "list": list,
    "attribute": lambda one: one.value,
}


@pytest.mark.parametrize("way", sorted(WRITES))
def test_nothing_that_writes_it_writes_the_value(way):
    assert "hunter2" not in WRITES[way](SECRET)


@pytest.mark.parametrize("way", sorted(TAKES))
def test_nothing_that_takes_things_apart_gets_the_value(way):
    with pytest.raises((TypeError, AttributeError)) as refused:
        TAKES[way](SECRET)
    assert "hunter2" not in str(refused.value)


def test_a_dataclass_that_holds_one_shows_nothing_and_is_not_taken_apart():
    @dataclass
    class Holder:
        secret: Secret

    assert "hunter2" not in repr(Holder(SECRET))
    with pytest.raises(TypeError):
        asdict(Holder(SECRET))


def test_two_are_equal_only_if_they_are_one():
    assert Secret(VALUE) != Secret(VALUE)


@pytest.mark.parametrize("name", ["a", "0", "github", "a.b_c-d", "x" * 64])
def test_a_name_in_its_form_is_taken(name):
    check_secret(name, SECRET)


@pytest.mark.parametrize("name", ["", "A", "_a", ".a", "-a", "a b", "a/b", "a\n", "é", "x" * 65])
def test_a_name_in_another_form_is_refused(name):
    with pytest.raises(InvalidRequest, match="`name`"):
        check_secret(name)


@pytest.mark.parametrize("value", [b"", b"1234567", b"x" * ((64 << 10) + 1)])
def test_a_value_that_is_too_short_or_too_long_is_refused_without_being_said(value):
    with pytest.raises(InvalidRequest, match="a secret has") as refused:
        check_secret("name", Secret(value))
    assert "1234567" not in refused.value.message


def test_the_longest_and_the_shortest_are_taken():
    check_secret("name", Secret(b"12345678"))
    check_secret("name", Secret(b"x" * (64 << 10)))
