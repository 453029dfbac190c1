"""The surrogate: what it kept from earlier calls never shows in its answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cohobate.core.pool import Pool
from cohobate.models import posterior as module
from cohobate.models.kernels import Kernel
from cohobate.models.likelihood import Hyper
from cohobate.models.prediction import View
from cohobate.models.ready import RBFGP
from cohobate.models.refits import Refits
from cohobate.models.surrogate import Surrogate

POOL = Pool([{"x": i / 60, "y": (7 * i % 60) / 60} for i in range(60)])


def value(i: int) -> float:
    return float(np.sin(9 * POOL[i]["x"]) + POOL[i]["y"])


def always_another(kernel: Kernel, items: list[int], _: np.ndarray) -> Hyper:
    return Hyper(kernel.scales[len(items) % 7], 10.0 ** -(len(items) % 3))


@pytest.fixture
def surrogates() -> Iterator[tuple[Surrogate, Surrogate]]:
    """One that is asked at every step, and one that is asked at the end."""
    both = (Surrogate(lambda: RBFGP().view(POOL), ["f", "g"]), Surrogate(lambda: RBFGP().view(POOL), ["f", "g"]))
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize("changing", [False, True])
def test_asked_at_every_step_it_answers_as_if_asked_once(
    surrogates: tuple[Surrogate, Surrogate], changing: bool, monkeypatch: pytest.MonkeyPatch
):
    if changing:
        monkeypatch.setattr(module, "fit", always_another)
    lived, fresh = surrogates
    refits = Refits()
    targets: dict[int, tuple[float, float] | None] = {}
    for i in range(45):
        targets[i] = None
        if i >= 3 and i % 5:
            targets[i - 3] = value(i - 3), -(value(i - 3) ** 2)
        elif i >= 3:
            del targets[i - 3]
        refits.settle(targets)
        seen = lived.predict(targets, refits)
    once = fresh.predict(targets, refits)
    for output in ("f", "g"):
        assert np.array_equal(seen[output].mean, once[output].mean)
        assert np.array_equal(seen[output].std, once[output].std)


def test_the_pool_is_looked_at_once_and_not_before_it_is_needed():
    looked: list[Pool] = []

    def load() -> View:
        looked.append(POOL)
        return RBFGP().view(POOL)

    one = Surrogate(load, ["f"])
    assert looked == []
    one.start()
    assert one.view() is one.view()
    assert looked == [POOL]
    one.close()


def test_what_goes_wrong_with_the_features_is_raised_where_they_are_needed():
    def load() -> View:
        raise ValueError("no such column")

    one = Surrogate(load, ["f"])
    one.start()
    with pytest.raises(ValueError, match="no such column"):
        one.predict({0: (1.0,)}, Refits())
    one.close()
