"""The operator's rows: the first that speaks decides for a value, the dangerous word wins over several."""

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.flow import Asked, Files, Hosts, LabelRow, LabelRows, Spoken, Word

PRIVATE, PUBLIC, UNTRUSTED, TRUSTED = Word
SCHEMA = {"properties": {name: {"type": "string"} for name in ("folder", "to", "cc", "channel", "account")}}


def row(*says, **where):
    return LabelRow(says=frozenset(says), **where)


def mail(*says, values=(), argument=None, tool=None):
    return row(*says, upstream="mail", argument=argument, values=tuple(values), tool=tool)


def asked(arguments, *, tool="read_mail", receivers=(), schema=SCHEMA, upstream="mail"):
    return Asked(upstream=upstream, tool=tool, arguments=arguments, schema=schema, receivers=receivers)


def integrity(rows, subject):
    return LabelRows(rows).read(subject).integrity


def listed(values, pattern="*@ours.example"):
    rows = LabelRows([mail(TRUSTED, argument="to", values=[pattern])])
    schema = {"properties": {"to": {"type": "array", "items": {"type": "string"}}}}
    return rows.listed(asked({"to": values}, tool="send", receivers=("to",), schema=schema))


def test_without_rows_nothing_is_said():
    assert LabelRows([]).read(Files(("a",))) == Spoken(None, None)
    assert LabelRows([]).read(asked({"folder": "x"})) == Spoken(None, None)
    assert not LabelRows([]).public(Hosts(("x.example",)))


def test_the_first_row_that_speaks_on_a_dimension_decides_it():
    rows = LabelRows(
        [row(PRIVATE, path="inbox/**"), row(TRUSTED, path="inbox/boss/**"), row(UNTRUSTED, PUBLIC, path="inbox/**")]
    )

    assert rows.read(Files(("inbox/boss/1",))) == Spoken(PRIVATE, TRUSTED)
    assert rows.read(Files(("inbox/1",))) == Spoken(PRIVATE, UNTRUSTED)
    assert rows.read(Files(("other",))) == Spoken(None, None)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("inbox/**", ["inbox/a", "inbox/a/b", "INBOX/A"], ["inbox", "inboxes/a", "x/inbox/a"]),
        ("inbox", ["inbox", "inbox/a"], ["inboxes"]),
        ("inbox/", ["inbox/a"], ["inboxes"]),
        ("docs/*", ["docs/a"], ["docs/a/b", "docs"]),
        ("docs/*.md", ["docs/a.md", "docs/A.MD"], ["docs/a/b.md", "docs/a.txt"]),
        ("**/secret", ["secret", "a/secret", "a/b/secret/c"], ["secrets"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["z", "b/z"]),
        ("**", ["a", "a/b"], []),
        ("./\uff24ocs//x", ["docs/x"], ["x"]),
    ],
)
def test_paths_are_matched_by_segments(pattern, matching, others):
    rows = [row(UNTRUSTED, path=pattern)]

    assert {integrity(rows, Files((key,))) for key in matching} == {UNTRUSTED}
    assert {integrity(rows, Files((key,))) for key in others} <= {None}


def test_of_a_whole_folder_everything_that_may_be_in_it_counts():
    assert integrity([row(UNTRUSTED, path="docs/in/*.txt")], Files(("docs/*",))) is UNTRUSTED
    assert integrity([row(UNTRUSTED, path="docs/in/*.txt")], Files(("*",))) is UNTRUSTED
    assert integrity([row(UNTRUSTED, path="docs/in/*.txt")], Files(("docs/out/*",))) is None
    assert integrity([row(UNTRUSTED, path="**/x")], Files(("docs/*",))) is UNTRUSTED
    assert integrity([row(UNTRUSTED, path="docs")], Files(("docs/a/*",))) is UNTRUSTED


def test_the_safe_word_about_a_part_of_a_folder_says_nothing_of_the_rest():
    assert integrity([row(TRUSTED, path="docs/*.md")], Files(("docs/*",))) is None
    assert integrity([row(TRUSTED, path="docs/**")], Files(("docs/*",))) is TRUSTED
    assert integrity([row(TRUSTED, path="docs/**")], Files(("docs/a/*",))) is TRUSTED
    assert integrity([row(TRUSTED, path="docs/**")], Files(("*",))) is None
    assert integrity([row(TRUSTED, path="docs/**"), row(UNTRUSTED, path="**")], Files(("docs/*",))) is TRUSTED
    assert integrity([row(TRUSTED, path="docs/a"), row(UNTRUSTED, path="**")], Files(("docs/*",))) is UNTRUSTED


def test_over_several_files_the_dangerous_word_wins_and_silence_over_the_safe_one():
    rows = [row(TRUSTED, path="a"), row(UNTRUSTED, path="b")]

    assert integrity(rows, Files(("a", "a/x"))) is TRUSTED
    assert integrity(rows, Files(("a", "b", "c"))) is UNTRUSTED
    assert integrity(rows, Files(("a", "c"))) is None
    assert integrity(rows, Files(())) is None


@pytest.mark.parametrize(
    ("pattern", "host", "answer"),
    [
        ("corp.example", "corp.example", True),
        ("corp.example", "CORP.example.", True),
        ("corp.example", "a.corp.example", False),
        ("*.corp.example", "a.corp.example", True),
        ("*.corp.example", "a.b.corp.example", True),
        ("*.corp.example", "corp.example", False),
        ("*.corp.example", "evilcorp.example", False),
        ("*.corp.example", "corp.example.evil.example", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "B\u00dcCHER.example", True),
        ("corp.example", "\u0441orp.example", False),
        ("corp.example", "corp.example:443", False),
        ("corp.example", "x@corp.example", False),
        ("corp.example", "corp.example/..", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("::1", "[0:0:0:0:0:0:0:1]", True),
        ("strasse.example", "straße.example", False),
        ("corp.example", "", False),
    ],
)
def test_hosts_are_matched_in_one_form(pattern, host, answer):
    rows = LabelRows([row(TRUSTED, host=pattern)])

    assert rows.listed(Hosts((host,))) is answer
    assert not rows.listed(Hosts((host, "other.example")))
    assert not rows.listed(Hosts(()))


@pytest.mark.parametrize(
    "value",
    ["a@ours.example", "A.B@OURS.EXAMPLE", ["a@ours.example", "b@ours.example"]],
)
def test_a_receiver_on_the_list_is_listed(value):
    assert listed(value)


@pytest.mark.parametrize(
    "value",
    [
        "a@x.example",
        "evil@x.example, a@ours.example",
        "evil@x.example;a@ours.example",
        "evil@x.example a@ours.example",
        "evil@x.example\na@ours.example",
        "evil@x.example\ta@ours.example",
        "evil@x.example\x00a@ours.example",
        '"evil@x.example"a@ours.example',
        "<evil@x.example>a@ours.example",
        "evil@x.example>a@ours.example",
        "a@ours.example <evil@x.example>",
        "evil@x.example@ours.example",
        "evil%x.example@ours.example",
        "x.example!evil@ours.example",
        "(evil@x.example)a@ours.example",
        "group:evil@ours.example",
        "evil/x@ours.example",
        "é@ours.example",
        "a@our\u0455.example",
        "a@ours.example\u200b",
        "\uff41@ours.example",
        "a\u200b@ours.example",
        " a@ours.example",
        "a@ours.example.",
        "a" * 5000 + "@ours.example",
        "",
        [],
        None,
        [["a@ours.example"], "evil@x.example"],
        {"address": "a@ours.example"},
        ["a@ours.example", {"address": "evil@x.example"}],
        ["a@ours.example", None],
    ],
)
def test_what_may_be_another_receiver_is_not_listed(value):
    assert not listed(value)


def test_two_stars_cross_slashes_and_one_does_not():
    assert listed("https://ours.example/a/b", "https://ours.example/**")
    assert not listed("https://ours.example/a/b", "https://ours.example/*")
    assert listed("https://ours.example/a", "https://ours.example/*")
    assert not listed("https://ours.example@evil.example/a", "https://ours.example**")
    assert listed("Team Calendar", "team calendar")
    assert not listed("Team Calendar", "team *")
    assert listed("büro@ours.example", "büro@ours.example")


def test_every_receiver_argument_counts():
    rows = LabelRows([mail(TRUSTED, argument=name, values=["*@ours.example"]) for name in ("to", "cc")])
    ours, evil = "a@ours.example", "e@x.example"

    def all_listed(**arguments):
        return rows.listed(asked(arguments, tool="send", receivers=("to", "cc")))

    assert all_listed(to=ours)
    assert all_listed(to=ours, cc=ours)
    assert all_listed(to=ours, cc="")
    assert not all_listed(to=ours, cc=evil)
    assert not all_listed()
    assert not all_listed(cc="")


def test_an_argument_that_the_schema_does_not_name_may_hold_a_receiver():
    rows = LabelRows([mail(TRUSTED, argument="to", values=["*@ours.example"])])

    assert not rows.listed(asked({"to": "a@ours.example", "bcc": "e@x.example"}, receivers=("to",)))


def test_a_receiver_that_is_named_in_another_field_is_not_listed():
    rows = LabelRows([mail(TRUSTED, argument="to.mail", values=["*@ours.example"])])
    schema = {"properties": {"to": {"type": "array"}}}
    ours = {"mail": "a@ours.example"}

    assert rows.listed(asked({"to": [ours]}, receivers=("to.mail",), schema=schema))
    assert not rows.listed(asked({"to": [ours, {"address": "e@x.example"}]}, receivers=("to.mail",), schema=schema))
    assert not rows.listed(asked({"to": ["e@x.example"]}, receivers=("to.mail",), schema=schema))


def test_a_receiver_that_the_schema_fills_in_counts():
    rows = LabelRows([mail(TRUSTED, argument="to", values=["*@ours.example"])])

    def filled_in(default):
        return rows.listed(asked({}, receivers=("to",), schema={"properties": {"to": {"default": default}}}))

    assert filled_in("a@ours.example")
    assert not filled_in("e@x.example")


def test_a_row_before_may_take_a_receiver_off_the_list():
    rows = LabelRows(
        [
            mail(UNTRUSTED, argument="to", values=["all@*"]),
            mail(TRUSTED, argument="to", values=["*@ours.example"]),
        ]
    )

    assert rows.lists("mail", "send", "to", "a@ours.example")
    assert not rows.lists("mail", "send", "to", "ALL@ours.example")
    assert not rows.lists("mail", "send", "cc", "a@ours.example")
    assert not rows.lists("post", "send", "to", "a@ours.example")


def test_an_everything_row_lists_no_receiver():
    assert not LabelRows([mail(TRUSTED)]).listed(asked({"to": "a"}, receivers=("to",)))


def test_rows_are_for_their_tools():
    rows = LabelRows([mail(UNTRUSTED, tool="read_*")])

    assert rows.read(asked({}, tool="read_mail")).integrity is UNTRUSTED
    assert rows.read(asked({}, tool="Read_mail")).integrity is None
    assert rows.read(asked({}, tool="write")).integrity is None
    assert rows.read(asked({}, upstream="post")).integrity is None


def test_values_say_of_the_folder_that_is_read():
    rows = [
        mail(TRUSTED, argument="folder", values=["Work", "Work/*"]),
        mail(UNTRUSTED, argument="folder", values=["Newsletters", "spam/*", "*"]),
    ]

    assert integrity(rows, asked({"folder": "work"})) is TRUSTED
    assert integrity(rows, asked({"folder": "SPAM/a"})) is UNTRUSTED
    assert integrity(rows, asked({"folder": "Büro"})) is UNTRUSTED
    assert integrity(rows, asked({"folder": ["Work", "Newsletters"]})) is UNTRUSTED
    assert integrity(rows[:1], asked({"folder": ["Work", "Other"]})) is None


def test_caution_is_added_for_what_may_be_meant():
    rows = [mail(UNTRUSTED, argument="folder", values=["spam/*"])]

    for value in ("\uff53\uff50\uff41\uff4d/a", "spa\u200bm/a", " SPAM/ä ", "work,spam/a", {"name": "spam/a"}):
        assert integrity(rows, asked({"folder": value})) is UNTRUSTED


def test_caution_is_taken_away_only_for_what_is_exactly_meant():
    rows = [mail(TRUSTED, argument="folder", values=["work/*"])]

    for value in ("\uff57ork/a", "wo\u200brk/a", "work/a,spam", " work/a", {"name": "work/a"}, "work/*/../x"):
        assert integrity(rows, asked({"folder": value})) is None


def test_a_folder_that_is_left_out_may_be_any():
    rows = [mail(TRUSTED, argument="folder", values=["Work"]), mail(UNTRUSTED, argument="folder", values=["spam"])]

    assert integrity(rows, asked({})) is UNTRUSTED
    assert integrity(rows, asked({"folder": ""})) is UNTRUSTED
    assert integrity(rows[:1], asked({})) is None
    assert integrity(rows, asked({}, schema={"properties": {"id": {}}})) is None
    assert integrity(rows, asked({}, schema={"properties": {"folder": {"default": "Work"}}})) is TRUSTED


def test_over_several_selectors_the_dangerous_word_wins():
    rows = [
        mail(UNTRUSTED),
        mail(TRUSTED, argument="folder", values=["work"]),
        mail(PRIVATE, argument="account", values=["ceo"]),
    ]

    assert LabelRows(rows).read(asked({"folder": "work", "account": "ceo"})) == Spoken(PRIVATE, UNTRUSTED)
    assert integrity(rows[1:], asked({"folder": "work", "account": "x"})) is TRUSTED


def test_a_listed_receiver_does_not_vouch_for_what_is_found_by_searching_for_it():
    rows = [mail(TRUSTED, argument="to", values=["*@ours.example"])]
    search = asked({"to": "a@ours.example"}, tool="search_mail")

    assert LabelRows(rows).read(search).integrity is TRUSTED
    assert LabelRows(rows, receivers={"mail": frozenset({"to"})}).read(search).integrity is None
    assert LabelRows(rows, receivers={"mail": frozenset({"to"})}).lists("mail", "send", "to", "a@ours.example")


def test_any_value_that_is_written_to_makes_it_public():
    rows = LabelRows(
        [
            mail(PRIVATE, argument="channel", values=["general-staff"]),
            mail(PUBLIC, argument="channel", values=["general*"]),
            row(PUBLIC, path="www/**"),
        ]
    )

    assert rows.public(asked({"channel": "general"}))
    assert rows.public(asked({"channel": ["team", "GENERAL\u200b"]}))
    assert rows.public(asked({"channel": "allgemein, general-ü"}))
    assert not rows.public(asked({"channel": "team"}))
    assert not rows.public(asked({"channel": "general-staff"}))
    assert rows.public(Files(("docs/a", "www/b")))
    assert rows.public(Files(("*",)))
    assert not rows.public(Files(("docs/*",)))
    assert rows.public(asked({}))


@pytest.mark.parametrize(
    ("where", "word"),
    [
        ({}, "exactly one"),
        ({"path": "a", "host": "b"}, "exactly one"),
        ({"path": "a", "tool": "x"}, "go with `upstream`"),
        ({"host": "a", "argument": "x", "values": ("y",)}, "go with `upstream`"),
        ({"upstream": "m", "argument": "x"}, "go together"),
        ({"upstream": "m", "values": ("x",)}, "go together"),
        ({"upstream": "m", "argument": "x..y", "values": ("x",)}, "divided by dots"),
    ],
)
def test_a_row_that_means_nothing_is_refused(where, word):
    with pytest.raises(OperatorError, match=word):
        row(PRIVATE, **where)


@pytest.mark.parametrize("says", [(), (PRIVATE, PUBLIC), (UNTRUSTED, TRUSTED)])
def test_a_row_says_one_thing(says):
    with pytest.raises(OperatorError, match="`is`"):
        row(*says, path="a")


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"path": ""}, "path"),
        ({"path": "./"}, "path"),
        ({"path": "a/../b"}, "path"),
        ({"path": "a\\b"}, "path"),
        ({"path": "a/b**"}, "path"),
        ({"path": "x" * 600}, "path"),
        ({"host": ""}, "host"),
        ({"host": "*"}, "host"),
        ({"host": "a.*.b"}, "host"),
        ({"host": "https://x"}, "host"),
        ({"host": "*.10.0.0.1"}, "host"),
        ({"host": "straße.example"}, "host"),
        ({"upstream": "m", "argument": "a", "values": (" ",)}, "values"),
        ({"upstream": "m", "argument": "a", "values": ("***",)}, "values"),
        ({"upstream": "m", "tool": " "}, "tool"),
    ],
)
def test_a_pattern_that_cannot_be_matched_is_refused_by_its_key(where, key):
    with pytest.raises(OperatorError, match=rf"`labels\[1\]\.{key}`"):
        LabelRows([row(PRIVATE, path="fine"), row(PRIVATE, **where)])
