"""The facts of where a call's paths lead, as the workspace itself resolves them."""

from typing import Final

from .declared import Fact, Judging, Kind, Trust

WORKSPACE: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.workspace",
        name="text",
        kind=Kind.TEXT,
        says="every path-like argument that leads into the workspace, from its root, links followed, not folded; each"
        " between `/` and `/`, one a line",
        source="the workspace",
        trust=Trust.READ,
        read=lambda judging: "\n".join(f"/{one}/" if one else "/" for one in judging.locations.real),
    ),
    Fact(
        holder="context.workspace",
        name="count",
        kind=Kind.WHOLE,
        says="how many",
        source="the workspace",
        trust=Trust.READ,
        read=lambda judging: len(judging.locations.real),
    ),
    Fact(
        holder="context.workspace",
        name="outside",
        kind=Kind.TRUTH,
        says="at least one leads out, or nobody can tell where it leads; an upstream's paths are its own and count so",
        source="the workspace",
        trust=Trust.READ,
        read=lambda judging: judging.locations.outside,
    ),
)
