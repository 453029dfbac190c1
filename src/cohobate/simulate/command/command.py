"""A program outside that turns a candidate into numbers: files are written, it runs, files are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from keyword import iskeyword
from pathlib import Path
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.identity import code_hash
from cohobate.core.problem import Output
from cohobate.simulate.command.checks import check
from cohobate.simulate.command.folder import Keep
from cohobate.simulate.command.once import Job, evaluated
from cohobate.simulate.command.program import (
    INHERITED,
    Shell,
    arguments_of,
    check_environment,
    environment,
    found,
)
from cohobate.simulate.command.read.reading import Reading
from cohobate.simulate.command.running import Limits
from cohobate.simulate.command.sources import Given, Source, sources_of
from cohobate.simulate.command.template import Template

Reader = Reading | Callable[[Path], Any]


@final
@dataclass(frozen=True, eq=False)
class Command:
    """A simulator that is an external program: it reads files and writes files.

    Each evaluation has a fresh directory. ``files`` are written there: text and ``Path`` are templates with
    places for parameters (``co.Template``), bytes and ``co.Copy`` are data. ``argv`` is the program and its
    arguments, which may have places too; no shell looks at them (``co.Shell`` is a line for one). Once the
    program has ended with an exit code in ``ok``, ``read`` makes the outputs of what it wrote: readers of
    ``co.read``, or functions of the directory; ``"stdout"`` and ``"stderr"`` are files like others.

    The program sees ``env`` and what ``inherit`` names of our environment (patterns such as ``"LC_*"``). After
    ``deadline`` (s), or when the evaluation is cancelled, it is asked to end together with everything below
    it, and is killed after ``grace`` (s). ``keep`` says which directories stay: within that of the attempt in
    a campaign with a run folder, else in ``directory`` (default: among temporary files). ``version`` stands
    for the program itself, which is not looked at.

    >>> from cohobate.simulate.command.read import regex
    >>> double = Command(["cat", "in"], files={"in": "y = {x}\\n"}, read={"y": regex("stdout", r"y = (\\S+)")})
    >>> double(x=0.25)
    {'y': 0.25}
    """

    argv: Sequence[str] | Shell
    files: Mapping[str, Given] = field(default_factory=dict, repr=False)
    read: Mapping[str, Reader] = field(default_factory=dict, repr=False)
    units: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    inherit: Sequence[str] = field(default=INHERITED, repr=False)
    deadline: float | None = None
    grace: float = 1.0
    keep: Keep = "failed"
    directory: str | Path | None = None
    ok: Sequence[int] = (0,)
    version: str | None = None
    name: str = ""

    arguments: tuple[Template, ...] = field(init=False, repr=False)
    sources: Mapping[str, Source] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        arguments = arguments_of(self.argv)
        own = {
            "argv": self.argv if isinstance(self.argv, Shell) else tuple(one.text for one in arguments),
            "env": check_environment(self.env),
            "inherit": tuple(self.inherit),
            "ok": tuple(self.ok),
            "name": self.name or ("sh" if isinstance(self.argv, Shell) else os.path.basename(arguments[0].text)),
            "arguments": arguments,
            "sources": sources_of(self.files),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)
        check(self)
        object.__setattr__(self, "__signature__", _signature(self.uses))
        object.__setattr__(self, "__name__", self.name)

    def __call__(self, /, **params: Any) -> dict[str, Any]:
        """Runs the program for these parameters, and returns the outputs by name."""
        job = self._job(params)
        directory = None if self.directory is None else Path(self.directory).absolute()
        return evaluated(job, Limits(self.deadline, self.grace), directory, self.keep)

    def _job(self, params: Mapping[str, Any]) -> Job:
        texts, argv = self.render(params), self.line(params)
        env = environment(self.env, self.inherit)
        argv[0] = found(argv[0], self.sources, env.get("PATH", os.defpath))
        return Job(self.name, argv, self.sources, texts, env, self.read, self.ok)

    def render(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Returns the texts of the input files; raises where a parameter is missing or cannot be written."""
        return {name: one.render(params) for name, one in self.sources.items() if isinstance(one, Template)}

    def line(self, params: Mapping[str, Any]) -> list[str]:
        """Returns the program and its arguments."""
        return [one.render(params) for one in self.arguments]

    @property
    def uses(self) -> tuple[str, ...]:
        """The parameters that it has places for; of nested ones the first name."""
        templates = [*self.arguments, *(one for one in self.sources.values() if isinstance(one, Template))]
        return tuple(sorted({name.partition(".")[0] for one in templates for name in one.uses}))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it returns, with units."""
        return tuple(Output(name, unit=self.units.get(name, "")) for name in self.read)

    def recipe(self) -> str:
        """Returns what tells whether it is the same simulator: all that decides upon what comes out."""
        arguments = [one.describe() for one in self.arguments]
        readers = {
            name: one.describe() if isinstance(one, Reading) else code_hash(one) for name, one in self.read.items()
        }
        return content_hash(["command", self.version, arguments, self.sources, readers, self.env, self.ok])


def _signature(names: Sequence[str]) -> Signature:
    if any(map(iskeyword, names)):  # such as lambda, which no signature can have
        return Signature([Parameter("params", Parameter.VAR_KEYWORD)])
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY) for name in names])
