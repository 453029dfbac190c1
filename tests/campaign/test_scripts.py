"""Campaigns in plain scripts: without a guard of the main module, and in those that use asyncio already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

BLOCKING = """
import cohobate as co

offset = 0.25

def f(x):
    return (x - offset) ** 2

result = co.Campaign(co.RandomSampler({"x": co.Real(-1, 1)}, minimize="f"), f, co.processes(2)).run(co.evaluations(20))
print(result.tally.values, all(row["f"] == (row["x"] - 0.25) ** 2 for row in result.table()))
"""

AWAITING = """
import asyncio
import cohobate as co

async def f(x):
    await asyncio.sleep(0.001)
    return x

async def main():
    ticks = 0
    handle = co.Campaign(co.RandomSampler({"x": co.Real(-1, 1)}, minimize="f"), f, ntasks=4).start(co.evaluations(20))
    while not handle.done():
        ticks += 1
        await asyncio.sleep(0.001)
    print((await handle).tally.values, ticks > 1)

asyncio.run(main())
"""

SHARING = """
import cohobate as co

@co.cached
def g(n):
    with open("LOG", "a") as file:
        file.write(f"{n} ")
    return n**2

def f(x):
    return g(int(x)) + x % 1

co.Campaign(co.Grid({"x": co.Real(0, 2)}, 30, minimize="f"), f, co.processes(2)).run()
"""

WATCHING = """
import cohobate as co

sampler = co.RandomSampler({"x": co.Real(-1, 1)}, minimize="f")
handle = co.Campaign(sampler, abs, co.threads(2)).start(co.evaluations(20))
co.watch(handle)
"""


def run(tmp_path: Path, text: str) -> list[str]:
    script = tmp_path / "script.py"
    script.write_text(dedent(text))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("text", [BLOCKING, AWAITING])
def test_a_script_needs_nothing_special(tmp_path: Path, text: str):
    assert run(tmp_path, text) == ["20 True"]


def test_workers_of_a_script_share_what_is_cached(tmp_path: Path):
    run(tmp_path, SHARING.replace("LOG", str(tmp_path / "log")))
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2"]


def test_a_script_may_show_how_it_stands(tmp_path: Path):
    last = run(tmp_path, WATCHING)[-1]
    assert last.startswith("campaign: 20 of 20 done, stopped")
    assert "(" not in last or "trial" in last
