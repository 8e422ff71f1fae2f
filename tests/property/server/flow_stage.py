"""Plays whole programs: in one house, or with the house closed and opened anew half-way."""

from pathlib import Path

from holdfast.contracts import TenantId
from holdfast.server.store import Sessions

from .flow_agents import Program
from .flow_house import House, open_house
from .flow_play import Play


async def play(house: House, tenant: str, program: Program) -> Play:
    """Play *program* to its end, and look at what a server that starts anew would know."""
    one = Play(house=house, tenant=TenantId(tenant), program=program)
    one.begin()
    for step in program.steps:
        await one.step(step)
    await one.hold(Sessions(house.state.store))
    return one


async def play_on(root: Path, program: Program) -> Play:
    """Play half of *program*, close the house, and play the rest in another on the same files."""
    one: Play | None = None
    half = len(program.steps) // 2
    for steps in (program.steps[:half], program.steps[half:]):
        async with open_house(root, store=None) as house:
            if one is None:
                one = Play(house=house, tenant=TenantId("t"), program=program)
                one.begin()
            one.enter(house)
            await one.hold(house.state.sessions)
            for step in steps:
                await one.step(step)
    assert one is not None
    return one
