"""`[[labels]]` and `[[upstreams.tools]]`: each key changes what a session learns, or what it is asked about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import Json, Label, OperatorError, Principal
from holdfast.server.config import load_settings
from tests.integration.flow.desk import Desk, desk_serving

from .world import World, code, listening, opened

pytestmark = pytest.mark.anyio
BOTH = (Label.PRIVATE, Label.UNTRUSTED)
TAINTED = "policy/ask-tainted-egress"
PROMPTED = "policy/ask-untrusted-consequence"

LABELS = """
[workspace]
root = "workspace"
[[egress]]
host = "127.0.0.1"
scheme = "http"
port = WEB
unsafe_allow_network = "127.0.0.0/8"
[[egress]]
host = "localhost"
scheme = "http"
port = WEB
unsafe_allow_network = "127.0.0.0/8"
[[labels]]
path = "inbox/**"
is = ["untrusted"]
[[labels]]
path = "open/**"
is = ["public"]
[[labels]]
host = "127.0.0.1"
is = ["trusted"]
[[labels]]
upstream = "vouched"
is = ["public", "trusted"]
[[labels]]
upstream = "secret"
is = ["private"]
[[labels]]
upstream = "some"
tool = "ma*"
is = ["trusted"]
[[labels]]
upstream = "folders"
argument = "folder"
values = ["Newsletters", "lists/*"]
is = ["untrusted"]
"""
READING = ("vouched", "silent", "some")
OTHERS = """
[[upstreams]]
name = "secret"
url = "URL"
effects = ["read_untrusted"]
[[upstreams]]
name = "folders"
url = "URL"
effects = ["read_private"]
"""
TOOLS = """
[[labels]]
upstream = "post"
argument = "to"
values = ["*@ours.example"]
is = ["trusted"]
[[labels]]
upstream = "bare"
argument = "to"
values = ["*@ours.example"]
is = ["trusted"]

[[upstreams]]
name = "post"
url = "URL"
effects = ["read_untrusted"]
[[upstreams.tools]]
name = "contacts"
effects = ["read_private"]
[[upstreams.tools]]
name = "mail"
reads = ["mail/{folder}"]
[[upstreams.tools]]
name = "get_note"
reads = ["note/{id}"]
[[upstreams.tools]]
name = "set_note"
effects = ["write"]
writes = ["note/{id}"]
[[upstreams.tools]]
name = "draft"
effects = ["write"]
writes = ["draft/{result.id}"]
staged = true
[[upstreams.tools]]
name = "send_draft"
effects = ["write", "egress"]
writes = ["sent"]
carries = ["draft/{id}"]
decisive = []
[[upstreams.tools]]
name = "pay"
effects = ["spend"]
writes = ["paid"]
decisive = ["to"]
[[upstreams.tools]]
name = "send"
effects = ["write", "egress"]
writes = ["sent"]
receivers = ["to"]
[[upstreams.tools]]
name = "event"
effects = ["write", "egress", "read_private"]
when = [
  { argument = "attendees", effects = ["egress"] },
  { argument = "visibility", values = ["public*"], effects = ["egress"] },
  { argument = "title", effects = ["read_private"] },
]
reads = []
writes = ["event"]
staged = true

[[upstreams]]
name = "bare"
url = "URL"
effects = ["read_untrusted"]
[[upstreams.tools]]
name = "set_note"
effects = ["write"]
[[upstreams.tools]]
name = "draft"
effects = ["write"]
writes = ["draft/{result.id}"]
[[upstreams.tools]]
name = "send_draft"
effects = ["write", "egress"]
writes = ["sent"]
decisive = []
[[upstreams.tools]]
name = "pay"
effects = ["spend"]
writes = ["paid"]
[[upstreams.tools]]
name = "send"
effects = ["write", "egress"]
writes = ["sent"]
[[upstreams.tools]]
name = "event"
effects = ["write", "egress"]
writes = ["event"]
staged = true
[[upstreams]]
name = "wide"
url = "URL"
effects = ["read_untrusted"]
[[upstreams.tools]]
name = "set_note"
effects = ["write"]
writes = ["note/{id}"]
"""


@pytest.fixture(scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with desk_serving() as one:
        yield one


@pytest.fixture(scope="module")
async def labelled(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> AsyncIterator[tuple[World, int]]:
    """A house with rows of `[[labels]]`, and the port of a page that every name of this machine leads to."""
    folder = tmp_path_factory.mktemp("labels")
    for name in ("inbox", "open", "other"):
        (folder / "workspace" / name).mkdir(parents=True)
        (folder / "workspace" / name / "a.txt").write_text("words")
    reading = "".join(
        f'[[upstreams]]\nname = "{name}"\nurl = "URL"\neffects = ["read_private", "read_untrusted"]\n'
        for name in READING
    )
    with listening() as web:
        text = (LABELS + reading + OTHERS).replace("URL", desk.url).replace("WEB", str(web.port))
        async with opened(folder, text) as world:
            for name in (*READING, "secret", "folders"):
                await world.house.upstreams.approve(name, ())
            yield world, web.port


@pytest.fixture(scope="module")
async def tools(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> AsyncIterator[World]:
    """A house with three entries for one server: `post` says everything, the others leave something out."""
    async with opened(tmp_path_factory.mktemp("tools"), TOOLS.replace("URL", desk.url)) as world:
        for name in ("post", "bare", "wide"):
            await world.house.upstreams.approve(name, ())
        yield world


async def learned(world: World, tool: str, arguments: dict[str, Json]) -> set[str]:
    """What a fresh session has learned after one call that ran."""
    who = await world.minted()
    assert code(await world.call(tool, arguments, who=who)) == "ok"
    return await world.labels(who)


async def test_a_path_says_what_reading_files_there_teaches(labelled) -> None:
    world, _ = labelled

    assert await learned(world, "file_read", {"path": "inbox/a.txt"}) == {"private", "untrusted"}
    assert await learned(world, "file_read", {"path": "other/a.txt"}) == {"private"}


async def test_a_host_says_what_fetching_from_it_teaches(labelled) -> None:
    world, port = labelled

    assert await learned(world, "http_fetch", {"url": f"http://127.0.0.1:{port}/"}) == set()
    assert await learned(world, "http_fetch", {"url": f"http://localhost:{port}/"}) == {"untrusted"}


async def test_an_upstream_says_what_its_tools_teach(labelled) -> None:
    world, _ = labelled

    assert await learned(world, "vouched__contacts", {}) == set()
    assert await learned(world, "silent__contacts", {}) == {"private", "untrusted"}


async def test_a_tool_says_which_of_them(labelled) -> None:
    world, _ = labelled

    assert await learned(world, "some__mail", {"folder": "x"}) == {"private"}
    assert await learned(world, "some__contacts", {}) == {"private", "untrusted"}


async def test_an_argument_says_what_is_looked_at(labelled) -> None:
    world, _ = labelled

    assert await learned(world, "folders__mail", {"folder": "Newsletters"}) == {"private", "untrusted"}
    assert await learned(world, "folders__get_note", {"id": "Newsletters"}) == {"private"}


async def test_values_say_what_is_looked_for(labelled) -> None:
    world, _ = labelled

    for value, labels in (("lists/x", BOTH), ("newsletters", BOTH), ("friends", BOTH[:1])):
        assert await learned(world, "folders__mail", {"folder": value}) == set(labels)


async def test_each_word_of_is_adds_a_label_or_takes_it_away(labelled) -> None:
    world, port = labelled

    assert "untrusted" in await learned(world, "file_read", {"path": "inbox/a.txt"})
    assert "private" not in await learned(world, "file_read", {"path": "open/a.txt"})
    assert "untrusted" not in await learned(world, "http_fetch", {"url": f"http://127.0.0.1:{port}/"})
    assert "private" in await learned(world, "secret__contacts", {})


async def test_an_entry_is_for_the_tool_of_its_name(tools: World) -> None:
    assert await learned(tools, "post__contacts", {}) == {"private"}
    assert await learned(tools, "post__all_notes", {}) == {"untrusted"}


async def test_effects_of_a_tool_stand_over_those_of_its_upstream(tools: World) -> None:
    assert await learned(tools, "post__contacts", {}) == {"private"}
    assert await learned(tools, "bare__contacts", {}) == {"untrusted"}
    assert await learned(tools, "post__mail", {"folder": "a row without effects"}) == {"untrusted"}


async def become(world: World, tool: str, arguments: dict[str, Json], who: Principal) -> str:
    return code(await world.call(tool, arguments, who=who))


async def test_the_argument_of_a_condition_brings_its_effects(tools: World) -> None:
    tainted = await tools.minted(*BOTH)
    alone: dict[str, Json] = {"visibility": "mine"}

    assert await become(tools, "post__event", alone, tainted) == "ok"
    assert await become(tools, "post__event", alone | {"attendees": "eve"}, tainted) == TAINTED
    assert await become(tools, "bare__event", alone, tainted) == TAINTED


async def test_the_values_of_a_condition_say_which_bring_them(tools: World) -> None:
    tainted = await tools.minted(*BOTH)

    assert await become(tools, "post__event", {"visibility": "mine"}, tainted) == "ok"
    assert await become(tools, "post__event", {"visibility": "public"}, tainted) == TAINTED
    assert await become(tools, "post__event", {"visibility": "publicly"}, tainted) == TAINTED


async def test_the_effects_of_a_condition_are_the_ones_it_brings(tools: World) -> None:
    assert await learned(tools, "post__event", {"title": "lunch"}) == {"private"}
    assert await learned(tools, "post__event", {"attendees": "ann"}) == set()


async def test_reads_are_the_places_whose_labels_are_learned(tools: World) -> None:
    writer = await tools.minted(Label.PRIVATE)
    for upstream in ("post", "wide"):
        assert await become(tools, f"{upstream}__set_note", {"id": "read", "text": "x"}, writer) == "ok"

    assert await learned(tools, "post__get_note", {"id": "read"}) == {"private", "untrusted"}
    assert await learned(tools, "post__get_note", {"id": "another"}) == {"untrusted"}
    assert await learned(tools, "wide__get_note", {"id": "another"}) == {"private", "untrusted"}


async def test_writes_are_the_places_that_keep_the_labels(tools: World) -> None:
    writer = await tools.minted(Label.PRIVATE)
    assert await become(tools, "bare__set_note", {"id": "written", "text": "x"}, writer) == "ok"
    assert await become(tools, "post__set_note", {"id": "written", "text": "x"}, writer) == "ok"

    assert await learned(tools, "post__get_note", {"id": "nobody's"}) == {"untrusted"}
    assert await learned(tools, "bare__get_note", {"id": "nobody's"}) == {"private", "untrusted"}


async def test_carries_is_what_leaves_without_being_shown(tools: World) -> None:
    writer, sender = await tools.minted(Label.PRIVATE), await tools.minted(Label.UNTRUSTED, request="send my draft")
    for upstream, sent in (("post", TAINTED), ("bare", "ok")):
        drafted = await tools.call(f"{upstream}__draft", {"to": "ann", "text": "x"}, who=writer)
        assert drafted.structured is not None
        assert await become(tools, f"{upstream}__send_draft", {"id": drafted.structured["id"]}, sender) == sent


async def test_what_is_staged_runs_whoever_prompted_it(tools: World) -> None:
    prompted = await tools.minted(Label.UNTRUSTED)

    assert await become(tools, "post__draft", {"text": "x"}, prompted) == "ok"
    assert await become(tools, "bare__draft", {"text": "x"}, prompted) == PROMPTED


async def test_decisive_arguments_are_the_ones_that_the_user_must_have_said(tools: World) -> None:
    paying = {"to": "carl@elsewhere.example", "amount": "12"}
    for upstream, paid in (("post", "ok"), ("bare", PROMPTED)):
        prompted = await tools.minted(Label.UNTRUSTED, request="pay carl@elsewhere.example what he asks")
        assert await become(tools, f"{upstream}__pay", paying, prompted) == paid


async def test_receivers_are_the_ones_that_may_be_on_the_list(tools: World) -> None:
    telling = {"to": "bob@ours.example", "text": "what was read"}
    for upstream, sent in (("post", "ok"), ("bare", TAINTED)):
        tainted = await tools.minted(*BOTH, request="tell bob@ours.example")
        assert await become(tools, f"{upstream}__send", telling, tainted) == sent


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ('[[labels]]\nis = ["private"]', "exactly one of"),
        ('[[labels]]\npath = "a"\nhost = "b"\nis = ["private"]', "exactly one of"),
        ('[[labels]]\npath = "a"\ntool = "b"\nis = ["private"]', "go with `upstream`"),
        ('[[labels]]\nupstream = "u"\nargument = "to"\nis = ["private"]', "go together"),
        ('[[labels]]\nupstream = "u"\nvalues = ["x"]\nis = ["private"]', "go together"),
        ('[[labels]]\npath = "a"', "`labels.0.is`"),
        ('[[labels]]\npath = "a"\nis = []', "`labels.0.is`"),
        ('[[labels]]\npath = "a"\nis = ["secret"]', "`labels.0.is"),
        ('[[labels]]\npath = "a"\nis = ["private", "public"]', "a word and its opposite"),
        ('[[labels]]\npath = "a"\nis = ["private"]\nsays = ["private"]', "unknown key `labels.0.says`"),
        ('[[upstreams.tools]]\nname = "a"\neffects = ["all"]', "`upstreams.0.tools.0.effects.0`"),
        ('[[upstreams.tools]]\nname = "a"\nstaged = true', "`staged` needs `writes`"),
        ('[[upstreams.tools]]\nname = "a"\nstaged = true\neffects = []\nwrites = ["b"]', "do not have `write`"),
        (
            '[[upstreams.tools]]\nname = "a"\neffects = []\nwhen = [{ argument = "b", effects = ["egress"] }]',
            "`when` names an effect",
        ),
        ('[[upstreams.tools]]\nname = "a"\nwhen = [{ argument = "b", effects = [] }]', "effects"),
        ('[[upstreams.tools]]\nname = "a"\nreads = ["a{b"]', "place template `a{b`"),
        ('[[upstreams.tools]]\nname = "a"\nwrites = ["../a"]', "place template `../a`"),
        ('[[upstreams.tools]]\nname = "a"\ncarries = ["a/{result.id}"]', "place template `a/{result.id}`"),
        ('[[upstreams.tools]]\nname = "a"\n[[upstreams.tools]]\nname = "a"', "have the same `name`"),
        ('[[upstreams.tools]]\nname = "a"\nwritten = ["a"]', "`upstreams.0.tools.0.written`"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, rows: str, why: str) -> None:
    file = tmp_path / "holdfast.toml"
    server = '[[upstreams]]\nname = "u"\ncommand = ["x"]\n'
    file.write_text(server + rows)

    with pytest.raises(OperatorError) as wrong:
        load_settings(file)

    assert why in wrong.value.message
    assert "\n" not in wrong.value.message
