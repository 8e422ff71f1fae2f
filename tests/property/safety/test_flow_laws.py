"""Laws of flow: folding settles, overlap is symmetric, effects only grow with doubt, provenance is positive."""

import base64
import string

from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.contracts import Effect, FlowSpec, Label, Place, ToolName, ToolSpec, Upstream, When
from holdfast.contracts.limits import UPSTREAM
from holdfast.safety.flow import (
    Asked,
    Files,
    Fingerprints,
    Hosts,
    LabelRow,
    LabelRows,
    Strength,
    UserRequest,
    Word,
    all_from_user,
    args_from_user,
    call_effects,
    fold_key,
    fold_text,
    overlaps,
    places,
    use_digest,
)
from holdfast.safety.flow.fingerprints import FOUND, MAX_HASHES

ODD = (
    "aAbB/\\.*%25eE2fF~ \t\u200b\u00ad\uff0f\uff0e\uff0a"
    "\u0130\u00df\u03c2\u1e9e\ufb01\u212a\u0301\u1160\u2100\ufdfa\x00"
)
texts = st.one_of(st.text(max_size=40), st.text(ODD, max_size=40))
keys = st.builds(fold_key, st.one_of(texts, st.text("ab/*.", max_size=12)))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
objects = st.dictionaries(st.one_of(st.sampled_from(["id", "a", "a.b", "to"]), texts), json_values, max_size=5)
effect_sets = st.frozensets(st.sampled_from(Effect))


@given(texts)
def test_folding_settles(text):
    assert fold_text(fold_text(text)) == fold_text(text)
    assert fold_key(fold_key(text)) == fold_key(text)


@given(texts, texts)
def test_folding_hears_no_difference_of_slashes_and_dots(one, other):
    assume("*" not in one + other)  # alone, it is a wildcard
    assert fold_key(f"{one}/{other}") == fold_key(f"{one}//.//{other}/")
    assert fold_key(f"{one}/{other}") == fold_key(f"{one}\\{other}")


@given(keys, keys)
def test_overlap_is_symmetric_and_everything_overlaps_itself(one, other):
    here, there = Place("file", one), Place("file", other)

    assert overlaps(here, there) == overlaps(there, here)
    assert overlaps(here, here)
    assert overlaps(here, Place("file", "*"))
    assert not overlaps(here, Place("upstream:x", one))


@given(keys, keys)
def test_a_wildcard_covers_what_is_below_it(above, below):
    assume("*" not in above and "*" not in below)

    assert overlaps(Place("file", fold_key(f"{above}/*")), Place("file", fold_key(f"{above}/{below}")))


@given(objects, json_values)
def test_places_are_folded_keys_and_never_leave_the_template_but_by_climbing(arguments, result):
    found = places(["draft/{id}", "x/{a.b}/{result.id}"], "upstream:x", arguments, result)

    assert found
    for place in found:
        assert fold_key(place.key) == place.key
        assert place.key == "*" or place.key.startswith(("draft/", "x/"))


@given(objects, json_values)
def test_what_the_answer_names_is_covered_by_what_was_marked_before(arguments, result):
    templates = ["draft/{result.id}", "x/{id}/{result.a.b}"]
    before = places(templates, "upstream:x", arguments)

    for place in places(templates, "upstream:x", arguments, result):
        assert place.key == "*" or any(overlaps(place, marked) for marked in before)


def _spec(effects, when, names):
    return ToolSpec(
        name=ToolName("t"),
        description="d",
        input_schema={"type": "object", "properties": {name: {} for name in names}},
        effects=effects,
        runtime=Upstream("x", "t"),
        limits=UPSTREAM,
        flow=FlowSpec(when=when),
    )


conditions = st.lists(
    st.builds(
        lambda argument, effects, values: When(argument=argument, effects=effects, values=tuple(values)),
        st.sampled_from(["id", "a", "a.b", "to", "zz"]),
        effect_sets,
        st.lists(st.sampled_from(["public", "*a*", "**"]), max_size=2),
    ),
    max_size=3,
).map(tuple)
declared = st.sampled_from([("id", "a", "to"), ("id", "a", "a.b", "to", "zz")])


@given(effect_sets, conditions, declared, objects, texts, json_values)
def test_effects_are_the_tools_own_and_doubt_only_adds(effects, when, names, arguments, unknown, value):
    assume(unknown not in names and unknown not in arguments)
    spec = _spec(effects, when, names)

    had = call_effects(spec, arguments)

    assert had <= effects
    assert effects - frozenset().union(*(each.effects for each in when)) <= had
    assert had <= call_effects(spec, {**arguments, unknown: value}) == effects


rows = st.lists(
    st.builds(
        lambda values, says: LabelRow(upstream="m", argument="to", values=tuple(values), says=frozenset({says})),
        st.lists(st.sampled_from(["*", "**", "*@ours.example", "a", "public"]), min_size=1, max_size=3),
        st.sampled_from(Word),
    ),
    max_size=4,
).map(LabelRows)


@given(rows, objects)
def test_nobody_is_listed_by_an_empty_list(known, arguments):
    nobody = {**arguments, "to": []}
    schema = {"properties": {name: {} for name in nobody}}

    assert not known.listed(Asked(upstream="m", tool="t", arguments=nobody, schema=schema, receivers=("to",)))
    assert not known.listed(Asked(upstream="m", tool="t", arguments=arguments, schema=schema, receivers=()))
    assert not known.listed(Files(()))
    assert not known.listed(Hosts(()))


@given(rows, st.lists(texts, min_size=1, max_size=3), texts)
def test_one_more_receiver_never_makes_them_listed(known, values, more):
    def listed(receivers):
        call = Asked(
            upstream="m", tool="t", arguments={"to": receivers}, schema={"properties": {"to": {}}}, receivers=("to",)
        )
        return known.listed(call)

    assert listed(values) or not listed([*values, more]) or not any(value.strip() for value in values)


@given(texts, st.sampled_from([",", ";", " ", "\n", "<", ">", '"', "@", "%", "\x00"]))
def test_a_wildcard_vouches_for_no_listing(before, odd):
    listed = LabelRows(
        [LabelRow(upstream="m", argument="to", values=("*@ours.example",), says=frozenset({Word.TRUSTED}))]
    )

    assert not listed.lists("m", "t", "to", f"{before}{odd}a@ours.example")


words = st.text(string.ascii_letters + string.digits + "@.-_éß", min_size=1, max_size=12)


@given(st.lists(words, max_size=12), st.text(string.ascii_lowercase, min_size=3, max_size=10), objects)
def test_provenance_is_never_given_to_a_word_that_the_user_did_not_say(said, foreign, arguments):
    request = UserRequest(" ".join(said))
    foreign = "q" + foreign + "q"
    assume(not any(foreign in word.lower() for word in said))
    schema = {"properties": {name: {} for name in (*arguments, "foreign")}}

    for value in (foreign, [foreign], {"deep": [foreign]}, f"{' '.join(said)} {foreign}", {foreign: " ".join(said)}):
        call = {**arguments, "foreign": value}
        assert not args_from_user(request, call, schema=schema, decisive=None, listed=lambda *_: False)
        assert not args_from_user(request, call, schema=schema, decisive=("foreign",), listed=lambda *_: False)
        assert not all_from_user(request, call, schema=schema, receivers=("to",), listed=lambda *_: False)


@given(st.lists(words, min_size=1, max_size=12), st.data())
def test_every_word_and_run_of_words_that_the_user_said_is_covered(said, data):
    start = data.draw(st.integers(0, len(said) - 1))
    run = " ".join(said[start : data.draw(st.integers(start + 1, len(said)))])
    assume(run.strip("@."))

    assert UserRequest(" ".join(said)).covers(run) is not Strength.NONE


@given(texts, json_values)
def test_provenance_reads_anything(text, value):
    request = UserRequest(text)

    request.covers(value)
    args_from_user(request, {"a": value}, schema={}, decisive=None, listed=lambda *_: False)
    assert use_digest("t", {"a": value}, schema={}, decisive=None) == use_digest(
        "t", {"a": value}, schema={}, decisive=None
    )


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_a_number_is_covered_by_itself_alone(said, value):
    forms = (f"{said}", f"{said:,}", f"{said:,}.00", f"${said}", f"{said}.")

    for form in forms:
        assert (UserRequest(f"pay {form} now").covers(value) is not Strength.NONE) == (said == value)


runs = st.text(string.ascii_letters + string.digits, min_size=FOUND, max_size=60)
noise = st.text(max_size=60)


@given(noise, runs, noise, noise, noise)
def test_a_planted_run_is_never_missed(before, run, after, one, other):
    prints = Fingerprints()
    prints.learn(f"{before} {run} {after}", frozenset({Label.PRIVATE}))

    assert prints.resembles(f"{one} {run} {other}", Label.PRIVATE)
    assert prints.resembles(" ".join(run), Label.PRIVATE)
    assert prints.resembles(base64.b64encode(run.encode()).decode(), Label.PRIVATE)
    assert not prints.resembles(f"{one} {run} {other}", Label.UNTRUSTED)


@given(st.lists(st.text(max_size=300), max_size=20), st.integers(0, 3))
def test_memory_is_bounded(learned, times):
    prints = Fingerprints()
    for number, text in enumerate(learned):
        prints.learn(f"{text}{number}" * 10**times, frozenset(Label))

    assert prints.count <= len(Label) * MAX_HASHES
