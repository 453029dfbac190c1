"""What the documentation says is what there is: commands, public names, keys of campaign.toml, links between pages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

import cohobate
from cohobate.cli import config, engine_tables, fit_tables
from cohobate.cli.main import app

DOCS = Path(__file__).parents[2] / "docs"
FILES = [path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts]
PAGES = {str(path.relative_to(DOCS)): path.read_text() for path in FILES}
COMMANDS = set(typer.main.get_command(app).commands)
REFERENCE = "\n".join(text for name, text in PAGES.items() if name.startswith("reference/"))
TOML = PAGES["reference/toml.md"]
FIT = PAGES["reference/fit-toml.md"]
FIT_REST = {
    "params": {"x": 1.0},
    "term": [{"name": "one", "python": "a:b", "target": 1.0}],
}
REST = {"campaign": {"goal": {"evaluations": 1}}, "generator": {"kind": "random"}, "simulator": {"use": "a:b"}}
TABLES = {
    "`[campaign]`": (config.Campaign,),
    "`goal`": (config.Goal,),
    "`retries`": (config.Retries,),
    "`failure_budget`": (config.FailureBudget,),
    "`[generator]`": (config.Active, config.Random, config.Sobol, config.Latin, config.Grid),
    "`[variables]`": (config.Real, config.Integer, config.Choice, config.Constant),
    "`[outputs]`": (config.Output,),
    "`[fidelity]`": (config.Fidelity,),
    "`[simulator]`": (config.Simulator,),
    "`[engine]`": (engine_tables.Processes, engine_tables.Dask, engine_tables.Slurm, engine_tables.Pbs),
}
FIT_TABLES = {
    "`[params]`": (fit_tables.Parameter,),
    "`prior`": (fit_tables.Gaussian, fit_tables.Laplace, fit_tables.Box),
    "`[[term]]`": (fit_tables.Term,),
    "`read`": (fit_tables.Read,),
    "`[optimizer]`": (fit_tables.Optimizer,),
}


def blocks(language):
    """Returns (page, text) of the fenced blocks of a language; their options are left out."""
    fence = re.compile(rf"^```(?:\{{code-block\}} )?{language}\n(?::.*\n)*(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(page, match[1]) for page, text in PAGES.items() for match in fence.finditer(text)]


def sections(page):
    """Returns the parts of a page on campaign.toml by their headings; a part ends where any other begins."""
    parts = re.split(r"^#{1,3} (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("page", "block"), blocks("toml"))
def test_examples_of_campaign_toml_are_valid(page, block):
    shown = tomllib.loads(block)
    if fit_tables.is_fit(shown) or "resources" in shown:
        assert fit_tables.Fit.model_validate(fit_tables.flattened({**FIT_REST, **shown}))
        return
    read = config.Config.model_validate({**REST, **shown})
    for table, keys in shown.items():
        known = getattr(read, table)
        assert (known.model_fields_set if isinstance(known, BaseModel) else known.keys()) == set(keys)


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_of_campaign_toml_is_explained(heading):
    explained = set(re.findall(r"`(\w+)`", sections(TOML)[heading]))
    keys = {key for table in TABLES[heading] for key in table.model_fields}
    assert keys - {"kind", "site"} <= explained


@pytest.mark.parametrize("heading", FIT_TABLES)
def test_every_key_of_a_fit_is_explained(heading):
    explained = set(re.findall(r"`(\w+)`", sections(FIT)[heading]))
    keys = {field.alias or name for table in FIT_TABLES[heading] for name, field in table.model_fields.items()}
    assert keys - {"kind"} <= explained


def test_every_table_of_a_fit_is_explained():
    explained = set(re.findall(r"^#{2,3} `\[*(\w+)\]*`$", FIT, re.MULTILINE))
    assert (set(fit_tables.Fit.model_fields) - {"engine"}) | {"resources"} <= explained
    kinds = {table.model_fields["kind"].annotation.__args__[0] for table in FIT_TABLES["`prior`"]}
    assert {kind for kind in kinds if f'"{kind}"' not in FIT} == set()


def test_every_table_and_kind_of_campaign_toml_is_explained():
    assert {f"`[{name}]`" for name in config.Config.model_fields} <= set(TABLES)
    kinds = {table.model_fields["kind"].annotation.__args__[0] for table in (*TABLES["`[generator]`"], *engines())}
    assert {kind for kind in kinds if f'"{kind}"' not in TOML} == set()


def engines():
    """Returns the tables of all kinds of engines."""
    return [t for t in vars(engine_tables).values() if isinstance(t, type) and "kind" in getattr(t, "model_fields", {})]


def test_every_command_has_a_section():
    assert set(re.findall(r"^## (\w+)$", PAGES["reference/cli.md"], re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_mentioned_exist(page):
    mentioned = set(re.findall(r"(?<!import )\bcohobate (\w+)", "\n".join(code_of(PAGES[page]))))
    assert mentioned <= COMMANDS


def code_of(text):
    """Returns what is set as code in a page, in lines and in blocks of commands."""
    fenced = [block for _, block in blocks("console") if block in text]
    return [line[2:] for block in fenced for line in block.splitlines() if line.startswith("$ ")] + re.findall(
        r"(?<!`)`([^`\n]+)`(?!`)", text
    )


@pytest.mark.parametrize("name", [name for name in cohobate.__all__ if name != "__version__"])
def test_public_names_are_described_and_in_the_reference(name):
    assert (getattr(cohobate, name).__doc__ or "").strip()
    assert re.search(rf"(:: cohobate\.{name}\b|`co\.{name}`)", REFERENCE)


MODULES = ["chem", "dynamics", "engines", "optimisers", "read"]


@pytest.mark.parametrize("module", [getattr(cohobate, name) for name in MODULES], ids=MODULES)
def test_modules_are_in_the_reference(module):
    for name in module.__all__:
        assert re.search(rf":: (cohobate\.{name}|{module.__name__}\.{name})\b", REFERENCE), name


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_exist(page):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", PAGES[page])
    listed = re.findall(r"^```\{toctree\}\n(?:.*\n)*?\n((?:.+\n)+)```", PAGES[page], re.MULTILINE)
    pages = [f"{line}.md" for lines in listed for line in lines.split()]
    assert [link for link in (*links, *pages) if not (DOCS / page).parent.joinpath(link).is_file()] == []
