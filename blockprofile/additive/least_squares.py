"""Least squares on choices: one value for each choice of each slot, shrunk as far as the labels themselves ask for.

With fewer labels than choices plain least squares follow the noise, and a fixed ridge is too weak for few labels or too
strong for many. Here the labels' own likelihood says how much to shrink: nothing where they are exactly additive.
statsmodels has no such ridge. It is the one additive fit of the project; pairs of choices have a prior of their own
(`blockprofile.profile.pair_model`), and ordinary least squares with their errors are those of statsmodels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Archs, Factor, Space

CHUNK = 8192
SHRINKAGES = np.logspace(-6, 3, 37)
"""Ridges that are tried, as multiples of the labels for each choice."""

EXACT = 1e-13
"""Share of the labels' variance that rounding leaves where they are exactly additive."""

Doubles = NDArray[np.float64]


def fit_choices(rows: NDArray[np.integer], labels: Doubles, *, n_choices: int) -> tuple[Doubles, Doubles]:
    """Fit a constant and one value for each choice.

    Parameters
    ----------
    rows
        The numbers of the choices that each arch has, one of each slot, shape (n, n_slots), n at least 1.
    labels
        Shape (n, n_metrics), finite.
    n_choices
        The choices of all slots together.

    Returns
    -------
    The constants, shape (n_metrics,), and the values, shape (n_choices, n_metrics). What the labels leave open (the
    level of a slot, a choice that no arch has) is 0 or shared equally.

    Notes
    -----
    Ridge regression around the means. The ridge of each metric is the one of `SHRINKAGES` under which the labels are
    the likeliest when values are drawn from one normal distribution and noise from another (empirical Bayes). It takes
    O(n n_choices^2 + n_choices^3).

    References
    ----------
    MacKay, Bayesian interpolation, Neural Computation 4, 1992.

    Examples
    --------
    >>> rows = np.array([[0, 2], [0, 3], [1, 2], [1, 3]])
    >>> constant, values = fit_choices(rows, np.array([[1.0], [2.0], [4.0], [5.0]]), n_choices=4)
    >>> (constant + values[rows].sum(axis=1))[:, 0].round(3).tolist()
    [1.0, 2.0, 4.0, 5.0]
    """
    n, n_metrics = labels.shape
    mean = labels.mean(axis=0)
    gram, moment, power = np.zeros((n_choices, n_choices)), np.zeros((n_choices, n_metrics)), np.zeros(n_metrics)
    for start in range(0, n, CHUNK):
        part, rest = rows[start : start + CHUNK], labels[start : start + CHUNK] - mean
        design = np.zeros((len(part), n_choices))
        np.put_along_axis(design, part.astype(np.intp), 1.0, axis=1)
        gram += design.T @ design
        moment += design.T @ rest
        power += np.square(rest).sum(axis=0)
    share = np.diagonal(gram) / n
    spectrum, basis = np.linalg.eigh(gram - n * np.outer(share, share))
    spectrum, along = np.maximum(spectrum, 0.0), basis.T @ moment
    ridges = [_likeliest_ridge(spectrum, along[:, m], power[m], n) for m in range(n_metrics)]
    values: Doubles = basis @ (along / (spectrum[:, None] + np.array(ridges)))
    return mean - share @ values, values


def fit_factors(space: Space, archs: Archs, values: NDArray[np.floating]) -> tuple[Factor, ...]:
    """Fit a sum over slots to a metric of archs; see `fit_choices`.

    Parameters
    ----------
    archs, values
        uint8 (n, n_slots), n at least 1, and (n,). What the sum misses looks smaller on these archs than on others.

    Returns
    -------
    A constant and one factor for each slot; an inactive layer has a value of its own.

    Raises
    ------
    ValueError
        If there are no archs.

    Examples
    --------
    >>> from blockprofile.space import CompiledSum, draw_archs, factorize, load_space
    >>> moga = load_space("moga")
    >>> macs = CompiledSum(moga, [factorize(moga, lambda op: op.macs / 1e6)])
    >>> pilot, others = (draw_archs(moga, 2000, np.random.default_rng(seed)) for seed in range(2))
    >>> fitted = CompiledSum(moga, [fit_factors(moga, pilot, macs(pilot)[0])])
    >>> bool(np.abs(fitted(others) - macs(others)).max() < 0.01)
    True
    """
    rows = space.check(archs)
    if len(rows) == 0:
        raise ValueError("there are no archs to fit a sum to")
    sizes = np.array([slot.n_choices + (slot.kind == "layer") for slot in space.slots])
    starts = np.cumsum(sizes) - sizes
    labels = np.asarray(values, np.float64)[:, None]
    constants, found = fit_choices(np.minimum(rows, sizes - 1) + starts, labels, n_choices=int(sizes.sum()))
    tables = np.split(found[:, 0], starts[1:])
    factors = (Factor((slot.index,), table) for slot, table in zip(space.slots, tables, strict=True))
    return (Factor((), constants[0]), *factors)


def _likeliest_ridge(spectrum: Doubles, along: Doubles, power: float, n: int) -> float:
    """Find the ridge of greatest marginal likelihood, from the spectrum of the design and the labels along it."""
    ridges = SHRINKAGES * n / len(spectrum)
    damped = spectrum + ridges[:, None]
    noise = np.maximum(power - (np.square(along) / damped).sum(axis=1), EXACT * power) / n
    if power == 0:
        return float(ridges[-1])
    surprise = n * np.log(noise) + np.log(damped / ridges[:, None]).sum(axis=1)
    return float(ridges[np.argmin(surprise)])
