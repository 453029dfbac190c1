"""A wrong fit in campaign.toml gets one line that names file, term or parameter, and key; nothing is started."""

from __future__ import annotations

import pytest

from cli.fits import write

EPSILON = "epsilon = { value = 0.02, bounds = [1e-3, 0.1], unit = 'eV' }"
RUN = 'run = ["python", "model.py"]'
TARGET = 'target = "energy"'
READ = 'read = { file = "out", regex = "E = (.*)" }'
TERM = "term 'E(a)': "

WRONG = [
    # unknown keys, at every depth
    ({"[optimizer]": "[optimiser]"}, "optimiser: ", "did you mean 'optimizer'?"),
    ({"bounds = [1e": "bound = [1e"}, "params.epsilon.bound: ", "did you mean 'bounds'?"),
    ({"sigma = 0.001": "sgma = 0.001"}, f"{TERM}sgma: ", "did you mean 'sigma'?"),
    ({READ: 'read = { fiel = "out" }'}, f"{TERM}read.fiel: ", "did you mean 'file'?"),
    ({READ: 'read = { e = { file = "out", rgex = "E" } }'}, f"{TERM}read.e.rgex: ", "did you mean 'regex'?"),
    ({TARGET: TARGET + "\nzzz = 1"}, f"{TERM}zzz: ", "expected one of name, run, python"),
    ({"[resources]": "[resources]\nwrkers = 2"}, "resources.wrkers: ", "did you mean 'workers'?"),
    ({"[resources]": "[resorces]"}, "resorces: ", "did you mean 'resources'?"),
    ({"[optimizer]": '[generator]\nkind = "random"\n[optimizer]'}, "generator: ", "expected one of params, term"),
    ({"[optimizer]": "[campaign]\nretry = 2\n[optimizer]"}, "campaign.retry: ", "did you mean 'retries'?"),
    # parameters
    ({EPSILON: "epsilon = 'x'"}, "params.epsilon: ", "expected a table such as { key = value }, got 'x'"),
    ({EPSILON: "epsilon = { value = nan }"}, "params.epsilon.value: ", "expected a finite number, got nan"),
    ({EPSILON: "epsilon = { log = true }"}, "params.epsilon", "value"),
    ({"bounds = [1e-3, 0.1]": "bounds = [0.03, 0.1]"}, "params", "exclude"),
    ({"bounds = [1e-3, 0.1]": "bounds = [0.1, 1e-3]"}, "params", "bound"),
    ({"bounds = [1e-3, 0.1]": "bounds = [0.1]"}, "params.epsilon.bounds: ", "2"),
    ({EPSILON: "epsilon = { value = -1.0, log = true }"}, "params", "log"),
    ({EPSILON: EPSILON + "\nspare = 1.0"}, "params.spare: ", "no term takes it: leave it out, or say fixed = true"),
    ({EPSILON: "epsilon = { value = 1.0, expr = '2 * sigma' }"}, "params: parameter 'epsilon': ", "leave out value"),
    ({EPSILON: "epsilon = { expr = '2 * sigm' }"}, "params", "did you mean 'sigma'?"),
    (
        {EPSILON: "epsilon = { value = 1.0, fixed = true }", "sigma = 3.0": "sigma = { value = 1.0, fixed = true }"},
        "params: ",
        "free",
    ),
    # terms
    ({RUN: ""}, TERM, 'expected run = ["program", ...], run = "lammps" or python = "module:function", got neither'),
    ({RUN: RUN + '\npython = "a:b"'}, TERM, "got both"),
    ({RUN: 'run = "lamps"'}, f"{TERM}run: ", "did you mean 'lammps'?"),
    ({RUN: "run = []"}, f"{TERM}run: ", "got []"),
    ({RUN: 'run = ["no-such-program", "model.in"]'}, f"{TERM}run: ", "'no-such-program' is in no folder of PATH"),
    ({'input = "model.in"': 'input = "modle.in"'}, TERM, "modle.in"),
    ({'files = "model.py"': 'files = "modle.py"'}, TERM, "modle.py"),
    (
        {'files = "model.py"': 'files = ["model.py", "model.in"]'},
        f"{TERM}files: ",
        "there are two of the name 'model.in'",
    ),
    ({READ: ""}, f"{TERM}read: ", "is missing"),
    ({READ: "read = {}"}, f"{TERM}read: ", "is missing"),
    ({READ: 'read = { file = "out", regex = "(" }'}, f"{TERM}read: ", "no regular expression"),
    ({READ: 'read = { file = "out", regex = "E", json = "e" }'}, f"{TERM}read: ", "got regex and json"),
    ({READ: 'read = { file = "../out" }'}, TERM, "leads out of the directory"),
    ({READ: 'read = { file = "out", per = 0 }'}, f"{TERM}read.per: ", "expected more than 0, got 0"),
    ({READ: 'read = { file = "log.lammps", column = "PotEng" }'}, f"{TERM}read: ", 'thermo = "PotEng"'),
    (
        {TARGET: ""},
        f"{TERM}target: ",
        'a column of energies.csv that is not called "target" is named by target = "..."',
    ),
    ({TARGET: 'target = "enrgy"'}, f"{TERM}target: ", "energies.csv has no column 'enrgy'; did you mean 'energy'?"),
    ({TARGET: "target = [1.0, 2.0]"}, f"{TERM}target: ", "expected one for each of the 3 rows, got 2"),
    ({"sigma = 0.001": "sigma = 0"}, "term 'E(a=4.9)'", "sigma"),
    ({"sigma = 0.001": "sigma = -1.0"}, "term 'E(a=4.9)'", "sigma"),
    ({"sigma = 0.001": "sigma = nan"}, "term 'E(a=4.9)'", "sigma"),
    ({"sigma = 0.001": "weight = -1.0"}, f"{TERM}weight: ", "expected at least 0"),
    ({"sigma = 0.001": "weight = nan"}, f"{TERM}weight: ", "finite"),
    ({"sigma = 0.001": 'loss = "sqare"'}, TERM, "did you mean 'square'?"),
    ({"sigma = 0.001": "deadline = 0"}, f"{TERM}deadline: ", "expected more than 0, got 0"),
    ({'table = "energies.csv"': 'table = "energy.csv"'}, f"{TERM}table: ", "energy.csv: cannot be read: No such file"),
    ({'table = "energies.csv"': ""}, f"{TERM}target: ", "is the name of a column, but the term has no table"),
    ({'table = "energies.csv"': 'table = "energies.csv"\nfor = { a = [1.0] }'}, f"{TERM}table: ", "got both"),
    ({'table = "energies.csv"': "for = { a = [1.0, 2.0], b = [1.0] }"}, f"{TERM}for: ", "2 of a, 1 of b"),
    ({'table = "energies.csv"': "for = { a = [] }"}, f"{TERM}for: ", "at least one value"),
    ({'table = "energies.csv"': "for = { a = [true] }"}, f"{TERM}for.a: ", "expected numbers or text, got True"),
    (
        {'table = "energies.csv"': "for = { sigma = [1.0] }", TARGET: "target = [1.0]"},
        f"{TERM}for.sigma: ",
        "parameter",
    ),
    ({'table = "energies.csv"': "for = { a = [1.0], b = [1.0] }", TARGET: "target = [1.0]"}, f"{TERM}for.b: ", "take"),
    ({"[optimizer]": '[[term]]\nname = "E(a)"\n' + RUN + "\n[optimizer]"}, TERM, "two of this name"),
    ({'name = "E(a)"': ""}, "term 1: name: ", "is missing"),
    ({TARGET: TARGET + "\nvalidation = true"}, "term: ", "a fit needs one that it is fitted to"),
    ({'table = "energies.csv"': "for = { a = [1.0] }", TARGET: "target = [[]]"}, "term 'E(a=1", "target"),
    ({TARGET: TARGET + "\nthreads = 2"}, f"{TERM}threads: ", 'is for run = "lammps"'),
    ({'"least_squares"': '"L-BFGSB"'}, "optimizer: method: ", "or of scipy's such as L-BFGS-B"),
    ({'"least_squares"': '"L-BFGS-B"\nmaxiter = 3'}, "optimizer: ", "maxiter"),
    # the rest
    ({'"least_squares"': '"least_sqares"'}, "optimizer: ", "did you mean 'least_squares'?"),
    ({"[resources]": '[resources]\nkind = "coroutines"'}, "resources.kind: ", "async def"),
    ({"[resources]": '[resources]\nkind = "thread"'}, "resources.kind: ", "did you mean 'threads'?"),
    (
        {"[optimizer]": "[campaign]\ngoal = { below = { los = 1 } }\n[optimizer]"},
        "campaign.goal: ",
        "did you mean 'loss'?",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{place}-{says[:30]}" for _, place, says in WRONG])
def test_what_is_wrong_is_said_in_one_line(here, cohobate_here, wrong):
    replace, place, says = wrong
    write(here, replace)
    before = sorted(path.name for path in here.iterdir())
    called = cohobate_here("run")
    assert (called.code, called.out) == (2, "")
    assert called.err.count("\n") == 1
    assert called.err.startswith(f"cohobate: campaign.toml: {place}")
    assert says in called.err
    assert sorted(path.name for path in here.iterdir()) == before


FILES = [
    ("model.in", "{a} {epsilon} {sigmaa}", "term 'E(a)': model.in, line 1: {sigmaa}: ", "did you mean 'sigma'?"),
    ("model.in", "{a} {epsilon}", "params.sigma: ", "no term takes it"),
    ("model.in", "{a} {epsilon} {sigma", "term 'E(a)': model.in, line 1: ", "a brace itself is {{ or }}"),
    ("model.in", "{epsilon} {sigma} {b}", "term 'E(a)': model.in, line 1: {b}: ", "no such parameter"),
    ("energies.csv", "", "term 'E(a)': table: energies.csv: ", "at least one row"),
    ("energies.csv", "a,energy\n", "term 'E(a)': table: energies.csv: ", "at least one row"),
    (
        "energies.csv",
        "a,energy\n4.9,1.0\n5.0\n",
        "term 'E(a)': table: energies.csv: line 3: ",
        "expected 2 values, got 1",
    ),
    ("energies.csv", "a,a\n4.9,1.0\n", "term 'E(a)': table: energies.csv: ", "different names, got a, a"),
    ("energies.csv", "a,energy\n4.9,x\n", "term 'E(a=4.9)': ", "target"),
    ("energies.csv", "a,energy\n4.9,nan\n", "term 'E(a=4.9)': ", "target"),
    (
        "energies.csv",
        "a,energy,weight\n4.9,1,-1\n",
        "term 'E(a=4.9)': ",
        "weight must be a finite number of at least 0",
    ),
]


@pytest.mark.parametrize("wrong", FILES, ids=[f"{one[0]}-{one[3][:20]}" for one in FILES])
def test_what_is_wrong_with_a_file_is_said_in_one_line(here, cohobate_here, wrong):
    file, content, place, says = wrong
    write(here, {})
    (here / file).write_text(content)
    called = cohobate_here("check")
    assert (called.code, called.out) == (2, "")
    assert called.err.count("\n") == 1
    assert called.err.startswith(f"cohobate: campaign.toml: {place}")
    assert says in called.err
