"""A file that is made once, however many ask, and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cohobate.host.once import awaited_once, once

HOLDER = """
import sys, time
from pathlib import Path
from cohobate.host.once import once

def make():
    print("making", flush=True)
    time.sleep(600)

once(Path(sys.argv[1]), make)
"""


def test_one_makes_it_and_all_get_it(tmp_path: Path):
    made = []
    waiting = threading.Barrier(8)

    def make() -> bytes:
        made.append(1)
        return b"content"

    def ask(_: int) -> bytes:
        waiting.wait(10)
        return once(tmp_path / "deep" / "file", make)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {b"content"}
    assert made == [1]
    assert (tmp_path / "deep").stat().st_mode & 0o077 == 0


def test_what_raises_is_not_kept(tmp_path: Path):
    def boom() -> bytes:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        once(tmp_path / "file", boom)
    assert once(tmp_path / "file", lambda: b"2") == b"2"
    assert once(tmp_path / "file", boom) == b"2"


@pytest.mark.parametrize("cut", [0, 10, 64, 65, 66])
def test_a_file_that_was_cut_short_is_made_again(tmp_path: Path, cut: int):
    path = tmp_path / "file"
    once(path, lambda: b"one and only")
    path.write_bytes(path.read_bytes()[:cut])
    assert once(path, lambda: b"again") == b"again"
    assert once(path, lambda: b"never") == b"again"


def test_a_longer_file_of_another_is_overwritten_whole(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    assert once(path, lambda: b"short") == b"short"
    assert path.stat().st_size == 65 + 5


def test_one_who_is_killed_while_making_it_lets_go(tmp_path: Path):
    path = tmp_path / "file"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "making\n"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(once, path, lambda: b"mine")
        assert not asked.done()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        holder.stdout.close()
        assert asked.result(10) == b"mine"


def test_coroutines_wait_for_each_other_and_the_loop_goes_on(tmp_path: Path):
    made, ticks = [], []

    async def main() -> list[bytes]:
        go_on = asyncio.Event()

        async def make() -> bytes:
            made.append(1)
            await go_on.wait()
            return b"content"

        async def tick() -> None:
            for i in range(5):
                ticks.append(i)
                await asyncio.sleep(0)
            go_on.set()

        return (await asyncio.gather(*(awaited_once(tmp_path / "file", make) for _ in range(5)), tick()))[:5]

    assert asyncio.run(main()) == [b"content"] * 5
    assert (made, ticks) == ([1], [0, 1, 2, 3, 4])


def test_a_coroutine_that_is_cancelled_lets_go(tmp_path: Path):
    async def main() -> bytes:
        entered = asyncio.Event()

        async def never() -> bytes:
            entered.set()
            await asyncio.Event().wait()
            return b""

        async def make() -> bytes:
            return b"other"

        first = asyncio.create_task(awaited_once(tmp_path / "file", never))
        await entered.wait()
        second = asyncio.create_task(awaited_once(tmp_path / "file", make))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(main()) == b"other"


def test_where_nothing_can_be_written_it_is_made_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "wall").write_text("no folder")
    assert once(tmp_path / "wall" / "file", lambda: b"made") == b"made"
    assert "cannot be written" in caplog.text
