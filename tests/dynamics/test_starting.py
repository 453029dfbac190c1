"""What starting costs: nothing is compiled again in a new process, and numba is imported when it is first needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster

PROGRAM = """
import json, sys
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin
from cohobate.dynamics.models import ase_calculators, chgnet, functions, pairs, sums
heavy = [name for name in ("numba", "vesin", "ase", "chgnet", "tblite", "scipy") if name in sys.modules]
system = {"numbers": [18] * 2, "positions": [[0, 0, 0], [0, 0, 3.9]]}
pairs.lennard_jones(0.01, 3.4, 8.5).compute(batch_of([system]), frozenset({"energy", "forces"}))
from cohobate.dynamics.kernels.pairs import summing
sums = summing(pairs._lennard_jones, own=2, further=False, single=True, switch=False).stats
print(json.dumps({"heavy": heavy, "misses": len(sums.cache_misses), "hits": len(sums.cache_hits)}))
"""


def test_nothing_is_compiled_again_in_a_new_process():
    lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch_of([cluster(3)]), frozenset({"energy", "forces"}))
    source = Path(__file__).parents[2] / "src"
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=source, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == {"heavy": [], "misses": 0, "hits": 1}
