"""How values and gradients of a smooth random function go together: Matern 5/2, a length scale along each axis.

What is known of a point is a block of rows: the value, then, with ``slopes``, the derivative along each axis.
"""

from __future__ import annotations

import numpy as np

from cohobate.learn.ard import matern, squares_between
from cohobate.learn.kernels import Floats


def covariance(ones: Floats, others: Floats, lengths: Floats, slopes: tuple[bool, bool]) -> Floats:
    """Returns that of a function of variance 1 at ``ones``, (n, axes), and ``others``, (m, axes): (rows, rows).

    ``slopes`` tells for each of both whether it has derivatives. The derivatives of the kernel are those of
    Rasmussen & Williams, eq. 9.1.
    """
    if not any(slopes):
        return matern(squares_between(ones / lengths, others / lengths))[0]
    apart = (ones[:, None] - others) / lengths
    value, first, second, _ = radial((apart * apart).sum(axis=2))
    axes = len(lengths)
    blocks = np.empty((len(ones), 1 + axes, len(others), 1 + axes))
    blocks[:, 0, :, 0] = value
    along = 2.0 * first[:, :, None] * apart / lengths
    blocks[:, 1:, :, 0] = along.transpose(0, 2, 1)
    blocks[:, 0, :, 1:] = -along
    if all(slopes):
        both = -4.0 * second[:, :, None, None] * apart[:, :, :, None] * apart[:, :, None]
        both[:, :, range(axes), range(axes)] -= 2.0 * first[:, :, None]
        blocks[:, 1:, :, 1:] = (both / (lengths[:, None] * lengths)).transpose(0, 2, 1, 3)
    rows, columns = (1 + axes * has for has in slopes)
    return blocks[:, :rows, :, :columns].reshape(len(ones) * rows, len(others) * columns)


def variances(lengths: Floats, slopes: bool) -> Floats:
    """Returns the variance of each row of one point: (rows,)."""
    return np.concatenate(([1.0], 5.0 / 3.0 / lengths**2)) if slopes else np.ones(1)


def pulled(pull: Floats, points: Floats, lengths: Floats, slopes: bool) -> Floats:
    """Returns the sum of ``pull``, (rows, rows), times the change of the covariance with each log length: (axes,)."""
    n, axes = points.shape
    rows = 1 + axes * slopes
    apart = (points[:, None] - points) / lengths
    _, first, second, third = radial((apart * apart).sum(axis=2))
    blocks = pull.reshape(n, rows, n, rows)
    squared = 2.0 * first * blocks[:, 0, :, 0]
    if not slopes:
        return np.asarray(np.einsum("ab,abi,abi->i", -squared, apart, apart), float)
    known = (pull * covariance(points, points, lengths, (True, True))).reshape(n, rows, n, rows)
    scaling: Floats = known.sum(axis=(0, 2, 3))[1:] + known.sum(axis=(0, 1, 2))[1:]
    single = (blocks[:, 1:, :, 0].transpose(0, 2, 1) - blocks[:, 0, :, 1:]) / lengths
    both = blocks[:, 1:, :, 1:].transpose(0, 2, 1, 3) / (lengths[:, None] * lengths)
    turned = np.einsum("abij,abj->abi", both, apart) + np.einsum("abji,abj->abi", both, apart)
    squared += 4.0 * second * ((single * apart).sum(axis=2) - np.trace(both, axis1=2, axis2=3))
    squared -= 4.0 * third * (turned * apart).sum(axis=2)
    along = 2.0 * first[:, :, None] * single - 4.0 * second[:, :, None] * turned
    scaling += (squared[:, :, None] * apart * apart + along * apart).sum(axis=(0, 1))
    return -scaling


def radial(squares: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns the correlation at squared scaled distances and its first three derivatives by these.

    Rasmussen & Williams, eq. 4.17. The third, infinite at 0, is 0 there: it is always multiplied by what vanishes.
    """
    root = np.sqrt(5.0 * squares)
    fading = np.exp(-root)
    third = np.divide(-125.0 / 24.0 * fading, root, out=np.zeros_like(root), where=root > 0)
    return (1.0 + root + root * root / 3.0) * fading, -5.0 / 6.0 * (1.0 + root) * fading, 25.0 / 12.0 * fading, third
