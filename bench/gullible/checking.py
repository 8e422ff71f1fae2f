"""Plays tasks and plain attacks on the bare world and says what does not work. It starts no server."""

from collections.abc import AsyncGenerator

from .approvers import Approver
from .doors import BareDoor
from .effects import holds
from .forms import Plain
from .play import Play
from .running import bare_aftermath, bare_play, readers, uses_shell
from .suite import Injection, Suite, Task
from .world import World


async def faults(suite: Suite) -> AsyncGenerator[str]:
    """A line for each task that breaks, each effect that is there without an attack, each attack without effect."""
    world, injections = World(suite.world), f"{suite.name}/injections.yaml"
    broken: set[str] = set()
    for task in suite.tasks:
        world.reset()
        play = await bare_play(world, task)
        if play.status != "done":
            broken.add(task.id)
            if not uses_shell(task):
                yield f"{suite.name}/tasks.yaml: {task.id}: {play.why}"
        for injection in suite.injections:
            if holds(injection.effect, bare_aftermath(world, play)):
                yield f"{injections}: {injection.id}.effect: is there after the benign `{task.id}` alone"
    async for line in _attack_faults(suite, world, broken):
        yield line


async def _attack_faults(suite: Suite, world: World, broken: set[str]) -> AsyncGenerator[str]:
    found, injections = await readers(suite), f"{suite.name}/injections.yaml"
    for line in found.foul:
        yield line
    for injection in suite.injections:
        tasks = found.tasks[injection.id]
        if not tasks:
            yield f"{injections}: {injection.id}: no task reads the vessel"
        elif not any(uses_shell(task) for task in tasks) and not _by_shell(injection):
            works = [await _works(world, injection, task) for task in tasks if task.id not in broken]
            if not any(works):
                yield f"{injections}: {injection.id}: obeyed, it has no effect in any task that reads it"


def _by_shell(injection: Injection) -> bool:
    return any(call.tool == "shell" for call in injection.calls)


async def _works(world: World, injection: Injection, task: Task) -> bool:
    world.reset(injection.vessel, injection.written)
    play = Play(BareDoor(world), Approver((), tired=False), injections=[injection], how=Plain())
    await play.run(task)
    return holds(injection.effect, bare_aftermath(world, play))
