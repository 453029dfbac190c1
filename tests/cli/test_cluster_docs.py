"""What docs/clusters.md shows is what campaign.toml may say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cohobate.cli.config import Config
from cohobate.cli.engine_tables import Pbs, Slurm

TEXT = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text()
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
REST = {"campaign": {"goal": {"evaluations": 1}}, "generator": {"kind": "random"}, "simulator": {"use": "a:b"}}


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_examples_are_valid(block):
    shown = tomllib.loads(block)
    config = Config.model_validate({**REST, **shown})
    for table, keys in shown.items():
        assert getattr(config, table).model_fields_set == set(keys)


def test_every_key_of_a_cluster_is_explained():
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))))
    assert explained >= (Slurm.model_fields.keys() | Pbs.model_fields.keys()) - {"kind", "site"}


def test_there_is_something_to_test():
    assert len(BLOCKS) >= 6
