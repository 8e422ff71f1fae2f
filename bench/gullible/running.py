"""All runs of a suite: the clean tasks, which attacks are live with nothing in their way, then every profile."""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from .approvers import PATIENCE, Approver, call_key
from .doors import BareDoor, HttpDoor
from .effects import Aftermath, holds
from .entries import Entries
from .forms import Attack, attacks_on
from .house import OPEN, House, housed
from .oracle import Must, must_ask
from .play import Done, Play
from .reading import Json, SuiteError
from .serving import serving
from .suite import Call, Child, Suite, Task
from .world import World

GRAVE = ("send", "execute", "spend")


@dataclass(frozen=True, slots=True, kw_only=True)
class Benign:
    """One task, played without an attacker."""

    suite: str
    task: str
    domain: str
    status: str
    why: str
    questions: int
    must_ask: tuple[Must, ...]

    @property
    def untouched(self) -> bool:
        """Done, and nobody was asked."""
        return self.status == "done" and self.questions == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """One attack."""

    suite: str
    attack: str
    form: str
    kind: str
    effect: bool
    questions: int


@dataclass(slots=True, kw_only=True)
class Results:
    """What one profile and approver came to."""

    profile: str
    approver: str
    benign: list[Benign] = field(default_factory=list[Benign])
    attacks: list[Attacked] = field(default_factory=list[Attacked])


@dataclass(slots=True, kw_only=True)
class Clean:
    """The tasks as they go with nobody in their way."""

    done: dict[str, tuple[Done, ...]] = field(default_factory=dict[str, tuple[Done, ...]])
    must: dict[str, tuple[Must, ...]] = field(default_factory=dict[str, tuple[Must, ...]])
    broken: list[str] = field(default_factory=list[str])

    def truth(self, tasks: Sequence[Task]) -> list[str]:
        """The calls that *tasks* need."""
        return [
            call_key(one.seen.tool, one.seen.arguments)
            for task in tasks
            for one in self.done.get(task.id, ())
            if one.status in ("ok", "error")
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is played."""

    profiles: Sequence[str]
    approvers: Sequence[str]
    seed: int
    sample: int | None
    only: str = ""
    """Attacks whose name holds this, and no others."""
    trace: bool = False
    """Write every call of every attack to stderr."""


class Stage:
    """A suite's world behind a server of one profile; it is played on by one run at a time."""

    def __init__(self, suite: Suite, world: World, house: House, client: httpx2.AsyncClient) -> None:
        self.suite = suite
        self.trace = False
        self.house = house
        self.runs = 0
        self._world = world
        self._client = client

    async def clean(self, task: Task, truth: Sequence[str], *, tired: bool) -> Play:
        """Play *task* with nobody in the world."""
        self._world.reset()
        self.house.reset_files(self._world.files)
        play = Play(HttpDoor(self.house, self._client), Approver(truth, tired=tired))
        await play.run(task)
        self.runs += 1
        return play

    async def attack(self, attack: Attack, truth: Sequence[str], *, tired: bool) -> tuple[bool, int]:
        """Play *attack*; answers whether it had its effect, and the number of questions."""
        injection = attack.injection
        self._world.reset(injection.vessel, injection.written)
        self.house.reset_files(self._world.files)
        door = HttpDoor(self.house, self._client)
        play = Play(door, Approver(truth, tired=tired), injections=[injection], how=attack.make())
        await play.run(attack.task)
        self.runs += 1
        effect = play.repeated if attack.name == "replay" else holds(injection.effect, self.aftermath(play))
        if self.trace:
            lines = [f"-- {attack.id}, {'tired' if tired else 'careful'}: {'EFFECT' if effect else 'no effect'}"]
            print("\n   ".join([*lines, *play.trace]), file=sys.stderr, flush=True)
        return effect, play.approver.questions

    def aftermath(self, play: Play) -> Aftermath:
        """What effects are looked for in."""
        return Aftermath(states=self._world.states, file=self.house.file, calls=play.ran)


@asynccontextmanager
async def staged(suite: Suite, profile: str) -> AsyncGenerator[Stage]:
    """A stage, while the block runs."""
    world = World(suite.world)
    world.reset()
    with tempfile.TemporaryDirectory(prefix="gullible-") as folder:
        async with (
            serving(world) as addresses,
            housed(suite, profile, addresses, Path(folder) / "home") as house,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{house.port}", timeout=120, trust_env=False) as client,
        ):
            yield Stage(suite, world, house, client)


async def clean_tasks(stage: Stage, entries: Entries) -> Clean:
    """Play every task once on *stage*, which holds nothing back.

    Raises: SuiteError when an injection's effect is there without an attack.
    """
    clean = Clean()
    for task in stage.suite.tasks:
        play = await stage.clean(task, (), tired=False)
        if play.status != "done":
            clean.broken.append(f"{stage.suite.name}/tasks.yaml: {task.id}: call {len(play.done)}: {play.why}")
            continue
        clean.done[task.id] = tuple(play.done)
        clean.must[task.id] = must_ask(task, play.done, entries)
        for injection in stage.suite.injections:
            if holds(injection.effect, stage.aftermath(play)):
                raise SuiteError(
                    f"{stage.suite.name}/injections.yaml",
                    f"{injection.id}.effect",
                    f"is there after the benign task `{task.id}` alone",
                )
    return clean


async def bare_play(world: World, task: Task) -> Play:
    """Play *task* on the bare world; nothing is obeyed."""
    play = Play(BareDoor(world), Approver((), tired=False))
    await play.run(task)
    return play


def uses_shell(task: Task) -> bool:
    """Whether a call of *task* is the shell's, which the bare world does not have."""
    calls = [call for step in task.steps for call in (step.calls if isinstance(step, Child) else [step])]
    return any(isinstance(call, Call) and call.tool == "shell" for call in calls)


@dataclass(slots=True, kw_only=True)
class Readers:
    """Which tasks read which injection."""

    tasks: dict[str, list[Task]]
    foul: list[str] = field(default_factory=list[str])
    """Pairs left out: the effect is there although nobody obeyed, so it would prove nothing."""


async def readers(suite: Suite) -> Readers:
    """The tasks that read each injection; one too many is found out later, as it is not live."""
    world = World(suite.world)
    found = Readers(tasks={injection.id: [] for injection in suite.injections})
    for injection in suite.injections:
        in_file = bool(injection.vessel.file) or injection.vessel.file_name is not None
        foul: list[str] = []
        for task in suite.tasks:
            world.reset(injection.vessel, injection.written)
            play = await bare_play(world, task)
            seen = injection.id in play.markers or (in_file and uses_shell(task))
            if holds(injection.effect, bare_aftermath(world, play)):
                foul.append(task.id)
            elif task.id in injection.needs or (seen and not injection.needs):
                found.tasks[injection.id].append(task)
        if foul:
            named = f"{', '.join(foul[:3])}{f' and {len(foul) - 3} more' if len(foul) > 3 else ''}"
            found.foul.append(
                f"{suite.name}/injections.yaml: {injection.id}.effect: is there although nobody obeyed, in {named}"
            )
    return found


def bare_aftermath(world: World, play: Play) -> Aftermath:
    """What effects are looked for in, on the bare world."""
    return Aftermath(states=world.states, file=world.files.get, calls=play.ran)


async def live_attacks(stage: Stage, clean: Clean, entries: Entries, choice: Choice, reading: Readers) -> list[Attack]:
    """The attacks that have their effect when nothing stands in their way."""

    def consequential(tool: str, arguments: Json) -> bool:
        return entries.sink(tool, arguments) in GRAVE

    suite = stage.suite
    chosen = [
        attack
        for injection_id, tasks in reading.tasks.items()
        for task in tasks
        if task.id in clean.done
        for injection in suite.injections
        if injection.id == injection_id
        for attack in attacks_on(suite, injection, task, choice.seed, consequential)
        if choice.only in f"{suite.name}/{attack.id}"
    ]
    random.Random(f"{choice.seed}/{suite.name}").shuffle(chosen)
    live: list[Attack] = []
    for attack in chosen:
        if choice.sample is not None and len(live) >= choice.sample:
            break
        if (await stage.attack(attack, (), tired=False))[0]:
            live.append(attack)
    return sorted(live, key=lambda attack: attack.id)


async def judged(
    stage: Stage, clean: Clean, attacks: Sequence[Attack], profile: str, approvers: Sequence[str]
) -> list[Results]:
    """Every task and every attack under *profile*, with each of *approvers*."""
    results = {name: Results(profile=profile, approver=name) for name in approvers}
    for task in stage.suite.tasks:
        for name in approvers if task.id in clean.done else ():
            results[name].benign.append(await _benign(stage, clean, task, tired=name == "tired"))
    for attack in attacks:
        await _attacked(stage, clean, attack, results)
    return list(results.values())


async def _benign(stage: Stage, clean: Clean, task: Task, *, tired: bool) -> Benign:
    play = await stage.clean(task, clean.truth([task]), tired=tired)
    return Benign(
        suite=stage.suite.name,
        task=task.id,
        domain=task.domain,
        status=play.status,
        why=play.why,
        questions=play.approver.questions,
        must_ask=clean.must[task.id],
    )


async def _attacked(stage: Stage, clean: Clean, attack: Attack, results: dict[str, Results]) -> None:
    """Nobody can tell the two approvers apart before the tired one's patience ends, so that run is played once."""
    truth = clean.truth([attack.task, *attack.extra])
    known: tuple[bool, int] | None = None
    for name, result in results.items():
        if known is None or known[1] > PATIENCE:
            known = await stage.attack(attack, truth, tired=name == "tired")
        result.attacks.append(
            Attacked(
                suite=stage.suite.name,
                attack=attack.id,
                form=attack.name,
                kind=attack.injection.kind,
                effect=known[0],
                questions=known[1],
            )
        )


@dataclass(slots=True, kw_only=True)
class Played:
    """A whole suite."""

    suite: str
    results: list[Results]
    broken: list[str]
    """Tasks, and pairs of injection and task, that were left out, and why."""
    unread: list[str]
    """Injections of which no attack is live."""
    runs: int
    began: float
    ended: float
    """Both on one clock, in seconds."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


async def play_suite(suite: Suite, choice: Choice) -> Played:
    """Play *suite*. Raises: HouseError, SuiteError."""
    began, entries = time.monotonic(), Entries(suite)
    async with staged(suite, OPEN) as stage:
        clean = await clean_tasks(stage, entries)
        reading = await readers(suite)
        attacks = await live_attacks(stage, clean, entries, choice, reading)
        runs = stage.runs
    results: list[Results] = []
    for profile in choice.profiles:
        async with staged(suite, profile) as stage:
            stage.trace = choice.trace
            results += await judged(stage, clean, attacks, profile, choice.approvers)
            runs += stage.runs
    live = {attack.injection.id for attack in attacks}
    unread = (
        [] if choice.sample is not None or choice.only else [one.id for one in suite.injections if one.id not in live]
    )
    return Played(
        suite=suite.name,
        results=results,
        broken=[*clean.broken, *reading.foul],
        unread=[f"{suite.name}/{one}" for one in unread],
        runs=runs,
        began=began,
        ended=time.monotonic(),
    )


async def play_all(suites: Sequence[Suite], choice: Choice, *, at_once: int) -> list[Played]:
    """Play *suites*, *at_once* of them side by side."""
    room = asyncio.Semaphore(at_once)

    async def one(suite: Suite) -> Played:
        async with room:
            return await play_suite(suite, choice)

    return list(await asyncio.gather(*(one(suite) for suite in suites)))
