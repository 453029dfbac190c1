"""Covariances of values and slopes and what is most likely, against differences."""

from __future__ import annotations

import numpy as np
import pytest

from cohobate.learn.process.covariance import covariance, variances
from cohobate.learn.process.likely import Evidence

LENGTHS = np.array([0.3, 0.7, 1.1])


def test_slopes_are_differences_of_values():
    rng = np.random.default_rng(0)
    ones, others, step = rng.random((4, 3)), rng.random((5, 3)), 1e-5
    blocks = covariance(ones, others, LENGTHS, (True, True)).reshape(4, 4, 5, 4)
    plain = (False, False)
    for axis, shift in enumerate(np.eye(3) * step):
        ahead, behind = (covariance(ones + s, others, LENGTHS, plain) for s in (shift, -shift))
        assert blocks[:, 1 + axis, :, 0] == pytest.approx((ahead - behind) / (2 * step), abs=1e-6)
        ahead, behind = (covariance(ones, others + s, LENGTHS, (True, False)).reshape(4, 4, 5) for s in (shift, -shift))
        assert blocks[:, :, :, 1 + axis] == pytest.approx((ahead - behind) / (2 * step), abs=1e-5)
    same = covariance(ones, ones, LENGTHS, (True, True))
    assert np.diag(same) == pytest.approx(np.tile(variances(LENGTHS, True), 4))
    assert (np.linalg.eigvalsh(same) > 0).all()


@pytest.mark.parametrize("noise", [None, 0.1, "estimate"])
@pytest.mark.parametrize("slopes", [False, True])
def test_slopes_of_the_likelihood_are_its_differences(noise, slopes):
    rng = np.random.default_rng(1)
    evidence = Evidence(rng.random((6, 3)), rng.standard_normal((6, 4 if slopes else 1)), noise)
    at = np.log([*LENGTHS, 1.7, *[0.1, 0.3][: len(evidence._noises())]])
    _, slope = evidence.unlikeliness(at)
    for axis, shift in enumerate(np.eye(len(at)) * 1e-5):
        difference = (evidence.unlikeliness(at + shift)[0] - evidence.unlikeliness(at - shift)[0]) / 2e-5
        assert slope[axis] == pytest.approx(difference, rel=1e-4, abs=1e-5)
