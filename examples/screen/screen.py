"""The molecules hardest to ionize among a thousand, after 60 evaluations; run again, it goes on where it stopped."""

from pathlib import Path

import cohobate as co

pool = co.Pool.read(Path(__file__).with_name("molecules.smi"))
learner = co.ActiveLearning(pool, maximize="ie", initial=8, seed=0)
campaign = co.Campaign(learner, co.chem.ionization_energy, run="runs/ie", deadline=60)
result = campaign.run(co.evaluations(60))
print(*result.best(10), sep="\n")  # noqa: T201 the result of a script is what it prints
