"""The command of a stdio server as it is typed here, as one that can be started behind the fence. Starts nothing."""

import os
from collections.abc import Sequence
from pathlib import Path

from holdfast.contracts import InvalidRequest

from ..importing import Located, NotTaken, Places, locate, refuse_outside
from ..terminal import TALK, plain


def located_here(command: Sequence[str], *, near: bool = True) -> Located:
    """*command* with everything that is named from here named in full, and installed programs for `npx` and `uvx`.

    *near* says whether packages that are installed in this folder count.

    Raises: InvalidRequest when it is not installed, or starts a server where no fence is.
    """
    if not command:
        raise InvalidRequest("give the server's command after `--`")
    places = Places(home=Path.home(), project=Path.cwd(), variables=os.environ, near=near)
    try:
        refuse_outside(command[0])
        found = locate(command[0], command[1:], places)
    except NotTaken as why:
        raise InvalidRequest(why.reason, remedy=why.remedy.replace(", and import again", ", then this again")) from None
    for note in found.notes:
        TALK.print(f"[yellow]note[/]: {plain(note)}")
    return found
