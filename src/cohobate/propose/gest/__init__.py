"""Generators of others (gest-api: Xopt, Optimas, libEnsemble) as ours, and ours as theirs."""

from cohobate.propose.gest.adopting import from_gest
from cohobate.propose.gest.lent import as_gest
from cohobate.propose.gest.vocs import problem_of, vocs_of

__all__ = ["as_gest", "from_gest", "problem_of", "vocs_of"]
