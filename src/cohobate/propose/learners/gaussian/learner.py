"""A learner that asks where a Gaussian process says most is to be learned."""

from __future__ import annotations

from cohobate.learn.process.likely import Noise
from cohobate.propose.learners.domain import OUTPUT, Domain, axes_of
from cohobate.propose.learners.gaussian.method import Gaussian
from cohobate.propose.learners.gaussian.settings import WHO, Settings
from cohobate.propose.learners.learner import Learner


def GPLearner(
    domain: Domain,
    *,
    noise: Noise = None,
    gradients: bool = False,
    initial: int | None = None,
    output: str = OUTPUT,
    seed: int = 0,
) -> Learner[Gaussian]:
    """Returns a learner of a smooth function over one interval or several, noisy or with gradients.

    The first ``initial`` points (by default two more than twice the axes) fill the space; each further one is
    where a value lowers the variance of a Gaussian process (Matern 5/2, a length scale for each axis), over
    all of the domain, by most (Cohn, Ghahramani & Jordan 1996). What is pending, and what failed, counts as
    if it had come back as expected. ``noise``: the standard deviation of a value, "estimate" to find the most
    likely one, ``None`` for a function that gives the same value always.

    With ``gradients`` a value is a vector of the function and its derivative along each axis, in units of
    value per unit of axis: gradients, that is minus the forces. These have a noise of their own, which
    is found unless ``noise`` is ``None``. For choosing, only what values tell is looked at.

    ``loss()`` is the largest standard deviation among a thousand candidates relative to the range of values,
    ``learned()`` a function with ``std(x)``. Scales are fitted at ``initial`` values and at each half more, to
    at most 500 rows (a value is a row, each derivative one more), which takes up to some seconds; between
    fits a point costs 10 ms at 300 rows and 20 ms at 1000, as many as are sensible. Needs scipy.
    """
    axes = axes_of(domain, WHO)
    initial = 2 * len(axes) + 2 if initial is None else initial
    return Learner(Gaussian(Settings(axes, output, noise, gradients, initial, seed)))
