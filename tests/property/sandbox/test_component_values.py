"""Values of components: whatever a shape holds comes back from JSON as it was, and its schema says what is read."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts.json_values import canonical, parse
from holdfast.safety.schemas import Valid, compile_schema
from holdfast.sandbox.wasm.components.bounds import share
from holdfast.sandbox.wasm.components.schemas import parameters_schema, schema_of
from holdfast.sandbox.wasm.components.shapes import (
    INTEGERS,
    Bytes,
    Enum,
    Flags,
    Kind,
    ListOf,
    Option,
    Record,
    Result,
    Scalar,
    Signature,
    TupleOf,
    Variant,
)
from holdfast.sandbox.wasm.components.values import Case, Some, Unfit, read, read_arguments, write

NAMES = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=4, unique=True)


def _named(inner):
    return st.builds(
        lambda names, parts: tuple(zip(names, parts, strict=False)), NAMES, st.lists(inner, min_size=4, max_size=4)
    )


def _compound(inner):
    maybe = st.none() | inner
    return st.one_of(
        inner.filter(lambda shape: shape != Scalar(Kind.U8)).map(ListOf),
        _named(inner).map(Record),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: TupleOf(tuple(items))),
        _named(maybe).map(Variant),
        inner.map(Option),
        st.builds(Result, maybe, maybe),
    )


SHAPES = st.recursive(
    st.sampled_from(Kind).map(Scalar)
    | st.just(Bytes())
    | NAMES.map(lambda names: Enum(tuple(names)))
    | NAMES.map(lambda names: Flags(tuple(names))),
    _compound,
    max_leaves=8,
)


def values(shape):  # noqa: C901, PLR0911, PLR0912 -- one arm for each shape
    """Values of *shape*."""
    match shape:
        case Scalar(kind=kind) if kind in INTEGERS:
            return st.integers(*INTEGERS[kind])
        case Scalar(kind=Kind.BOOL):
            return st.booleans()
        case Scalar(kind=Kind.F32):
            return st.floats(width=32, allow_nan=False, allow_infinity=False)
        case Scalar(kind=Kind.F64):
            return st.floats(allow_nan=False, allow_infinity=False)
        case Scalar(kind=Kind.CHAR):
            return st.characters(codec="utf-8")
        case Scalar():
            return st.text(st.characters(codec="utf-8"))
        case Bytes():
            return st.binary(max_size=64)
        case ListOf(element=element):
            return st.lists(values(element), max_size=4)
        case Record(fields=fields):
            return st.fixed_dictionaries({name: values(part) for name, part in fields})
        case TupleOf(items=items):
            return st.tuples(*(values(item) for item in items))
        case Variant(cases=cases):
            return st.one_of(*(_case(name, part) for name, part in cases))
        case Enum(names=names):
            return st.sampled_from(names)
        case Flags(names=names):
            return st.frozensets(st.sampled_from(names))
        case Option(payload=payload):
            return st.none() | values(payload).map(Some)
        case Result(ok=ok, error=error):
            return _case("ok", ok) | _case("error", error)


def _case(name, part):
    return st.just(Case(name)) if part is None else values(part).map(lambda inside: Case(name, inside))


SHAPED = SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), values(shape)))
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(SHAPED)
def test_a_value_comes_back_from_json_as_it_was(shaped):
    shape, value = shaped
    assert read(shape, parse(canonical(write(shape, value)))) == value


@given(SHAPED)
def test_what_is_written_is_what_the_schema_says(shaped):
    shape, value = shaped
    schema = compile_schema({"type": "object", "properties": {"v": schema_of(shape)}})
    assert isinstance(schema.evaluate({"v": write(shape, value)}), Valid)


@given(SHAPES, JSONS)
def test_whatever_json_is_read_or_refused_and_never_anything_else(shape, data):
    try:
        value = read(shape, data)
    except Unfit:
        return
    assert read(shape, write(shape, value)) == value


@given(st.lists(st.integers(0, 1 << 32), min_size=1, max_size=6), st.integers(0, 1 << 32))
def test_a_shared_bound_is_kept_by_all_together_and_is_the_largest(most, total):
    bound = share(tuple(most), total)
    assert sum(min(one, bound) for one in most) <= total
    larger = sum(min(one, bound + 1) for one in most)
    assert larger > total or larger == sum(most)


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (Kind.U8, [-1, 256, 1.5, True, "1", None]),
        (Kind.S64, [2**63, -(2**63) - 1]),
        (Kind.U64, [2**64, -1]),
        (Kind.F32, [1e39, "1", True]),
        (Kind.F64, [10**400, None]),
        (Kind.CHAR, ["", "ab", 7]),
        (Kind.STRING, ["\ud800", 7, None]),
        (Kind.BOOL, [0, "true", None]),
    ],
)
def test_scalars_outside_their_type_are_refused(kind, refused):
    for data in refused:
        with pytest.raises(Unfit) as said:
            read(Scalar(kind), data, "place")
        assert str(said.value).startswith("place: must be ")


@pytest.mark.parametrize("shape", [Scalar(Kind.U8), Bytes(), Enum(("a",)), Flags(("a",)), Variant((("a", None),))])
def test_a_refusal_does_not_quote_what_it_refuses(shape):
    with pytest.raises(Unfit) as said:
        read(shape, "correct horse")
    assert "horse" not in str(said.value)


@pytest.mark.parametrize("data", ["a", "a===", "ab-_", "YQ", 7, None, "ü"])
def test_bytes_that_are_no_base64_are_refused(data):
    with pytest.raises(Unfit):
        read(Bytes(), data)


def test_a_number_that_json_has_not_is_not_written():
    for number in (float("nan"), float("inf")):
        with pytest.raises(Unfit):
            write(ListOf(Scalar(Kind.F64)), [number])


def test_a_number_is_the_nearest_of_its_width():
    assert read(Scalar(Kind.F32), 0.1) == struct.unpack("<f", struct.pack("<f", 0.1))[0]


def test_options_may_be_left_out_and_nothing_else():
    signature = Signature(parameters=(("a", Scalar(Kind.U8)), ("b", Option(Scalar(Kind.U8)))), result=None)
    assert read_arguments(signature, {"a": 1}) == (1, None)
    assert parameters_schema(signature)["required"] == ["a"]
    for wrong in ({"b": 1}, {"a": 1, "c": 2}, [], None):
        with pytest.raises(Unfit):
            read_arguments(signature, wrong)
