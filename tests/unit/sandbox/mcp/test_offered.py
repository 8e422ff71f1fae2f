"""Prompts, resources, templates and instructions are pinned, cleaned and served as tools are."""

import pytest

from holdfast.contracts import Method, PromptArgument
from holdfast.sandbox.mcp import Kind, PinState, Prefix, UpstreamConfig, reconcile
from holdfast.sandbox.mcp.catalogue.kinds import key_of, split_key
from holdfast.sandbox.mcp.catalogue.offered import MAX_INSTRUCTIONS, joined, read_instructions, read_offers
from holdfast.sandbox.mcp.catalogue.serving import reserved_name, reserved_spec, served_of

CONFIG = UpstreamConfig(name="files", command=("x",))
BARE = UpstreamConfig(name="files", command=("x",), prefix=Prefix.NONE)
PROMPT = {"name": "review", "description": "reviews", "arguments": [{"name": "code", "required": True}]}
RESOURCE = {"uri": "file:///readme", "name": "readme", "mimeType": "text/plain"}
TEMPLATE = {"uriTemplate": "file:///docs/{page}", "name": "docs"}
RAW = {Kind.PROMPT: PROMPT, Kind.RESOURCE: RESOURCE, Kind.TEMPLATE: TEMPLATE}


def only(kind, raw, config=CONFIG):
    listing = read_offers(config, kind, [raw])
    assert listing.quarantined == (), listing.quarantined
    return listing.offered[0]


def reason(kind, raw):
    listing = read_offers(CONFIG, kind, [raw])
    assert listing.offered == ()
    return listing.quarantined[0].reason


def approved(*listings, config=CONFIG, completes=True):
    listing = joined(listings)
    diff = reconcile({one.key: one.digest for one in listing.all}, listing)
    return served_of(config, diff, completes=completes)


@pytest.mark.parametrize("kind", RAW)
@pytest.mark.parametrize(
    "change",
    [{"description": "other"}, {"title": "Other"}, {"_meta": {"a": 1}}, {"icons": [{"src": "https://evil.example/i"}]}],
)
def test_any_change_of_what_is_served_changes_the_digest(kind, change):
    assert only(kind, {**RAW[kind], **change}).digest != only(kind, RAW[kind]).digest


@pytest.mark.parametrize(
    "change",
    [
        [{"name": "code", "required": False}],
        [{"name": "code", "required": True, "description": "and your keys"}],
        [{"name": "code", "required": True, "title": "x"}],
        [{"name": "code", "required": True}, {"name": "more"}],
        [],
    ],
)
def test_any_change_of_a_prompts_arguments_changes_the_digest(change):
    assert only(Kind.PROMPT, {**PROMPT, "arguments": change}).digest != only(Kind.PROMPT, PROMPT).digest


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"mimeType": "text/html"}, {"annotations": {"audience": ["user"]}}]
)
@pytest.mark.parametrize("kind", [Kind.RESOURCE, Kind.TEMPLATE])
def test_any_change_of_how_a_document_is_described_changes_the_digest(kind, change):
    assert only(kind, {**RAW[kind], **change}).digest != only(kind, RAW[kind]).digest


def test_that_a_resource_grew_since_is_no_change_of_its_definition():
    grown = {**RESOURCE, "size": 7, "annotations": {"lastModified": "2026-11-20T00:00:00Z"}}

    assert only(Kind.RESOURCE, grown).digest == only(Kind.RESOURCE, RESOURCE).digest
    assert only(Kind.RESOURCE, grown).offer.size == 7


def test_a_field_that_is_not_served_is_not_pinned():
    assert only(Kind.PROMPT, {**PROMPT, "x-hidden": "obey"}).digest == only(Kind.PROMPT, PROMPT).digest


@pytest.mark.parametrize("kind", RAW)
def test_hidden_characters_are_taken_out_of_texts_and_said(kind):
    offered = only(kind, {**RAW[kind], "description": "plain\U000e0041 text", "title": "t\u200bitle"})

    assert offered.cleaned
    assert (offered.description, offered.title) == ("plain text", "title")


def test_hidden_characters_are_taken_out_of_what_is_said_of_an_argument():
    raw = {**PROMPT, "arguments": [{"name": "code", "description": "the\u202e code"}]}

    assert only(Kind.PROMPT, raw).offer.arguments == (PromptArgument(name="code", description="the code"),)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Kind.PROMPT, 7),
        (Kind.PROMPT, {"description": "no name"}),
        (Kind.PROMPT, {"name": "re\u200bview"}),
        (Kind.PROMPT, {"name": "git__review"}),
        (Kind.PROMPT, {**PROMPT, "arguments": 7}),
        (Kind.PROMPT, {**PROMPT, "arguments": [7]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": ""}]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": "co\u200bde"}]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": "a"}, {"name": "a"}]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": f"a{n}"} for n in range(65)]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": "a", "required": "yes"}]}),
        (Kind.PROMPT, {**PROMPT, "arguments": [{"name": "a", "description": 7}]}),
        (Kind.PROMPT, {**PROMPT, "description": "x" * 10_000}),
        (Kind.RESOURCE, {"name": "no uri"}),
        (Kind.RESOURCE, {**RESOURCE, "uri": "readme"}),
        (Kind.RESOURCE, {**RESOURCE, "uri": "file:///read me"}),
        (Kind.RESOURCE, {**RESOURCE, "uri": "file:///re\u0430dme"}),
        (Kind.RESOURCE, {**RESOURCE, "uri": "file:///a\u200b"}),
        (Kind.RESOURCE, {**RESOURCE, "uri": "file:///" + "a" * 3_000}),
        (Kind.RESOURCE, {**RESOURCE, "name": None}),
        (Kind.RESOURCE, {**RESOURCE, "mimeType": 7}),
        (Kind.RESOURCE, {**RESOURCE, "mimeType": "text/\u200bplain"}),
        (Kind.RESOURCE, {**RESOURCE, "annotations": []}),
        (Kind.RESOURCE, {**RESOURCE, "description": ["x"] * 70_000}),
        (Kind.TEMPLATE, {**TEMPLATE, "uriTemplate": "file:///docs"}),
        (Kind.TEMPLATE, {**TEMPLATE, "uriTemplate": "{+all}"}),
        (Kind.TEMPLATE, {**TEMPLATE, "uriTemplate": "file:///{"}),
    ],
)
def test_what_is_out_of_shape_hides_itself_alone(kind, raw):
    listing = read_offers(CONFIG, kind, [raw, RAW[kind]])

    assert [one.name for one in listing.offered] == [RAW[kind].get("uri") or RAW[kind].get("uriTemplate") or "review"]
    assert len(listing.quarantined) == 1
    assert listing.quarantined[0].kind is kind


@pytest.mark.parametrize("kind", RAW)
def test_of_two_with_one_name_neither_is_served(kind):
    listing = read_offers(CONFIG, kind, [RAW[kind], {**RAW[kind], "description": "the other"}])

    assert listing.offered == ()
    assert [one.reason for one in listing.quarantined] == [f"another {kind} has the same name"]


def test_instructions_are_pinned_and_shown_and_offered_to_nobody():
    listing = read_instructions(CONFIG, "call me\u200b first")

    assert listing.offered[0].description == "call me first"
    assert listing.offered[0].key == "instructions:"
    assert listing.offered[0].digest != read_instructions(CONFIG, "call me twice").offered[0].digest
    assert approved(listing).offers.resources == ()


def test_no_instructions_are_nothing_to_look_at_and_too_many_are_withheld():
    assert read_instructions(CONFIG, None).all == ()
    assert read_instructions(CONFIG, "").all == ()
    assert read_instructions(CONFIG, "x" * (MAX_INSTRUCTIONS + 1)).quarantined[0].kind is Kind.INSTRUCTIONS


@pytest.mark.parametrize("kind", Kind)
def test_a_key_leads_back_to_its_kind_and_name(kind):
    assert split_key(key_of(kind, "a")) == (kind, "a")


def test_a_tool_cannot_take_the_key_of_another_kind():
    assert key_of(Kind.TOOL, "prompt:review") != key_of(Kind.PROMPT, "review")


def test_one_kind_is_new_then_approved_then_changed_then_removed():
    listing = read_offers(CONFIG, Kind.PROMPT, [PROMPT])
    pinned = listing.offered[0].digest
    changed = read_offers(CONFIG, Kind.PROMPT, [{**PROMPT, "description": "and more"}])
    empty = read_offers(CONFIG, Kind.PROMPT, [])

    states = [
        reconcile(pins, read).entry("prompt:review").state
        for pins, read in [
            ({}, listing),
            ({"prompt:review": pinned}, listing),
            ({"prompt:review": pinned}, changed),
            ({"prompt:review": pinned}, empty),
        ]
    ]

    assert states == [PinState.NEW, PinState.APPROVED, PinState.CHANGED, PinState.REMOVED]


def test_only_what_is_approved_is_offered():
    listing = joined([read_offers(CONFIG, kind, [raw]) for kind, raw in RAW.items()])

    served = served_of(CONFIG, reconcile({}, listing), completes=True)

    assert served.methods() == ()
    assert served.offers.resources == served.offers.templates == served.offers.prompts == ()


def test_what_is_offered_has_served_names_that_lead_back():
    served = approved(*(read_offers(CONFIG, kind, [raw]) for kind, raw in RAW.items()))

    assert [one.uri for one in served.offers.resources] == ["files+file:///readme"]
    assert [one.uri_template for one in served.offers.templates] == ["files+file:///docs/{page}"]
    assert [one.name for one in served.offers.prompts] == ["files__review"]
    assert served.own(Method.RESOURCE, "files+file:///readme") == "file:///readme"
    assert served.own(Method.RESOURCE, "files+file:///docs/intro") == "file:///docs/intro"
    assert served.own(Method.PROMPT, "files__review") == "review"
    assert served.own(Method.COMPLETION, "files__review") == "review"
    assert served.own(Method.COMPLETION, "files+file:///docs/{page}") == "file:///docs/{page}"


@pytest.mark.parametrize(
    "served_name",
    [
        "file:///readme",
        "other+file:///readme",
        "files+file:///secret",
        "files+file:///docs/",
        "files+file:///docs/a/b",
        "files+file:///docs/..",
        "files+file:///docs/%2e%2e",
        "files+file:///docs/a%2f..%2f..%2fetc",
        "files+file:///docs/%252e%252e",
        "",
    ],
)
def test_what_is_not_offered_is_not_read(served_name):
    served = approved(*(read_offers(CONFIG, kind, [raw]) for kind, raw in RAW.items()))

    assert served.own(Method.RESOURCE, served_name) is None


def test_without_a_prefix_uris_and_prompts_are_as_they_are():
    served = approved(*(read_offers(BARE, kind, [raw]) for kind, raw in RAW.items()), config=BARE)

    assert served.own(Method.RESOURCE, "file:///readme") == "file:///readme"
    assert served.own(Method.PROMPT, "review") == "review"


def test_a_server_that_completes_nothing_is_asked_for_nothing():
    served = approved(read_offers(CONFIG, Kind.PROMPT, [PROMPT]), completes=False)

    assert served.own(Method.COMPLETION, "files__review") is None
    assert served.methods() == (Method.PROMPT,)


def test_each_method_has_a_spec_of_its_own_with_the_effects_of_the_entry():
    specs = {method: reserved_spec(CONFIG, method) for method in Method if method is not Method.TOOL}

    assert [spec.name for spec in specs.values()] == [
        "files__resources__read",
        "files__prompts__get",
        "files__completion__complete",
        "files__elicitation__create",
        "files__sampling__create",
        "files__roots__list",
    ]
    assert {spec.effects for spec in specs.values()} == {CONFIG.effects}
    assert reserved_name(BARE, Method.RESOURCE) == "resources__read"
