"""The commands and their options; each imports what it needs when it is called."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cohobate.core.errors import CohobateError, ConfigError

MISUSE = 2
"""Exit code where the command line or campaign.toml is wrong."""
FAILED = 1
"""Exit code where anything else goes wrong."""

app = typer.Typer(
    help="Closed loops of simulations on atoms: propose, simulate, learn.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Option("--folder", "-C", help="The folder of campaign.toml, or a run folder.")]
HERE = Path()


@app.command(context_settings={"ignore_unknown_options": True})
def init(
    template: Annotated[str, typer.Argument(help="What to start from: screen, fit or fit-lammps.")],
    name: Annotated[str | None, typer.Argument(help="The folder to make (default: named like the template).")] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="Add submit scripts and an engine for slurm or pbs.")
    ] = None,
) -> None:
    """Make a folder with a campaign that runs as it is."""
    from cohobate.cli.template import copy

    folder = copy(template, template if name is None else name, Path(), cluster)
    submit = {"slurm": "sbatch", "pbs": "qsub"}.get(cluster or "")
    first = "cohobate check" if template.startswith("fit") else "cohobate run"
    go = f"cd {folder}, set walltime and queue in submit-node.sh, {submit} submit-node.sh"
    print(f"made {folder}; next: {go if submit else f'cd {folder} && {first}'}")


@app.command()
def check(
    folder: Folder = HERE,
    every: Annotated[bool, typer.Option("--all", help="Try every term, not only the first of each table.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directories of programs that worked, too.")] = False,
) -> None:
    """Try the terms of a fit once: what goes in, what comes out, how long it may take. Nothing is recorded."""
    from cohobate.cli.checking import check as attempt

    attempt(folder, every=every, keep=keep)


@app.command()
def run(
    folder: Folder = HERE,
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="Run on this kind of engine instead: processes, mpi, allocation, ..."),
    ] = None,
    accept_new_code: Annotated[
        bool, typer.Option("--accept-new-code", help="Continue although the simulator's code has changed.")
    ] = False,
) -> None:
    """Run the campaign, or continue it, or report it where it has finished."""
    from cohobate.cli.running import run as go

    raise typer.Exit(go(folder, engine=engine, accept_new_code=accept_new_code))


@app.command()
def status(folder: Folder = HERE) -> None:
    """Say how the campaign stands."""
    from cohobate.cli.showing import status as show

    show(folder)


@app.command()
def errors(folder: Folder = HERE) -> None:
    """List what failed, grouped by reason."""
    from cohobate.cli.showing import errors as show

    show(folder)


@app.command()
def show(trial: Annotated[int, typer.Argument(help="The number of the trial.")], folder: Folder = HERE) -> None:
    """Say everything about one trial."""
    from cohobate.cli.showing import show as tell

    tell(folder, trial)


@app.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="Where to write: a file ending in .csv, .jsonl, .parquet, .extxyz or .sdf.")
    ],
    folder: Folder = HERE,
) -> None:
    """Write the trials to a file."""
    from cohobate.cli.showing import export as write

    write(folder, file)


@app.command()
def plot(
    words: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]... [FILE]",
            help="Campaigns to draw over each other (default: this one), and a png, svg or pdf file "
            "(default: KIND.png in the run folder of the first).",
        ),
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="history, time, model, parity, workers or front.")
    ] = "history",
    folder: Folder = HERE,
) -> None:
    """Draw best-so-far against evaluations, or another kind of plot."""
    from cohobate.cli.picturing import plot as draw

    draw(words or [], folder, kind)


@app.command()
def report(
    words: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER] [FILE]",
            help="A campaign (default: this one), and an html file (default: report.html in its run folder).",
        ),
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Write one HTML file about the campaign that needs nothing else to be read."""
    from cohobate.cli.picturing import report as write

    write(words or [], folder)


@app.command()
def replay(folder: Folder = HERE) -> None:
    """Derive every proposal again, and name the first that differs."""
    from cohobate.cli.showing import replay as show

    raise typer.Exit(show(folder))


@app.command()
def snapshot(target: Annotated[Path, typer.Argument(help="The folder to make.")], folder: Folder = HERE) -> None:
    """Copy the run folder as it is now, also while the campaign runs."""
    from cohobate.cli.showing import snapshot as show

    show(folder, target)


@app.command()
def doctor(
    folder: Folder = HERE,
    json: Annotated[bool, typer.Option("--json", help="Print a list of objects instead.")] = False,
) -> None:
    """Say what this machine and a folder can do, and what keeps a campaign from running."""
    from cohobate.cli.doctor import doctor as examine

    raise typer.Exit(examine(folder, json=json))


def main() -> None:
    """Runs the command line; what is wrong is said in one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows few characters gets the rest as escapes
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ConfigError as error:
        _refuse(error, MISUSE)
    except CohobateError as error:
        _refuse(error, FAILED)
    except OSError as error:  # of the terminal or file that is written to; all others are caught where they arise
        _refuse(CohobateError(f"stopped: {error.strerror or error}; what is recorded stays"), FAILED)


def _refuse(error: CohobateError, code: int) -> NoReturn:
    from cohobate.view.text import shown

    print(f"cohobate: {shown(error, 2000)}", file=sys.stderr)
    sys.exit(code)
