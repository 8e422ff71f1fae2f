"""Ways round the labels that were open once, each as a short program: what broke is minimised and kept here."""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Json

from .flow_agents import POOLS, READING, Both, Call, Pick, Program, Redeem, Rule, Step
from .flow_disk import LOOKS_SECRET
from .flow_tools import PLANS

MAIN, SIBLING, UNBOUND = 0, 3, 4


def tool(kind: str, *, answers: str = "structured", **entry: Json) -> str:
    """The tool of server `w` that does *kind*, with all of *entry* said of it."""
    return str(
        next(
            plan.name
            for plan in PLANS
            if (plan.kind, plan.server, plan.answers) == (kind, "w", answers)
            and all(plan.entry.get(key) == value for key, value in entry.items())
        )
    )


def of(who: int, tool: int, *picks: Pick, key: int | None = None) -> Call:
    """A call of the cast's *who* with the program's *tool*, 0 and 1 being those that read."""
    return Call(who=who, tool=tool, picks=picks, key=key)


def takes(argument: str, value: str) -> Pick:
    """What an agent makes up."""
    return Pick("pool", list(POOLS[argument]).index(value))


def program(tools: tuple[str, ...], *steps: Step) -> Program:
    """The first of the cast reads a secret and a stranger; a sibling knows nothing."""
    return Program(tools=(*READING, *tools), steps=steps, cast=(MAIN, SIBLING))


READ_SECRET: Final = of(0, 0, takes("name", "one"))
READ_STRANGER: Final = of(0, 1, takes("name", "one"))
ALPHA: Final = takes("key", "alpha")
NEW: Final = takes("key", "n1")
AWAY: Final = takes("to", "mallory@evil.example")
CAROL: Final = takes("to", "carol@away.example")
SECRET: Final = Pick("whole", 0)
SAID: Final = Pick("pool", 0)
FORWARDS: Final = ["egress", "write", "read_private"]
ITEM: Final = ["item/{key}"]


def _forwarded(forward: str) -> Program:
    tools = (tool("create"), forward)
    return program(tools, READ_SECRET, READ_STRANGER, of(0, 2, SECRET), of(1, 3, NEW, AWAY))


def _at_once(sink: str, *picks: Pick) -> Program:
    call = of(0, 2, *picks)
    return program((sink,), READ_STRANGER, Both(call, call, 2))


def _file(path: str) -> Pick:
    return takes("path", path)


ROUTES: Final[Mapping[str, Program]] = {
    # A staged draft, forwarded from a clean session by a tool that reads what it sends.
    "forward": _forwarded(tool("carry", effects=[*FORWARDS], reads=[*ITEM])),
    "forward, reads left out": _forwarded(tool("carry", effects=[*FORWARDS], reads=None)),
    "forward without write": _forwarded(tool("carry", effects=["egress", "read_private"])),
    "carried by reference": _forwarded(tool("carry", carries=[*ITEM])),
    # Posted by a tool that both sends and reads: what it posts stays there, and another reads it.
    "posted": program(
        (tool("post"), tool("room")),
        READ_SECRET,
        of(0, 2, takes("room", "inner"), SECRET),
        of(1, 3, takes("room", "inner")),
    ),
    # An error of a tool that only writes quotes what stands there.
    "quoted by an error": program(
        (tool("put", writes=[*ITEM]), tool("fail", writes=[*ITEM])),
        READ_SECRET,
        of(0, 2, ALPHA, SECRET),
        of(1, 3, ALPHA, SAID),
    ),
    # `Notes.md` is new and folds to the place of `notes.md`, which is somebody's.
    "another file of the same place": program(
        ("file_write",), READ_STRANGER, of(0, 2, _file("Notes.md"), SAID), of(0, 2, _file("notes.md"), SAID)
    ),
    # The name of a folder is a message.
    "a folder's name": program(
        ("file_write", "file_list"), READ_STRANGER, of(0, 2, _file("deep/new.txt"), SAID), of(1, 3)
    ),
    # A name that is redacted for the model named another place.
    "a redacted name": program(
        ("file_write", "file_list"), READ_STRANGER, of(0, 2, _file(LOOKS_SECRET), SAID), of(1, 3)
    ),
    # Another session gives the key under which this one read on in a kept output.
    "a kept output given again": program(
        ("file_read", "output_read"),
        READ_STRANGER,
        of(0, 2, _file("inbox/mail.txt")),
        of(0, 3, Pick("pool", 1), key=0),
        of(1, 3, Pick("pool", 1), key=0),
    ),
    "an answer given again": program(
        (tool("create"), tool("get", effects=[], reads=[*ITEM])),
        READ_SECRET,
        READ_STRANGER,
        of(0, 2, SECRET),
        of(0, 3, NEW, key=0),
        of(1, 3, NEW, key=0),
    ),
    # The user's word was spent twice by two calls at once.
    "sent twice at once": _at_once(tool("send", receivers=["to"], decisive=["to"]), CAROL, SAID),
    "spent twice at once": _at_once(tool("spend"), CAROL, takes("amount", "4200")),
    "sent twice": program(
        (tool("send", receivers=["to"], decisive=["to"]),),
        READ_STRANGER,
        of(0, 2, CAROL, SAID),
        of(0, 2, CAROL, SAID),
    ),
    "an approval for two at once": program(
        (tool("send", receivers=["to"], decisive=["to"]),),
        READ_SECRET,
        READ_STRANGER,
        of(0, 2, AWAY, SECRET),
        Rule(0, "approve"),
        Both(Redeem(approval=0), Redeem(approval=0), 2),
        Redeem(approval=0),
    ),
    "an approval with other arguments": program(
        (tool("send", receivers=["to"], decisive=["to"]),),
        READ_SECRET,
        READ_STRANGER,
        of(0, 2, AWAY, SECRET),
        Rule(0, "approve"),
        Redeem(approval=0, twist=True),
        Redeem(approval=0, who=1),
        Redeem(approval=0),
    ),
    "an approval under more labels": program(
        (tool("spend"),),
        READ_STRANGER,
        of(0, 2, AWAY, takes("amount", "9")),
        Rule(0, "approve"),
        READ_SECRET,
        Redeem(approval=0),
    ),
}
"""By what it was."""
