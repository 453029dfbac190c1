"""Values that came with their points survive a crash between the proposal and its outcome."""

from __future__ import annotations

import cohobate as co
from cohobate.core.events import Declared, Opened, Proposed
from cohobate.core.trial import Trial
from cohobate.ledger.ledger import open_ledger

SPACE = {"x": co.Real(0, 1)}


def campaign(folder, simulator):
    known = co.points(SPACE, [{"x": 0.25, "f": 3.0}, {"x": 0.5}], minimize="f")
    return co.Campaign(known, simulator, co.inline(), run=folder)


def test_a_given_value_is_not_computed_where_only_its_proposal_survived(tmp_path):
    asked = []

    def simulator(x):
        asked.append(x)
        return x

    made = campaign(tmp_path / "run", simulator)
    identity = made.identify()
    with open_ledger(tmp_path / "run") as ledger:
        trials = (Trial(0, {"x": 0.25}, given={"f": 3.0}), Trial(1, {"x": 0.5}))
        ledger.append([Opened(1, 1.0), Declared({**identity.declared, "simulator": identity.simulator})])
        ledger.append([Proposed("main", 1, trials, 2, 1.0)])
    result = made.run()
    assert asked == [0.5]
    assert [(row["x"], row["f"], row["cached"]) for row in result.table()] == [(0.25, 3.0, True), (0.5, 0.5, False)]
    assert result.tally.counted == 1
