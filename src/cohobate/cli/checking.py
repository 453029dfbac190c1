"""Tries the terms of a fit, and shows what goes in and what comes out, before anything is spent."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import cohobate.cli.engine_tables as toml
from cohobate.cli.building import build
from cohobate.cli.fit_tables import Fit
from cohobate.cli.fitting import Fitting, Group, blaming_term, fitting_of
from cohobate.cli.probing import asked, compared, loss_of, probe
from cohobate.cli.reading import find
from cohobate.cli.reporting import table
from cohobate.core.errors import CohobateError, ConfigError
from cohobate.core.protocols import Engine
from cohobate.engines import processes
from cohobate.fit.term import Term
from cohobate.host.cores import usable
from cohobate.view.text import duration, number, shown

PATIENCE = 600.0
"""Seconds for a term without a deadline: somebody waits for it."""
HEADS = ("quantity", "value", "unit", "target", "sigma", "residual")
STEPS = 10
"""Steps that a fit by least squares usually takes; each evaluates every free parameter, and itself."""


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What the terms of one table take, as far as one of them tells."""

    terms: int
    seconds: float


def check(folder: Path, *, every: bool = False, keep: bool = False) -> None:
    """Evaluates the first term of each ``[[term]]`` (or all) at the start of the fit, and prints what that takes.

    Raises ``CohobateError`` at the first thing that does not work. Nothing is recorded. Where the programs ran is
    removed unless ``keep``, or where one fails.
    """
    place = find(folder)
    file, config = place.need_config()
    if not isinstance(config, Fit):
        raise ConfigError(f"{file}: cohobate check tries the terms of a fit; for other campaigns: cohobate doctor")
    job = build(file, place.run, config)
    fit = fitting_of(file, _keeping(config) if keep else config)
    fit.need_programs()
    print(
        f"{shown(job.title, 60)}: one evaluation of {'every term' if every else 'each [[term]]'}, nothing is recorded"
    )
    costs: list[Cost] = []
    with _workshop(keep=keep) as work, processes(1) as engine:
        for group in fit.groups:
            costs += _group(fit, group, engine, work, every=every)
    print(f"\n{_estimate(fit, costs)}")


def _keeping(config: Fit) -> Fit:
    """Returns the same fit with programs whose directories stay."""
    return config.model_copy(update={"term": [term.model_copy(update={"keep": "always"}) for term in config.term]})


def _group(fit: Fitting, group: Group, engine: Engine, work: Path, *, every: bool) -> Iterator[Cost]:
    tried = group.terms if every else group.terms[:1]
    for term in tried:
        seconds = _tried(fit, group, term, engine, work / _folder(term.name))
        if not group.wish.validation:
            yield Cost(1 if every else len(group.terms), seconds)
    if len(tried) < len(group.terms):
        print(f"  and {len(group.terms) - 1} more of these; cohobate check --all tries them too")


def _tried(fit: Fitting, group: Group, term: Term, engine: Engine, folder: Path) -> float:
    """Evaluates a term at the start of the fit and prints what that took; returns the seconds."""
    params = fit.parameters.nested(fit.parameters.start)
    print(f"\nterm {shown(term.name, 80)}")
    with blaming_term(fit.file, term.name):
        for line in asked(term, params):
            print(line)
        probed = probe(term, params, engine, folder, term.deadline or fit.config.campaign.deadline or PATIENCE)
        print(f"  ran        {_seconds(probed.seconds)}{f', in {folder}' if folder.exists() else ''}")
        loss = loss_of(term, probed.quantities)
        for line in table([HEADS, *compared(term, probed.quantities, group.units)]):
            print(f"  {line}")
        print(f"  loss       {number(loss)}")
    return probed.seconds


def _estimate(fit: Fitting, costs: Sequence[Cost]) -> str:
    """Returns the line that says how long the fit may take."""
    terms, work = sum(cost.terms for cost in costs), sum(cost.terms * cost.seconds for cost in costs)
    free, most = len(fit.parameters.free), fit.config.campaign.goal.evaluations
    usual = STEPS * (free + 1)
    evaluations = usual if most is None else min(usual, most)
    told = f"all works; {_many(terms, 'term')} take {_seconds(work)} of work at each of some {evaluations} candidates"
    workers = _workers(fit.config.engine)
    if workers is None:
        return told
    longest = max(cost.seconds for cost in costs) * evaluations / (free + 1)
    return f"{told}: {_seconds(max(evaluations * work / workers, longest))} on {_many(workers, 'worker')}"


def _workers(engine: toml.Engine) -> int | None:
    """Returns how many terms are evaluated at once; ``None`` where another machine knows that."""
    match engine:
        case toml.Inline():
            return 1
        case toml.Processes() | toml.Threads() | toml.Loky():
            return engine.workers or usable()
    return None


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)


def _folder(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "-", name).strip(".-")[:60] or "term"


@contextmanager
def _workshop(*, keep: bool) -> Iterator[Path]:
    """Makes a folder for programs to run in; it stays where something fails, and holds something."""
    work = Path(tempfile.mkdtemp(prefix="cohobate-check-"))
    try:
        yield work
    except CohobateError:
        keep = True
        raise
    finally:
        if not keep or not any(path.is_file() for path in work.rglob("*")):
            shutil.rmtree(work, ignore_errors=True)
