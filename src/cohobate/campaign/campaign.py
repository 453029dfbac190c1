"""The public face of the loop: a generator, a simulator, an engine, and where it is recorded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import nan
from pathlib import Path
from socket import gethostname
from typing import Any, final, get_args

from cohobate.campaign.admission import Admission, refuse_of
from cohobate.campaign.cache import Cache
from cohobate.campaign.crew import assemble
from cohobate.campaign.driver import Driver, Orders
from cohobate.campaign.evaluation import Evaluation, Together
from cohobate.campaign.further import Further, further_of, is_onward
from cohobate.campaign.goals import Goal, Goals, as_goal, check_goal
from cohobate.campaign.handle import Handle
from cohobate.campaign.loads import InTurn, Several, Terms
from cohobate.campaign.manifest import write_manifest
from cohobate.campaign.members import Given, describe, finite, honest, lossy, members_of, problem_of, seed_of
from cohobate.campaign.parts.attempts import Parting
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Site
from cohobate.campaign.parts.recorded import recorded
from cohobate.campaign.policy import FailureBudget, Policy, Retries
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.resume import Identity, declare, remember
from cohobate.campaign.session import Session
from cohobate.campaign.sharing import shared_by
from cohobate.campaign.signals import Interrupted, is_interactive, stopping_on_signals
from cohobate.core.canonical import content_hash
from cohobate.core.card import Card, goal_of, space_of
from cohobate.core.errors import GoalError, ProblemError, SimulatorError, UserError
from cohobate.core.events import Opened
from cohobate.core.parts import Composite, Described
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Engine, Generator
from cohobate.core.task import GRACE
from cohobate.core.trial import Inputs
from cohobate.engines import as_engine, coroutines, processes
from cohobate.ledger.codec import check
from cohobate.ledger.database import Durability
from cohobate.ledger.ledger import Ledger, memory_ledger, open_ledger
from cohobate.ledger.spool import discard
from cohobate.simulate.function import Simulator, as_simulator, bind, identity, is_async
from cohobate.simulate.outputs import check_outputs
from cohobate.simulate.vectorised import Vectorised, vectorised
from cohobate.simulate.warm import apart


@dataclass(frozen=True, slots=True)
class Settings:
    """How a campaign treats its evaluations; none of it changes what is proposed.

    ``deadline`` (s) is for one attempt, ``grace`` (s) what it gets after it before it is killed;
    ``drain`` lets what runs finish once the goal is reached, instead of cancelling it. ``needs`` is what
    an evaluation occupies unless its generator says otherwise, such as ``{"cores": 2, "gpu": 1}``.
    ``durability="normal"`` syncs no commit: a power cut may take those since the last checkpoint (about
    4 MB of log), the death of the driver none.
    """

    deadline: float | None = None
    grace: float = GRACE
    retries: Retries = field(default_factory=Retries)
    failure_budget: FailureBudget | int | float | None = field(default_factory=FailureBudget)
    drain: bool = True
    durability: Durability = "full"
    ntasks: int = 16
    needs: Mapping[str, float] = field(default_factory=dict)
    accept_new_code: bool = False
    reuse: Path | None = None

    def __post_init__(self) -> None:
        for name, expected, right in (
            ("deadline", "a positive number of seconds or None", self.deadline is None or _number(self.deadline) > 0),
            ("grace", "seconds of at least 0", _number(self.grace) >= 0),
            ("retries", "Retries(...), for example Retries(raised=2), or None", isinstance(self.retries, Retries)),
            ("durability", "'full' or 'normal'", self.durability in get_args(Durability)),
            ("ntasks", "a whole number of at least 1", isinstance(self.ntasks, int) and _number(self.ntasks) >= 1),
        ):
            if not right:
                raise UserError(f"{name}: expected {expected}, got {getattr(self, name)!r}")

    def policy(self, seed: int) -> Policy:
        """Returns what the scheduler needs to know; ``seed`` spreads the pauses of retries."""
        return Policy(self.retries, _budget(self.failure_budget), seed, self.needs)


@final
class Campaign:
    """A closed loop: ``generator`` proposes, ``simulator`` evaluates on ``engine``, results go back.

    There may be several generators: a mapping of names to generators, or to ``Member``s, which say what
    each is told. What is ``initial`` (``points(...)``, a finite sampler) comes first, and all are told of it.

    ``run`` names the run folder; the same lines with the same folder continue what is there, and
    without one nothing is kept on disk. ``engine`` (default: all cores) may be any engine, or a
    ``concurrent.futures.Executor``; one that was given is never closed. ``problem`` is needed only
    for generators that do not bring it.

    A simulator that is a ``Composite`` is evaluated by its parts, each a call of its own at the engine, to
    which ``deadline`` and ``needs`` then apply. ``reuse`` is a folder for values of parts that have a key, to
    be shared with other run folders and with campaigns that run at the same time.

    Raises ``UserError`` for what cannot work, before anything is evaluated.
    """

    def __init__(  # noqa: PLR0913 every setting by its name, so that a misspelt one is refused
        self,
        generator: Given,
        simulator: Callable[..., Any],
        engine: Engine | Executor | None = None,
        *,
        run: str | Path | None = None,
        initial: Generator | None = None,
        problem: Problem | None = None,
        deadline: float | None = None,
        grace: float = GRACE,
        retries: Retries | None = None,
        failure_budget: FailureBudget | int | float | None = FailureBudget(),  # noqa: B008 frozen value
        drain: bool = True,
        durability: Durability = "full",
        ntasks: int = 16,
        needs: Mapping[str, float] | None = None,
        accept_new_code: bool = False,
        reuse: str | Path | None = None,
    ) -> None:
        self.members = members_of(generator, initial)
        self.problem = problem_of(self.members, problem)
        self.simulator: Simulator = as_simulator(simulator)
        if "\0" in str(run):
            raise UserError(f"run: expected the name of a folder, got {str(run)!r:.80}, which holds a NUL character")
        self.folder = None if run is None else Path(run).absolute()  # a simulator may change the directory
        self.settings = Settings(
            deadline=deadline,
            grace=grace,
            retries=Retries() if retries is None else retries,
            failure_budget=failure_budget,
            drain=drain,
            durability=durability,
            ntasks=ntasks,
            needs=dict(needs or {}),
            accept_new_code=accept_new_code,
            reuse=None if reuse is None else Path(reuse).absolute(),
        )
        self._composite = composite_of(self.simulator, self.settings.reuse)
        self._engine = None if engine is None else as_engine(engine)
        if self._composite is not None and further_of(self._engine) is not None:
            raise UserError(
                f"{self.simulator.name} is made of parts, whose values are numbers; {self._engine!r} takes structures: "
                "give it a function that returns one, or this simulator another engine"
            )
        own, self._let_go = apart(self.simulator)
        self._call = self._called(own)
        check_outputs(self.simulator, self.problem.outputs)
        check_needs(self.settings.needs, self._engine)
        self._fresh = True

    def run(self, goal: Goals | None = None) -> CampaignResult:
        """Runs until the goal holds and returns the result.

        Without a goal only where the generator comes to an end by itself. The first SIGINT or
        SIGTERM lets running evaluations finish for 10 s, the second kills them; the program then
        ends with a line that says how to continue (in a notebook, the partial result is returned).
        """
        if goal is None and not finite(self.members):
            raise GoalError("run() needs a goal such as evaluations(60): this generator never ends by itself")
        session = self._open(goal, None)
        with stopping_on_signals(session.driver.post) as came:
            result = session.run()
        if came and not is_interactive():
            raise Interrupted(f"stopped by {came[0]}: {result}; run the same again to continue")
        return result

    def start(self, goal: Goals | None = None) -> Handle:
        """Starts in the background and returns a handle; without a goal it runs until cancelled."""
        return Handle(self._open(goal, _running_loop()))

    async def arun(self, goal: Goals | None = None) -> CampaignResult:
        """Runs until the goal holds, for use in a running event loop.

        Cancelling it stops the campaign as the first Ctrl-C does, and ends once that has let go of
        its run folder; cancelling it once more does not wait.
        """
        handle = self.start(goal)
        try:
            return await handle
        except asyncio.CancelledError:
            handle.cancel()
            with suppress(Exception):  # of a campaign that nobody waits for any more
                await handle
            raise

    def describe(self) -> dict[str, Plain]:
        """Returns what must be the same for a run to be continued, as plain data."""
        return {"problem": self.problem.describe(), **describe(self.members)}

    def _repr_html_(self) -> str:
        """Returns what it will do as a card for notebooks."""
        problem, settings = self.problem, self.settings
        outputs = [f"{one.name}{f' ({one.unit})' if one.unit else ''}: {goal_of(one)}" for one in problem.outputs]
        kinds = ", ".join(type(member.generator).__name__ for member in self.members.values())
        deadline = "none" if settings.deadline is None else f"{settings.deadline:g} s"
        facts = [
            ("proposes", f"{kinds} over {space_of(problem)}"),
            ("with", ", ".join(f"{key} = {value}" for key, value in self.describe()["generator"]["settings"].items())),
            ("simulates", self.simulator.name),
            ("wanted", "; ".join(outputs)),
            ("engine", "all cores" if self._engine is None else repr(self._engine)),
            ("deadline", deadline),
            ("recorded in", self.folder or "memory, lost with this process"),
        ]
        return Card("Campaign: has run" if not self._fresh else "Campaign: will run", facts).html()

    def identify(self) -> Identity:
        """Returns what a run folder is compared with before it is continued."""
        units = {output.name: output.unit for output in self.simulator.outputs or () if output.unit}
        parts = self._composite
        made_of: Mapping[str, Any] = parts.describe() if isinstance(parts, Described) else {}
        simulator = f"{self.simulator.name} {identity(self.simulator)}"
        if (further := further_of(self._engine)) is not None:  # what the engine does is a part of what is simulated
            made_of = {**made_of, "dynamics": further}
            simulator += f", then {content_hash(further)[:16]}"
        return Identity(self.describe(), simulator, units, made_of)

    def _open(self, goal: Goals | None, loop: asyncio.AbstractEventLoop | None) -> Session:
        if not self._fresh:
            raise UserError("this campaign has run: make it again (with a new generator) to continue it")
        wanted = None if goal is None else self._checked(goal)
        if (wrong := check(self.describe(), name="campaign")) is not None:
            raise ProblemError(f"{wrong}: what a campaign is made of is recorded, so it must be plain data")
        settings = self.settings
        ledger = open_ledger(self.folder, durability=settings.durability) if self.folder else memory_ledger()
        self._fresh = False
        try:
            return self._assemble(wanted, ledger, loop)
        except BaseException:
            ledger.close()
            raise

    def _checked(self, goal: Goals) -> Goal:
        """Returns a goal that this campaign can reach."""
        wanted = as_goal(goal)
        check_goal(wanted, self.problem.output_names)
        kinds = " and ".join(sorted({type(member.generator).__name__ for member in self.members.values()}))
        if wanted.lossy and not lossy(self.members):
            raise GoalError(f"goal {wanted}: {kinds} has no loss")
        if wanted.honest and not honest(self.members):
            raise GoalError(f"goal {wanted}: {kinds} does not predict what comes, so it has no error")
        return wanted

    def _assemble(self, goal: Goal | None, ledger: Ledger, loop: asyncio.AbstractEventLoop | None) -> Session:
        settings, structured = self.settings, self.problem.structured
        seed = seed_of(self.members)
        declared = declare(ledger, self.identify(), accept_new_code=settings.accept_new_code)
        cache = self._cache(ledger, fresh=bool(declared)) if self.simulator.deterministic else None
        folder, shared = ledger.folder, shared_by(ledger.folder)
        evaluation = Evaluation(self._call, self.problem.outputs, folder, ledger.epoch, structured, shared.folder)
        site = Site(folder, ledger.epoch, shared.folder, settings.reuse)
        parting = self._parting(evaluation, site, ledger, fresh=bool(declared))
        kept = None if parting is None or declared else parting.kept
        past = remember(ledger, self.members, settings.policy(seed), structured, cache, parted=kept)
        engine = self._engine or self._own_engine(loop)
        evaluate = evaluation.awaited if is_async(self.simulator) else evaluation
        several = self._several(evaluation)
        evaluate, several = (Further(evaluation), None) if is_onward(engine) else (evaluate, several)
        terms = Terms(evaluate, settings.deadline, settings.grace, settings.needs, several, self.simulator.batch)
        orders = Orders(terms, self.problem, goal, settings.drain, parting)
        admission = Admission(self.problem, refuse_of(engine))
        crew = partial(assemble, self.members, admission, ledger)
        driver = Driver(orders, crew, scheduler=past.scheduler, ledger=ledger, engine=engine)
        opened = Opened(ledger.epoch, driver.now(), gethostname(), os.getpid())
        driver.open([opened, *declared, *past.events], past.spooled)
        if ledger.folder:
            discard(ledger.folder, past.unreadable)
            spool = {"found": len(past.spooled), "taken": past.harvested, "unreadable": len(past.unreadable)}
            session = {"epoch": ledger.epoch, "engine": repr(engine), "spool": spool}
            write_manifest(ledger.folder, seed=seed, session=session)
        ends = (self._let_go, shared.close)
        return Session(driver, self.members, ledger, engine, self._engine is None, str(goal or "until stopped"), ends)

    def _several(self, evaluation: Evaluation) -> Several | None:
        """Returns what evaluates several candidates, if anything does."""
        if isinstance(self._call, Vectorised):
            return Together(evaluation, self._call)
        return None if is_async(self.simulator) else InTurn(evaluation)

    def _called(self, own: Simulator) -> Callable[[Inputs], Payload]:
        """Returns what evaluates a candidate; a set of parts is asked for these instead."""
        if self._composite is not None:
            return own
        call = bind(own, self.problem.names)
        return call if own.batch is None else vectorised(own, call, self.problem)

    def _parting(self, evaluation: Evaluation, site: Site, ledger: Ledger, *, fresh: bool) -> Parting | None:
        """Returns how candidates are evaluated by parts, if they are; nothing is known where all is ``fresh``."""
        if self._composite is None:
            return None
        known = Known(site.reuse)
        past = () if fresh else (event for _, event in ledger.read())
        kept = recorded(past, self._composite, self.problem.structured, known)
        return Parting(self._composite, evaluation.checked, site, known, kept, self.problem.structured)

    def _cache(self, ledger: Ledger, *, fresh: bool) -> Cache:
        """Returns the values known of this simulator; none where it is ``fresh`` in this run folder."""
        return Cache(self.problem.structured, () if fresh else (event for _, event in ledger.read()))

    def _own_engine(self, loop: asyncio.AbstractEventLoop | None) -> Engine:
        return coroutines(loop, ntasks=self.settings.ntasks) if is_async(self.simulator) else processes()


def composite_of(simulator: Simulator, reuse: Path | None) -> Composite | None:
    """Returns a simulator as a set of parts, where it is one; raises ``SimulatorError`` for what cannot be one."""
    composite = simulator.fn
    if not isinstance(composite, Composite):
        if reuse is not None:
            raise UserError(
                f"reuse: {simulator.name} has no parts to be used again; @cached shares parts of a function"
            )
        return None
    for wrong, why in (
        (simulator.batch is not None, "vectorised: leave that out, tiny parts travel together anyway"),
        (is_async(simulator), "async: make its parts plain functions"),
    ):
        if wrong:
            raise SimulatorError(f"{simulator.name} is a set of parts, which cannot be {why}")
    return composite


def check_needs(needs: Mapping[str, float], engine: Engine | None) -> None:
    """Raises ``UserError`` for needs that an engine (``None``: all cores) can never meet."""
    place = processes() if engine is None else engine
    if needs and (wrong := refuse_of(place)(needs)) is not None:
        raise UserError(f"{wrong} ({place!r})")


def _budget(given: FailureBudget | int | float | None) -> FailureBudget | None:
    """Returns a budget from its short forms: a number of failures, or a share of recent evaluations."""
    match given:
        case None | FailureBudget():
            return given
        case bool():
            raise UserError(f"failure_budget: expected a number, a share, a FailureBudget or None, got {given}")
        case int():
            return FailureBudget(count=given)
        case float():
            return FailureBudget(share=given)
    raise UserError(f"failure_budget: expected a number, a share, a FailureBudget or None, got {given!r}")


def _number(value: object) -> float:
    """Returns a number as it is, and NaN, which no limit lets pass, for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else nan


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
