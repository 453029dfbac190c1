"""Runs the blocks of one page in order, in a folder of their own, as a program: reads and writes JSON.

Python blocks share one namespace, as in a notebook; of the last expression what a notebook would show is kept.
Standard library only, so that a page shows what a reader's own session shows.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import linecache
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import CodeType

LIMIT = 240
"""Seconds for one command."""
PATIENCE = 60.0
"""Seconds after which Ctrl-C is pressed in any case, and for what it stops."""
HOME = Path.cwd()
"""The folder of the page; its blocks may go elsewhere."""
Shown = dict[str, str]
"""``{"text": ...}``, ``{"html": ...}``, ``{"image": path}``, ``{"page": path}``, or ``{"error": ...}``."""


def run(blocks: list[dict[str, str]], namespace: dict[str, object]) -> list[list[Shown]]:
    """Returns what each block shows; stops at the first that ends otherwise than it should."""
    shown: list[list[Shown]] = []
    for n, block in enumerate(blocks):
        shown.append(perform(n, block, namespace))
        if any("error" in one for one in shown[-1]):
            break
    return shown


def perform(n: int, block: dict[str, str], namespace: dict[str, object]) -> list[Shown]:
    """Returns what one block shows: a file is written, commands and Python are run."""
    match block["kind"]:
        case "file":
            path = Path(block["file"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"] + "\n", encoding="utf-8")
            return []
        case "console":
            return console(block["text"], fails=block["fails"] == "yes")
        case "terminal":
            return terminal(n, block["text"])
        case "made":
            return [kept(n, block["file"])]
    return python(n, block["text"], namespace, fails=block["fails"] == "yes")


def console(text: str, *, fails: bool) -> list[Shown]:
    """Runs the lines after each ``$`` and returns the transcript; of those that fail the last one does."""
    lines: list[str] = []
    wanted = commands(text)
    for n, command in enumerate(wanted, 1):
        lines.append(f"$ {command}")
        code, output = shell(command)
        lines += output.rstrip("\n").splitlines()
        if bool(code) is not (fails and n == len(wanted)):
            return [{"error": f"exit code {code} of {command!r}:\n{output[-2000:]}"}]
    return [{"text": tidy("\n".join(lines))}]


def terminal(n: int, text: str) -> list[Shown]:
    """Runs a command in a terminal until Ctrl-C is pressed; shows the panel before and the lines after it."""
    from terminal import interrupted, picture

    [command] = commands(text)
    panel, after, code = interrupted(command, PATIENCE)
    if not panel or not code:
        return [{"error": f"exit code {code} of {command!r}, which was to be interrupted; after it:\n{after}"}]
    picture(panel, command, HOME / f"terminal-{n}.svg")
    return [{"image": f"terminal-{n}.svg"}, {"text": tidy(after)}]


def kept(n: int, file: str) -> Shown:
    """Returns a copy of a file as it is now: later blocks may write it anew."""
    if not (HOME / file).is_file():
        return {"error": f"the page has made no file {file}"}
    copy = HOME / "made" / str(n) / Path(file).name
    copy.parent.mkdir(parents=True)
    shutil.copyfile(HOME / file, copy)
    return {"image" if copy.suffix != ".html" else "page": str(copy.relative_to(HOME))}


def tidy(text: str) -> str:
    """Returns text in which nothing tells where this page was made."""
    package = importlib.util.find_spec("cohobate")
    home = str(Path(package.origin).parents[1]) if package and package.origin else sys.prefix
    return text.replace(f"{HOME}/", "").replace(home, "...").replace(sys.prefix, "...").rstrip()


def shell(command: str) -> tuple[int, str]:
    """Runs a command in bash and stays where it leads; returns the exit code and what it prints."""
    with tempfile.TemporaryFile("w+") as place:
        ended = subprocess.run(
            ["bash", "-c", f"{command}\ncode=$?; pwd >&{place.fileno()}; exit $code"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=LIMIT,
            pass_fds=[place.fileno()],
            check=False,
        )
        place.seek(0)
        os.chdir(place.read().strip() or ".")
    return ended.returncode, ended.stdout


def commands(text: str) -> list[str]:
    """Returns the commands of a console block: a line after ``$``, and those that follow a backslash."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif found and found[-1].endswith("\\"):
            found[-1] += "\n" + line
    return found


def python(n: int, text: str, namespace: dict[str, object], *, fails: bool) -> list[Shown]:
    """Runs a block and returns what it prints, what its last expression is, and the figures left open."""
    printed, value = io.StringIO(), None
    name = f"<block {n}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            body, last = parts(text, name)
            exec(body, namespace)
            value = eval(last, namespace) if last else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 what a block raises is what it shows
        if fails:
            return [*said(printed), {"text": tidy("".join(traceback.format_exception_only(error)))}]
        return [{"error": traceback.format_exc()}]
    if fails:
        return [{"error": "expected this block to raise"}]
    return [*said(printed), *representation(n, value)]


def parts(text: str, name: str) -> tuple[CodeType, CodeType | None]:
    """Returns the code of all statements but a last expression, and that of the expression."""
    tree = ast.parse(text, name)
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return compile(tree, name, "exec"), None
    last = ast.Expression(tree.body.pop().value)
    return compile(tree, name, "exec"), compile(last, name, "eval")


def said(printed: io.StringIO) -> list[Shown]:
    """Returns what was printed, if anything was."""
    return [{"text": tidy(printed.getvalue())}] if printed.getvalue().strip() else []


def representation(n: int, value: object) -> list[Shown]:
    """Returns how a notebook shows a value."""
    if value is None:
        return []
    if type(value).__module__ == "matplotlib.figure":
        name = f"figure-{n}.svg"
        value.savefig(HOME / name, bbox_inches="tight")
        return [{"image": name}]
    html = getattr(value, "_repr_html_", None)
    return [{"html": html()}] if html and html() else [{"text": tidy(repr(value))}]


def main() -> None:
    """Reads blocks from stdin; writes what they show to stdout."""
    os.environ["MPLBACKEND"] = "agg"
    namespace = vars(sys.modules["__main__"])
    blocks = json.load(sys.stdin)
    out = sys.stdout
    out.write(json.dumps(run(blocks, namespace)))


if __name__ == "__main__":
    main()
