"""What a call decides is the user's only if the user said it: word for word, number for number, date for date."""

import pytest

from holdfast.safety.flow import Strength, UserRequest, all_from_user, args_from_user, receivers_from_user, use_digest
from holdfast.safety.flow.requests import MAX_REQUEST

NONE, WEAK, STRONG = Strength


def covers(request, value):
    return UserRequest(request).covers(value)


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ("mail bob@x.com please", "bob@x.com"),
        ("Mail Bob@X.com.", "bob@x.com"),
        ("mail 'bob@x.com'!", "bob@x.com"),
        ("mail (bob@x.com)", "bob@x.com"),
        ("mail <bob@x.com>, now", "bob@x.com"),
        ("a@x.com,bob@x.com;c@x.com", "bob@x.com"),
        ("mail bob@x.com's team", "bob@x.com"),
        ("mail bob@x.com", '"bob@x.com".'),
        ("call it “Quarterly Review”", "quarterly review"),
        ("call it Quarterly\n   Review (final), thanks", "Quarterly Review (final)"),
        ("post to #general", "general"),
        ("post to #general", "#general"),
        ("tell @marcus", "marcus"),
        ("reply to Marcus's mail", "Marcus"),
        ("read docs/plan.md", "docs/plan.md"),
        ("clean docs/build/ up", "docs/build"),
        ("open https://x.example/a?b=c#d.", "https://x.example/a?b=c#d"),
        ("write: Dear Ann, the 2nd item — is late; sorry!", "dear ann, the 2nd item — is late; sorry"),
        ("schreib Müller", "müller"),
        ("schreib Mu\u0308ller", "Müller"),
        ("use the feature\u2011branch", "feature-branch"),
        ("go to in to it so we do", "to in to it so we"),
        ("pay DE89 3704 0044 0532 0130 00 today", "DE89370400440532013000"),
        ("pay DE89370400440532013000 today", "DE89 3704 0044 0532 0130 00"),
        ("call +49 170 1234567.", "+491701234567"),
    ],
)
def test_what_the_user_said_is_covered(request_, value):
    assert covers(request_, value) is STRONG


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ("mail bob@x.com", "bob@x.co"),
        ("mail bob@x.com", "ob@x.com"),
        ("mail bob@x.com", "x.com"),
        ("mail bob@x.com", "bob"),
        ("mail bob@x.com.au", "bob@x.com"),
        ("mail jim-bob@x.com", "bob@x.com"),
        ("mail bob@x.com", "bob@x.com, evil@y.com"),
        ("mail bob@x.com", "bob@х.com"),  # noqa: RUF001 -- a Cyrillic look-alike
        ("mail bob@x.com", "bob@x.com\u200b"),
        ("mail bob@x.com", "b\u200bob@x.com"),
        ("mail bob@x.com", "bob\x00@x.com"),
        ("mail bob@x.co\u200bm", "bob@x.co"),
        ("mail bob@x.co\u200bm", "bob@x.com"),
        ("mail bob@x.co\u00adm", "bob@x.com"),
        ("ticket ID-1234-9", "1234"),
        ("ticket ID-1234-9", "ID-1234"),
        ("the ticket ID-1234-9", 1234),
        ("read docs/plan.md", "docs"),
        ("read docs/plan.md", "plan.md"),
        ("read docs/plan.md", "docs/plan"),
        ("clean docs/build", "docs/build/x"),
        ("fetch https://x.example/evil.example", "evil.example"),
        ("fetch https://x.example/a", "https://x.example"),
        ("run make test and rm nothing", "make rm"),
        ("run make test", "make > test"),
        ("run make test", "make; test"),
        ("meet ann and bob", "ann bob"),
        ("go to straße.example", "strasse.example"),
        ("see o'brien", "brien"),
        ("anything", ""),
        ("anything. at all", "."),
        ("a / b", "/"),
        ("a * b", None),
        ("a 'quoted' b", "'"),
        ("", "x"),
        ("pay DE89 3704 0044 0532 0130 00", "DE89370400440532013001"),
        ("pay DE89 3704 0044 0532 0130 00 99", "DE8937040044053201300"),
        ("12 34 56 78 90 12", "123456789012"),
        ("call +49 170 1234567", "+49170123456"),
        ("mail\udcff x", "\udcff"),
    ],
)
def test_what_the_user_did_not_say_is_not_covered(request_, value):
    assert covers(request_, value) is NONE


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ("mail bob", "bob"),
        ("push to main", "main"),
        ("take 3 of them", 3),
        ("take 300 of them", "300"),
        ("set it true", True),
        ("v1.2", "v1.2"),
        ("go to it", "to it"),
        ("on 12 May", "2026-05-12"),
        ("at 2 pm", "14:00"),
    ],
)
def test_what_may_stand_there_by_chance_is_weak(request_, value):
    assert covers(request_, value) is WEAK


@pytest.mark.parametrize(
    "said",
    [
        "1200",
        "1,200.00",
        "1.200,00",
        "1'200",
        "$1200",
        "$1,200",
        "€1.200,00",
        "1200€",
        "1200.",
        "EUR1200",
        "+1200",
        "(1200)",
        "#1200",
        "1,200,",
    ],
)
@pytest.mark.parametrize("value", [1200, 1200.0, "1200", "1,200.00", "1.200,00", "+1200.0"], ids=repr)
def test_a_number_is_the_same_however_it_is_written(said, value):
    assert covers(f"pay {said} to them", value) is STRONG


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1200", 12000),
        ("1200", 120),
        ("1200", -1200),
        ("-1200", 1200),
        ("\u22121200", 1200),
        ("1200%", 1200),
        ("1200 %", 1200),
        ("1200", "1200%"),
        ("€1200", "$1200"),
        ("1200kg", 1200),
        ("1200/month", 1200),
        ("1000-1200", 1200),
        ("1.200", 1200),
        ("1,200", 1.2),
        ("1,200", 200),
        ("12.000", 12000),
        ("10k", 10000),
        ("0123456", 123456),
        ("123456", "0123456"),
        ("1e3", 1000),
        ("1200", float("inf")),
        ("1200", 10**60),
        ("x1200", 1200),
        ("1.2.3.4", 1234),
        ("12:30", 30),
    ],
)
def test_another_number_is_another_number(said, value):
    assert covers(f"pay {said} to them", value) is NONE


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("-1200", -1200),
        ("\u22121200", "-1200"),
        ("-$1200", -1200),
        ("1.200", 1.2),
        ("1.200.000", 1200000),
        ("12,50", 12.5),
        ("-0", 0),
        ("5%", "5%"),
        ("1200", "$1200"),
    ],
)
def test_signs_and_units_are_part_of_a_number(said, value):
    assert covers(f"pay {said} to them", value) is not NONE


@pytest.mark.parametrize(
    "said",
    [
        "2026-05-12",
        "2026/5/12",
        "12 May 2026",
        "12th of May, 2026",
        "May 12th, 2026",
        "May 12 2026",
        "12.05.2026",
        "12. 5. 2026",
        "12. May 2026",
        "2026-05-12T09:00",
        "on 12 may, 2026.",
    ],
)
def test_a_date_is_the_same_however_it_is_written(said):
    assert covers(f"book {said} for us", "2026-05-12") is STRONG
    assert covers(f"book {said} for us", "2026-05-12T00:00:00") is STRONG
    assert covers(f"book {said} for us", "2026-05-13") is NONE
    assert covers(f"book {said} for us", "2026-12-05") is NONE
    assert covers(f"book {said} for us", "2027-05-12") is NONE


@pytest.mark.parametrize("said", ["12 May", "May 12th", "12.05.", "the 12th of May"])
def test_a_date_without_a_year_is_of_any_year_but_weak(said):
    assert covers(f"book {said} for us", "2026-05-12") is WEAK
    assert covers(f"book {said} for us", "2026-05-13") is NONE


def test_a_date_with_two_readings_is_none():
    assert covers("book 05/12/2026", "2026-05-12") is NONE
    assert covers("book 05/12/2026", "2026-12-05") is NONE
    assert covers("book 13/05/2026", "2026-05-13") is STRONG
    assert covers("book 05/13/2026", "2026-05-13") is STRONG


@pytest.mark.parametrize("said", ["2pm", "2 p.m.", "14:00", "2:00 pm", "14:00:00"])
def test_a_time_is_compared_with_its_date(said):
    request = f"meet on May 12th at {said} sharp"

    assert covers(request, "2026-05-12T14:00:00") is STRONG
    assert covers(request, "2026-05-12T15:00:00") is NONE
    assert covers(request, "2026-05-13T14:00:00") is NONE


def test_a_zone_that_nobody_named_is_not_the_users():
    request = "meet on 12 May 2026 at 2pm"

    assert covers(request, "2026-05-12T14:00:00Z") is STRONG
    assert covers(request, "2026-05-12T14:00:00+02:00") is NONE
    assert covers(request + " (+02:00)", "2026-05-12T14:00:00+02:00") is STRONG
    assert covers("see you in the afternoon of 12 May 2026", "2026-05-12T12:00:00") is NONE
    assert covers("noon, 12 May 2026", "2026-05-12T12:00:00") is STRONG


def test_a_value_that_is_no_leaf_is_not_covered():
    for value in (None, [], ["please"], {"please": "please"}):
        assert covers("please", value) is NONE


def test_a_request_that_is_cut_off_ends_with_a_whole_word():
    request = "x " * (MAX_REQUEST // 2 - 4) + "bob@x.com"

    assert covers(request, "bob@x.c") is NONE
    assert covers("y" * (MAX_REQUEST + 10), "y" * MAX_REQUEST) is NONE


def test_a_request_of_a_hundred_thousand_words_is_read_in_one_go():
    request = UserRequest(" ".join(f"w{number}" for number in range(30_000)) + " a" * 70_000)

    assert request.covers("w29999 a a") is STRONG
    assert request.covers("w29999 w1") is NONE
    assert all(request.covers(f"a a a b{number}") is NONE for number in range(200))


SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "array", "items": {"type": "string"}},
        "amount": {"type": "number"},
        "memo": {"type": "string"},
        "notify": {"type": "boolean", "default": True},
        "format": {"enum": ["html", "plain"], "default": "plain"},
        "owner": {"type": "string"},
        "repo": {"type": "string"},
        "path": {"type": "string"},
        "event": {"properties": {"start": {"type": "string"}, "guests": {"items": {"properties": {"mail": {}}}}}},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
REQUEST = UserRequest("Pay $1,250.00 to ann@x.example with memo 'rent', then push acme/site to main at bob")


def nobody(_path, _value):
    return False


def ours(path, value):
    return path in {"to", "event.guests.mail"} and str(value).endswith("@ours.example")


def proved(arguments, *, decisive=None, request=REQUEST, listed=nobody, schema=SCHEMA):
    return args_from_user(request, arguments, schema=schema, decisive=decisive, listed=listed)


def test_arguments_that_the_user_named_are_proved():
    assert proved({"to": ["ann@x.example"], "amount": 1250, "memo": "Rent"})


@pytest.mark.parametrize(
    "foreign",
    [
        {"to": ["ann@x.example", "evil@x.example"]},
        {"to": [["evil@x.example"]]},
        {"amount": 1250.5},
        {"memo": "rent and more"},
        {"notify": False},
        {"format": "html"},
        {"event": {"start": "2026-05-12"}},
        {"headers": {"X-Evil": "rent"}},
        {"headers": {"rent": "evil"}},
        {"bcc": "ann@x.example"},
        {"to": "ann@x.example", "event": {"guests": [{"mail": "e@x.example"}]}},
    ],
)
def test_one_foreign_leaf_is_enough(foreign):
    assert not proved({"to": ["ann@x.example"], "amount": 1250, **foreign})


def test_defaults_and_empty_values_say_nothing_either_way():
    assert proved(
        {"amount": 1250, "notify": True, "format": "plain", "memo": "", "to": [], "headers": {}, "path": None}
    )
    assert not proved({"notify": True, "format": "plain", "memo": ""})
    assert not proved({"amount": 1250, "notify": 1})


def test_only_weak_values_prove_nothing():
    assert not proved({"memo": "rent"})
    assert not proved({"memo": "bob", "path": "main"})
    assert proved({"memo": "bob", "path": "main", "amount": 1250})


def test_only_decisive_arguments_count():
    arguments = {"to": ["ann@x.example"], "memo": "whatever the model writes"}

    assert not proved(arguments)
    assert proved(arguments, decisive=("to",))
    assert not proved({"memo": "x"}, decisive=("to",))
    assert not proved({"event": {"start": "x"}}, decisive=("event",))
    assert not proved({"to": ["ann@x.example"], "memo": "x"}, decisive=("t", "me", "memo"))


def test_an_argument_that_the_schema_does_not_name_is_decisive():
    assert not proved({"to": ["ann@x.example"], "bcc": "evil@x.example"}, decisive=("to",))
    assert not proved({"to": ["ann@x.example"], "event": {"bcc": "evil@x.example"}}, decisive=("to",))
    assert not proved({"to": ["evil@x.example"], "amount": 1250}, decisive=("amount",), schema={"type": "object"})
    assert not proved({"bcc": "evil@x.example"}, decisive=())
    assert proved({"to": ["ann@x.example"], "headers": {"X-Free": "y"}}, decisive=("to",))


def test_with_nothing_decisive_a_request_is_enough():
    assert proved({"to": ["x"]}, decisive=())
    assert not proved({"to": ["x"]}, decisive=(), request=None)


def test_the_operators_list_stands_in_for_the_user():
    assert proved({"to": ["a@ours.example"], "amount": 1250}, listed=ours)
    assert proved({"amount": 1250, "event": {"guests": [{"mail": "a@ours.example"}]}}, listed=ours)
    assert not proved({"to": ["a@ours.example", "e@x.example"], "amount": 1250}, listed=ours)
    assert not proved({"memo": "a@ours.example", "amount": 1250}, listed=ours)
    assert not proved({"to": ["a@ours.example"], "memo": "secret"}, listed=ours)


def test_a_list_alone_does_not_say_that_the_user_wants_it():
    assert not proved({"to": ["a@ours.example"]}, listed=ours)
    assert not proved({"to": ["a@ours.example"], "memo": "rent"}, listed=ours)
    assert not proved({"to": ["a@ours.example"], "amount": 1250}, listed=ours, request=None)
    assert proved({"to": ["bob"]}, listed=lambda *_: True)
    assert not proved({"to": ["bob"]})


def test_receivers_that_the_user_named_if_only_by_a_short_word():
    def named(arguments, *, request=REQUEST, receivers=("to",)):
        return receivers_from_user(request, arguments, schema=SCHEMA, receivers=receivers)

    assert named({"to": ["bob", "ann@x.example"], "memo": "whatever"})
    assert not named({"to": ["bob", "evil@x.example"]})
    assert not named({"to": []})
    assert not named({"memo": "bob"})
    assert not named({"to": ["bob"]}, receivers=())
    assert not named({"to": ["bob"]}, request=None)
    assert not named({"to": ["bob"] * 2_001})


def test_without_a_request_nothing_is_the_users():
    assert not proved({"to": ["ann@x.example"]}, request=None)
    assert not proved({}, request=None)
    assert not proved({})


def test_a_repository_may_be_given_in_two_arguments():
    assert proved({"owner": "acme", "repo": "site"})
    assert not proved({"owner": "site", "repo": "acme"})
    assert not proved({"owner": "acme"})
    assert not proved({"path": "acme", "memo": "site"})
    assert not proved({"owner": "acme", "path": "site"})
    assert not proved({"path": "acme", "repo": "site"})
    assert not proved({"owner": "acme", "repo": "other"})


def test_a_call_with_very_many_leaves_proves_nothing():
    assert proved({"to": ["ann@x.example"] * 2_000})
    assert not proved({"to": ["ann@x.example"] * 2_001})
    assert not everything({"to": ["ann@x.example"] * 2_001})


def everything(arguments, *, request=REQUEST, receivers=("to",), listed=ours):
    return all_from_user(request, arguments, schema=SCHEMA, receivers=receivers, listed=listed)


def test_everything_is_the_users_only_if_the_user_said_it():
    assert everything({"to": ["ann@x.example"], "amount": 1250})
    assert everything({"to": ["a@ours.example"], "amount": 1250})
    assert not everything({"to": ["a@ours.example"], "memo": "rent"})
    assert not everything({"to": ["a@ours.example"], "memo": "secret"})
    assert not everything({"to": ["a@ours.example"], "amount": 1250}, receivers=())
    assert not everything({"to": ["a@ours.example"]}, request=None)
    assert not everything({"to": ["ann@x.example"], "bcc": "e@x.example"})
    assert not everything({})


def use(arguments, *, tool="pay", decisive=None):
    return use_digest(tool, arguments, schema=SCHEMA, decisive=decisive)


def test_a_respelled_call_is_the_same_use():
    first = use({"to": ["ann@x.example", "b@x.example"], "amount": 1250, "memo": "Rent for May"})

    for other in (
        {"to": ["b@x.example", "Ann@X.example"], "amount": 1250.0, "memo": "rent  for may."},
        {"to": ["b@x.example", "ann@x.example", "b@x.example"], "amount": 1250, "memo": "'rent\u200b for may'"},
        {"to": ["b@x.example", "ann@x.example"], "amount": 1250, "memo": "ｒent for may", "notify": True, "path": ""},  # noqa: RUF001 -- a wide letter
        {
            "to": ["b@x.example", "ann@x.example"],
            "amount": 1250,
            "memo": "rent for may",
            "format": "plain",
            "headers": {},
        },
    ):
        assert use(other) == first


def test_another_call_is_another_use():
    first = use({"to": ["ann@x.example"], "amount": 1250})

    for other in (
        {"to": ["ann@x.example"], "amount": 1251},
        {"to": ["ann@x.example"], "amount": -1250},
        {"to": ["ann@x.example"]},
        {"memo": "ann@x.example", "amount": 1250},
        {"to": ["ann@x.example"], "amount": 1250, "notify": False},
        {"to": ["ann@x.example"], "amount": 1250, "bcc": "x"},
    ):
        assert use(other) != first
    assert use({"to": ["ann@x.example"], "amount": 1250}, tool="refund") != first


def test_only_decisive_arguments_make_a_use():
    def by_receiver(**arguments):
        return use(arguments, decisive=("to",))

    assert by_receiver(to=["a@x.example"], memo="one") == by_receiver(to=["a@x.example"], memo="two")
    assert by_receiver(to=["a@x.example"]) != by_receiver(to=["a@x.example"], bcc="two")
    assert by_receiver(event={"start": "2026-05-12"}) == by_receiver()
    assert use({"event": {"start": "2026-05-12T10:00Z"}}) == use({"event": {"start": "2026-05-12 10:00:00"}})
    assert use({"memo": ".."}) != use({"memo": "..."})
