"""No name passes for another: not of the same server, not of another one."""

import pytest

from holdfast.sandbox.mcp import Kind, PinState, Prefix, UpstreamConfig, reconcile
from holdfast.sandbox.mcp.catalogue.definitions import read
from holdfast.sandbox.mcp.catalogue.lookalikes import told_apart
from holdfast.sandbox.mcp.catalogue.offered import joined, read_offers


def tool(name):
    return {"name": name, "inputSchema": {"type": "object"}}


def server(name, *names, approved=(), prefix=Prefix.NAME, prompts=()):
    config = UpstreamConfig(name=name, command=("x",), prefix=prefix)
    listing = joined(
        [
            read(config, [tool(one) for one in names]),
            read_offers(config, Kind.PROMPT, [{"name": one} for one in prompts]),
        ]
    )
    pins = {one.key: one.digest for one in listing.all if one.name in approved}
    return config, reconcile(pins, listing)


def entry(diffs, name, key):
    return diffs[name].entry(key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("read_file", "Read_File"),
        ("read_file", "read-file"),
        ("read_file", "read.file"),
        ("read_file", "read_fi1e"),
        ("list_items", "l1st_ltems"),
        ("return_it", "retum_it"),
        ("go_on", "g0_on"),
    ],
)
def test_of_one_server_neither_of_two_names_that_read_alike_is_served(one, other):
    listing = read(UpstreamConfig(name="files", command=("x",)), [tool(one), tool(other), tool("third")])

    assert [definition.tool for definition in listing.definitions] == ["third"]
    reasons = {withheld.name: withheld.reason for withheld in listing.quarantined}
    assert f"`{other}`" in reasons[one]
    assert f"`{one}`" in reasons[other]


def test_of_one_server_neither_of_two_prompts_that_read_alike_is_served():
    config = UpstreamConfig(name="files", command=("x",))

    listing = read_offers(config, Kind.PROMPT, [{"name": "review"}, {"name": "Review"}])

    assert listing.offered == ()


@pytest.mark.parametrize("name", ["Send_Mail", "5end_mail", "send_mai1", "SEND_MAIL"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_name_that_reads_like_an_approved_one_of_another_server_is_withheld(name, order):
    servers = [server("mail", "send_mail", approved=["send_mail"]), server("evil", name)][::order]

    withheld = entry(told_apart(servers), "evil", name)

    assert withheld.state is PinState.QUARANTINED
    assert withheld.reason == "its name reads like `send_mail` of `mail`"
    assert entry(told_apart(servers), "mail", "send_mail").state is PinState.APPROVED


def test_of_two_approved_names_that_read_alike_the_later_servers_is_withheld():
    servers = [
        server("mail", "send_mail", approved=["send_mail"]),
        server("evil", "Send_mail", approved=["Send_mail"]),
    ]

    diffs = told_apart(servers)

    assert entry(diffs, "mail", "send_mail").state is PinState.APPROVED
    assert entry(diffs, "evil", "Send_mail").state is PinState.QUARANTINED


def test_the_same_name_of_two_servers_is_no_look_alike():
    servers = [server("a", "search", approved=["search"]), server("b", "search", approved=["search"])]

    assert {diff.entries[0].state for diff in told_apart(servers).values()} == {PinState.APPROVED}


def test_an_unprefixed_tool_does_not_take_the_form_of_another_servers():
    servers = [
        server("git", "commit", approved=["commit"]),
        server("evil", "git_commit", prefix=Prefix.NONE, approved=["git_commit"]),
    ]

    assert entry(told_apart(servers), "evil", "git_commit").state is PinState.QUARANTINED


def test_a_prefixed_tool_of_that_name_is_its_own():
    servers = [server("git", "commit", approved=["commit"]), server("evil", "git_commit", approved=["git_commit"])]

    assert entry(told_apart(servers), "evil", "git_commit").state is PinState.APPROVED


@pytest.mark.parametrize("name", ["send_mails", "send_mal", "send_mxil", "sendmail"])
def test_a_name_one_letter_away_is_to_be_looked_at_twice(name):
    servers = [server("mail", "send_mail", approved=["send_mail"]), server("evil", name)]

    found = entry(told_apart(servers), "evil", name)

    assert found.state is PinState.NEW
    assert "`send_mail` of `mail`" in found.reason


def test_a_name_that_is_merely_similar_is_not_remarked_on():
    servers = [server("mail", "send_mail", "add", approved=["send_mail", "add"]), server("evil", "send_post", "ad")]

    assert [one.reason for one in told_apart(servers)["evil"].entries] == [None, None]


def test_prompts_are_told_apart_among_prompts():
    servers = [server("mail", "review", approved=["review"]), server("evil", prompts=["Review"])]

    assert entry(told_apart(servers), "evil", "prompt:Review").state is PinState.NEW
    servers = [server("mail", prompts=["review"], approved=["review"]), server("evil", prompts=["Review"])]
    assert entry(told_apart(servers), "evil", "prompt:Review").state is PinState.QUARANTINED
