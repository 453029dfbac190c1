"""Bodies in processes of their own: killed, restarted from the log, told to end, left without a driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cohobate as co
from cohobate.campaign.replay import replay
from cohobate.core.errors import GeneratorError
from cohobate.host.census import census
from cohobate.ledger.reader import open_reader
from faults.harness import wait_until


def alive(pid: int) -> bool:
    """Whether a process has not ended."""
    return any(one.pid == pid for one in census())


def counted(folder: Path) -> int:
    with open_reader(folder) as reader:
        return reader.tally.counted


LINE = co.Problem({"x": co.Real(-1, 1)}, (co.Output("f", "minimize"),))


def square(x: float) -> float:
    return x * x


def descend(steer: co.Steer, rng, flags: str, deaths: tuple[int, ...]) -> dict[str, object]:
    """Walks downhill; dies once before each of the steps named."""
    where, found = 1.0, []
    for step in range(12):
        if step in deaths and not Path(flags, str(step)).exists():
            Path(flags, str(step)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (result,) = steer.evaluate([{"x": where + float(rng.uniform(-0.1, 0.0))}])
        where = result.trial.inputs["x"]
        found.append((result.trial.id, result["f"]))
    return {"found": found, "power": steer.call(pow, 2, 10).result(), "drawn": steer.once(lambda: 3.5)}


def run(folder: Path | None, flags: Path, deaths: tuple[int, ...] = (), *, apart: bool = True) -> co.Campaign:
    flags.mkdir(exist_ok=True)
    body = co.persistent(descend, problem=LINE, seed=5, apart=apart)
    return co.Campaign(body(flags=str(flags), deaths=deaths), square, co.threads(2), run=folder)


@pytest.mark.parametrize("kept", [False, True])
def test_one_that_is_killed_goes_on_by_its_log_as_if_nothing_had_happened(tmp_path, kept):
    calm = run(None, tmp_path / "flags", apart=False).run()
    killed = run(tmp_path / "run" if kept else None, tmp_path / "flags", (0, 4, 9)[: 2 if kept else 3]).run()
    assert killed.value == calm.value
    assert [(row["id"], row["x"], row["f"]) for row in killed.table()] == [
        (row["id"], row["x"], row["f"]) for row in calm.table()
    ]
    assert killed.tally.counted == 12


def test_it_can_be_replayed(tmp_path):
    run(tmp_path / "run", tmp_path / "flags").run()
    body = co.persistent(descend, problem=LINE, seed=5)(flags=str(tmp_path / "flags"), deaths=())
    other = co.persistent(descend, problem=LINE, seed=6)(flags=str(tmp_path / "flags"), deaths=())
    with open_reader(tmp_path / "run") as reader:
        assert replay(reader, body, LINE).difference is None
        assert replay(reader, body, LINE).trials == 12
        assert "trial 0" in str(replay(reader, other, LINE).difference)


def test_one_that_always_dies_ends_the_campaign_with_one_line():
    def dies(steer):
        os._exit(3)

    with pytest.raises(GeneratorError, match="its process died 3 times at the same place"):
        co.Campaign(co.persistent(dies, problem=LINE, apart=True), square, co.threads(1)).run()


def test_what_it_raises_ends_the_campaign():
    def raises(steer):
        steer.evaluate([{"x": 0.5}])
        raise ZeroDivisionError("over there")

    with pytest.raises(GeneratorError, match="ZeroDivisionError: over there"):
        co.Campaign(co.persistent(raises, problem=LINE, apart=True), square, co.threads(1)).run()


def test_a_call_that_makes_no_sense_is_an_exception_there():
    def asks(steer):
        try:
            steer.suggest([{"y": 0.5}])
        except GeneratorError as error:
            return str(error)

    result = co.Campaign(co.persistent(asks, problem=LINE, apart=True), square, co.threads(1)).run()
    assert "expected the variables ['x'], got ['y']" in result.value


def endless(steer: co.Steer) -> list[int]:
    done = []
    try:
        while True:
            done += [result.trial.id for result in steer.evaluate([{"x": 0.5}])]
    except co.Closed:
        steer.revise(0, last=len(done))
        return done


def test_it_is_told_to_end_and_what_it_returns_then_is_kept():
    result = co.Campaign(co.persistent(endless, problem=LINE, apart=True), square, co.threads(1)).run(co.evaluations(5))
    assert result.value == [0, 1, 2, 3, 4]
    assert result.table()[0]["last"] == 5


def test_one_that_does_not_end_is_killed_after_its_grace(tmp_path):
    def stays(steer, file):
        import time

        Path(file).write_text(str(os.getpid()))
        while True:
            try:
                steer.evaluate([{"x": 0.5}])
            except co.Closed:
                time.sleep(600)

    body = co.persistent(stays, problem=LINE, apart=True, grace=0.2)(file=str(tmp_path / "pid"))
    result = co.Campaign(body, square, co.threads(1)).run(co.evaluations(3))
    assert result.tally.counted == 3
    assert result.value is None
    assert not alive(int((tmp_path / "pid").read_text()))


PROGRAM = """
import os, signal, sys
import cohobate as co

def body(steer, file):
    open(file, "w").write(str(os.getpid()))
    for i in range(3):
        steer.evaluate([{"x": 0.5}])
    import time
    time.sleep(600)

problem = co.Problem({"x": co.Real(-1, 1)}, (co.Output("f", "minimize"),))
print(co.Campaign(co.persistent(body, problem=problem, apart=True)(file=sys.argv[1]), lambda x: x, co.inline(),
                  run=sys.argv[2]).run())
"""


def test_it_does_not_outlive_its_driver(tmp_path):
    source = str(Path(co.__file__).parents[1])
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "pid"), str(tmp_path / "run")]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": source}) as driver:
        wait_until(lambda: (tmp_path / "run" / "campaign.db").exists() and counted(tmp_path / "run") == 3)
        body = int((tmp_path / "pid").read_text())
        assert alive(body)
        driver.kill()
    wait_until(lambda: not alive(body))
