"""The fault table: each scenario adds a row, and ``pytest tests/faults`` prints them all at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from faults.auditing import Audit
from faults.harness import Job, Plan

COLUMNS = (
    "runs",
    "kills",
    "finished before",
    "lost",
    "duplicates",
    "orphans",
    "late starts",
    "missing",
    "reruns",
    "completed",
    "makespan/ideal",
)
AUDITED = ("lost", "duplicates", "missing", "reruns")
ROW = "fault table"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Makes ``job(plan, name)``, and ends what a failed test leaves behind."""
    if sys.platform != "linux":
        pytest.skip("finds what is left of a driver in /proc")
    made: list[Job] = []

    def make(plan: Plan, name: object = "job") -> Job:
        made.append(Job(tmp_path / str(name), plan))
        return made[-1]

    yield make
    for each in made:
        each.abandon()


@pytest.fixture
def row(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Adds ``row(name, remark, audits=[...], column=value, ...)``, a space or stroke in a column as an underscore."""

    def add(name: str, remark: str = "", audits: Sequence[Audit] = (), **cells: object) -> None:
        summed = {key: sum(getattr(each, key) for each in audits) for key in AUDITED if audits}
        known = [column.replace(" ", "_").replace("/", "_") for column in COLUMNS]
        assert cells.keys() <= set(known)
        record_property(ROW, [name, *(str((summed | cells).get(key, "-")) for key in known), remark])

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for how in ("passed", "failed") for report in terminalreporter.getreports(how)]
    rows = [value for report in reports for name, value in report.user_properties if name == ROW]
    if not rows:
        return
    table = [["scenario", *COLUMNS, "remarks"], *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    terminalreporter.section("faults as measured")
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        terminalreporter.write_line("  ".join(cells).rstrip())
