"""A wrong campaign.toml gets one line that names file and key, exit code 2, and leaves everything as it was."""

from __future__ import annotations

import pytest

GOAL = "goal = { evaluations = 6 }"
POOL = 'pool = "molecules.smi"'
USE = 'use = "lengths:length"'
SLURM = '"parsl"\nsite = "slurm"\n'
HOUR = SLURM + 'walltime = "01:00:00"\n'

WRONG = [
    # unknown keys, at every depth
    ({POOL: POOL + "\ninitail = 3", '"random"': '"active"'}, "generator.initail", "did you mean 'initial'?"),
    ({GOAL: "goal = { evaluation = 6 }"}, "campaign.goal.evaluation", "did you mean 'evaluations'?"),
    ({"[simulator]": "[simulater]"}, "simulater", "did you mean 'simulator'?"),
    (
        {GOAL: GOAL + "\n[campaign.retries]\nworkers_lost = 3"},
        "campaign.retries.workers_lost",
        "did you mean 'worker_lost'?",
    ),
    ({GOAL: GOAL + "\nzzz = 3"}, "campaign.zzz", "expected one of goal, name, run"),
    # what is missing
    ({GOAL: ""}, "campaign.goal", "is missing"),
    ({'kind = "random"\n': ""}, "generator", "expected a kind"),
    ({'maximize = "size"': ""}, "generator", 'for example maximize = "ie"'),
    # wrong types and values
    ({GOAL: 'goal = { evaluations = "six" }'}, "campaign.goal.evaluations", "expected a whole number, got 'six'"),
    ({GOAL: "goal = { evaluations = true }"}, "campaign.goal.evaluations", "expected a whole number, got true"),
    ({GOAL: "goal = { evaluations = 6.5 }"}, "campaign.goal.evaluations", "expected a whole number, got 6.5"),
    ({GOAL: "goal = { evaluations = 0 }"}, "campaign.goal.evaluations", "expected at least 1, got 0"),
    ({GOAL: "goal = 6"}, "campaign.goal", "expected a table such as { key = value }, got 6"),
    ({GOAL: "goal = {}"}, "campaign.goal", "is empty; expected at least one of evaluations, seconds"),
    ({GOAL: "goal = { seconds = -1 }"}, "campaign.goal.seconds", "expected more than 0, got -1"),
    ({GOAL: "goal = { seconds = inf }"}, "campaign.goal.seconds", "expected a finite number, got inf"),
    ({GOAL: 'goal = { until = "tomorrow" }'}, "campaign.goal", "got 'tomorrow'"),
    ({GOAL: "goal = { below = { siez = 1 } }"}, "campaign.goal", "did you mean 'size'?"),
    ({GOAL: GOAL + "\ndeadline = 0"}, "campaign.deadline", "expected more than 0, got 0"),
    ({'maximize = "size"': "maximize = 3"}, "generator.maximize", "expected text or a list, got 3"),
    ({'"random"': '"randon"'}, "generator", "'active', 'random'"),
    (
        {USE: 'use = "cohobate.simulate.chem:ionization_energy"', '"size"': '"ei"'},
        "generator",
        "'ei' is not among the outputs of ionization_energy: ie (eV), neutral (eV)",
    ),
    (
        {'"inline"': '"inlin"'},
        "engine.kind",
        "'dask', 'mpi', 'parsl', got 'inlin'; did you mean 'inline'?",
    ),
    ({'"inline"': "7"}, "engine.kind", "expected one of 'processes', 'threads'"),
    ({'[engine]\nkind = "inline"': "[other]"}, "other", "unknown key; expected one of campaign"),
    ({'kind = "inline"': "wrkers = 2"}, "engine.wrkers", "did you mean 'workers'?"),
    ({'kind = "inline"': 'kind = "mpi"\nworkers = 2'}, "engine.workers", "unknown key; expected one of kind"),
    (
        {'kind = "inline"': 'kind = "dask"\naddress = "localhost"'},
        "engine.address",
        "expected the address of a scheduler, such as \"tcp://host:8786\", got 'localhost'",
    ),
    ({'"inline"': '"parsl"'}, "engine", "expected a site: one of 'threads', 'local', 'allocation', 'slurm', 'pbs'"),
    ({'"inline"': '"parsl"\nsite = "slum"'}, "engine.site", "got 'slum'; did you mean 'slurm'?"),
    ({'"inline"': '"parsl"\nsite = "slurm"'}, "engine.walltime", "is missing"),
    ({'"inline"': '"parsl"\nsite = "pbs"'}, "engine.walltime", "is missing"),
    ({'"inline"': SLURM + 'walltme = "1"'}, "engine.walltme", "did you mean 'walltime'?"),
    ({'"inline"': SLURM + "walltime = 4"}, "engine.walltime", "expected text, got 4"),
    ({'"inline"': SLURM + 'walltime = "4h"'}, "engine.walltime", 'expected "HH:MM:SS" of at least a minute'),
    ({'"inline"': SLURM + 'walltime = "00:60:00"'}, "engine.walltime", "got '00:60:00'"),
    ({'"inline"': SLURM + 'walltime = "00:00:59"'}, "engine.walltime", "got '00:00:59'"),
    ({'"inline"': HOUR + "nodes = 0"}, "engine.nodes", "expected at least 1, got 0"),
    ({'"inline"': HOUR + "blocks = 1.5"}, "engine.blocks", "expected a whole number, got 1.5"),
    ({'"inline"': HOUR + "workers_per_node = 0"}, "engine.workers_per_node", "expected at least 1, got 0"),
    ({'"inline"': HOUR + 'pin = "yes"'}, "engine.pin", "expected true or false, got 'yes'"),
    ({'"inline"': HOUR + "accelerators = [1]"}, "engine.accelerators", "expected a whole number, got [1]"),
    ({'"inline"': HOUR + 'partition = "a b"'}, "engine.partition", "expected a name without spaces, got 'a b'"),
    ({'"inline"': HOUR + "workers = 3"}, "engine.workers", "did you mean 'workers_per_node'?"),
    ({'"inline"': '"parsl"\nsite = "local"\nqueue = "x"'}, "engine.queue", "expected one of kind"),
    ({'"inline"': '"parsl"\nsite = "threads"\nworker = 1'}, "engine.worker", "did you mean 'workers'?"),
    ({GOAL: GOAL + "\nmargin = 0"}, "campaign.margin", "expected more than 0, got 0"),
    ({'maximize = "size"': "maximize = [3]"}, "generator.maximize", "expected text, got [3]"),
    ({'kind = "inline"': 'kind = "inline"\nworkers = 4'}, "engine", "one evaluation at a time, got workers = 4"),
    ({'kind = "inline"': 'kind = "threads"\nworkers = 0'}, "engine.workers", "expected at least 1, got 0"),
    ({'"inline"': '"coroutines"'}, "engine.kind", "is for a simulator that is an async def"),
    # outputs and levels
    ({"[engine]": "[outputs.size]\nat_mos = 3\n[engine]"}, "outputs.size.at_mos", "did you mean 'at_most'?"),
    ({"[engine]": "[outputs.size]\nat_most = 3\n[engine]"}, "outputs", "goal = { above = ... }"),
    (
        {"[engine]": "[outputs.cost]\nat_most = 3\nat_least = 1\n[engine]"},
        "outputs",
        "cost: expected at_most or at_least",
    ),
    ({"[engine]": "[outputs.cost]\nat_most = nan\n[engine]"}, "outputs.cost.at_most", "finite"),
    ({"[engine]": "[fidelity]\ncosts = { quick = 1 }\n[engine]"}, "fidelity", "two or more"),
    ({"[engine]": "[fidelity]\ncosts = { quick = 1, full = 0 }\n[engine]"}, "fidelity.costs.full", "more than 0"),
    ({"[engine]": "[fidelity]\ncosts = { quick = 1, full = 9 }\n[engine]"}, "simulator.use", "['smiles', 'level']"),
    # candidates
    ({POOL: ""}, "generator.pool", "expected a pool, or [variables], got neither"),
    ({POOL: 'pool = "gone.smi"'}, "generator.pool", "no such file"),
    ({POOL: 'pool = "molecules.doc"'}, "generator.pool", "expected a file ending in .smi"),
    ({POOL: 'pool = "campaign\\u0000.smi"'}, "generator.pool", "no such file"),
    ({POOL: POOL + '\ncolumn = ""'}, "generator.column", "expected text that is not empty"),
    ({"[engine]": '[variables]\nx = { kind = "real", lo = 0, hi = 1 }\n[engine]'}, "variables", "not both"),
    ({POOL: "", "[engine]": '[variables]\nx = { kind = "real", lo = 1, hi = 0 }\n[engine]'}, "variables.x", "below"),
    ({POOL: "", "[engine]": '[variables]\nx = { kind = "reel", lo = 1 }\n[engine]'}, "variables.x", "'real'"),
    ({POOL: "", "[engine]": '[variables]\nx = { kind = "real", low = 1 }\n[engine]'}, "variables.x.low", "'lo'"),
    ({'"random"': '"sobol"'}, "generator", "needs variables, got a pool"),
    # the simulator
    ({USE: 'use = "lengths"'}, "simulator.use", "expected \"module:function\", got 'lengths'"),
    ({USE: 'use = "lengths:lenght"'}, "simulator.use", "there is no 'lenght' in lengths; did you mean 'length'?"),
    ({USE: 'use = "lenghts:length"'}, "simulator.use", "No module named 'lenghts'"),
    ({USE: 'use = "lengths.py:length"'}, "simulator.use", "did you mean 'lengths:length'?"),
    ({USE: 'use = "lengths:__name__"'}, "simulator.use", "is no function but the str 'lengths'"),
    ({USE: 'use = "os:getpid"'}, "simulator.use", "['smiles']"),
    ({USE: USE + '\narguments = ["C"]'}, "simulator.use", "should return a simulator for arguments and settings"),
    ({USE: USE + "\nsettings = { solvent = 'water' }"}, "simulator.use", "unexpected keyword argument 'solvent'"),
    (
        {USE: 'use = "cohobate.simulate.chem:properties"\narguments = ["ie", "gab"]'},
        "simulator.use",
        "did you mean 'gap'?",
    ),
    (
        {USE: 'use = "cohobate.simulate.chem:properties"\narguments = ["ie", "gap"]', '"size"': '"ei"'},
        "generator",
        "did you mean 'ie'?",
    ),
    # models and choices
    ({'kind = "random"': 'kind = "active"\nmodel = "tanimto"'}, "generator.model", "did you mean 'tanimoto'?"),
    ({'kind = "random"': 'kind = "active"\nacquisition = "eii"'}, "generator.acquisition", "got 'eii'"),
    ({'kind = "random"': 'kind = "active"\nmodel = "knn"\nacquisition = "ei"'}, "generator", "needs a model with a"),
    # not TOML at all
    ({"[campaign]": "[campaign"}, "not TOML", "line 2"),
    ({"[campaign]": "[campaign]\nname = '\x1b[31m'"}, "not TOML", "line 3"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{place}-{says[:30]}" for _, place, says in WRONG])
def test_what_is_wrong_is_said_in_one_line(here, small, cohobate_here, wrong):
    replace, place, says = wrong
    small(replace=replace)
    before = sorted(path.name for path in here.iterdir())
    called = cohobate_here("run")
    assert called.code == 2
    assert called.out == ""
    assert called.err.count("\n") == 1
    assert called.err.startswith(f"cohobate: campaign.toml: {place}")
    assert says in called.err
    assert all(c.isprintable() for c in called.err.rstrip("\n"))
    assert sorted(path.name for path in here.iterdir() if path.name != "__pycache__") == before


def test_a_simulator_that_raises_on_import_is_one_line(small, cohobate_here):
    small(sim="raise RuntimeError('two\\nlines\\x1b[31m')", module="broken")
    called = cohobate_here("run")
    assert called.code == 2
    assert called.err.count("\n") == 1
    assert "'broken:length' cannot be imported: RuntimeError" in called.err
    assert "\x1b" not in called.err


@pytest.mark.parametrize("pool", ["", "\n\n# nothing\n", "\x00\n"])
def test_an_empty_pool_is_refused(small, cohobate_here, pool):
    small(pool=pool)
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "molecules.smi is empty" in called.err


def test_the_first_of_several_is_named_and_the_rest_counted(small, cohobate_here):
    small(replace={GOAL: 'goal = { evaluations = "x", stalled = 0 }\ndeadline = "y"'})
    assert "(and 2 more)" in cohobate_here("run").err


@pytest.mark.parametrize("command", [["run"], ["status"], ["errors"], ["export", "x.csv"], ["plot"], ["replay"]])
def test_a_folder_without_a_campaign_says_what_to_do(here, cohobate_here, command):
    called = cohobate_here(*command)
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "no campaign.toml here" in called.err
    assert "cohobate init screen NAME" in called.err


def test_a_campaign_that_never_ran_has_nothing_to_show(here, small, cohobate_here):
    small()
    called = cohobate_here("status")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "campaign.db" in called.err
    assert not (here / "run").exists()


def test_a_file_that_is_no_text_is_refused(small, cohobate_here):
    small().write_bytes(b"\xff\xfe\x00")
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "expected UTF-8 text" in called.err
