"""The shared page: who may still start what."""

from __future__ import annotations

import os
import time

import pytest

from cohobate.worker.page import Page, shared_file


@pytest.fixture
def sides() -> tuple[Page, Page]:
    descriptor = shared_file()
    pages = Page(descriptor), Page(descriptor)
    os.close(descriptor)
    return pages


def test_the_driver_sees_what_runs_and_since_when(sides: tuple[Page, Page]):
    driver, worker = sides
    assert driver.running() == 0
    before = time.monotonic()
    assert worker.begin(5)
    assert driver.running() == 5
    assert before <= driver.since() <= time.monotonic()
    worker.finish()
    assert driver.running() == 0


def test_what_is_being_loaded_has_not_begun(sides: tuple[Page, Page]):
    driver, worker = sides
    assert worker.begin(5)
    worker.put_off(60)
    assert driver.running() == 5
    assert driver.since() > time.monotonic() + 50
    worker.put_off(0)
    assert driver.since() <= time.monotonic()


def test_a_flag_is_for_one_task(sides: tuple[Page, Page]):
    driver, worker = sides
    driver.flag(5)
    assert [worker.flagged(number) for number in (4, 5, 6)] == [False, True, False]


def test_what_is_taken_back_does_not_start(sides: tuple[Page, Page]):
    driver, worker = sides
    assert worker.begin(3)
    driver.take_back(6)
    worker.finish()
    assert [worker.begin(number) for number in (4, 5, 6, 7)] == [False, False, False, True]
    driver.take_back(9)
    assert [worker.begin(number) for number in (8, 9, 10)] == [False, False, True]
