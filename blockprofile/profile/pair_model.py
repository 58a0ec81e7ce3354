"""A metric as a sum of what every choice adds and of what every two choices add together, with what is not known.

The sum has a normal prior: main effects are alike in size, and so are the effects of pairs; how large they are is read
off the archs themselves (marginal likelihood). So the model is of use from a few dozen archs on, where least squares
has nothing to say, and whoever decides by it can draw from what is still open.

References
----------
Durrande, Ginsbourger, Roustant and Carraro, ANOVA kernels and RKHS of zero mean functions, Journal of Multivariate
Analysis 115, 2013. Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5. Wilson et
al., Pathwise conditioning of Gaussian processes, JMLR 22, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Archs, Factor, Space

Doubles = NDArray[np.float64]

ROWS_FOR_SIZES = 400
"""So many archs are enough to tell how large effects are."""
ROWS_FITTED = 2_000
"""The model takes so many archs at most: it works on a matrix of archs by archs."""
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""The shares of the variance that pairs are tried at."""
RESTS = (0.0005, 0.003, 0.01, 0.03, 0.07, 0.13, 0.2, 0.3, 0.45, 0.65, 0.9)
"""The shares that are left to neither, of what the rest is."""
JITTER = 1e-9


class Features:
    """Centred indicators of all codes: what a slot's choice differs from the average choice by.

    Parameters
    ----------
    space
        The space; choices that it does not allow have no column. An inactive layer is all 0.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.slots = tuple(slot.index for slot in space.slots if len(space.allowed[slot.index]) > 1)
        sizes = [len(space.allowed[index]) for index in self.slots]
        self.bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.slot_of = np.repeat(np.arange(len(sizes)), sizes)
        self.tables: list[Doubles] = []
        for index, size in zip(self.slots, sizes, strict=True):
            table = np.zeros((256, size))
            table[np.asarray(space.allowed[index])] = (np.eye(size) - 1 / size) * np.sqrt(size / (size - 1))
            self.tables.append(table)

    def __call__(self, archs: Archs) -> Doubles:
        """Return the features of archs: shape (n, n_columns)."""
        columns = [table[archs[:, index]] for index, table in zip(self.slots, self.tables, strict=True)]
        return np.concatenate(columns, axis=1) if columns else np.zeros((len(archs), 0))

    def kernels(self, first: Doubles, second: Doubles) -> tuple[Doubles, Doubles]:
        """Return how alike archs are in single slots and in pairs of slots: two arrays (n_first, n_second)."""
        ones, squares = (np.zeros((len(first), len(second))) for _ in range(2))
        for low, high in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            part = first[:, low:high] @ second[:, low:high].T
            ones += part
            squares += part * part
        return ones, (ones * ones - squares) / 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """Variances: of a slot's main effect, of a pair's effect, and of what is left of an arch, its noise included."""

    main: float
    pair: float
    rest: float


@dataclass(frozen=True, slots=True)
class Draws:
    """Sums of main effects and pairs that agree with what is known, each as likely as the others.

    ``constant`` (n,), ``main`` (n, n_columns), ``pair`` (n, n_columns, n_columns), whose diagonal blocks count nothing.
    """

    features: Features
    constant: Doubles
    main: Doubles
    pair: Doubles

    def __call__(self, archs: Archs) -> Doubles:
        """Evaluate archs under every draw: shape (n_draws, n_archs)."""
        rows = self.features(archs)
        found = np.empty((len(self.constant), len(rows)))
        for place, (constant, main, pair) in enumerate(zip(self.constant, self.main, self.pair, strict=True)):
            found[place] = constant + rows @ main + np.einsum("ij,ij->i", rows @ pair, rows) / 2
        return found


class PairModel:
    """The model, given archs and their values.

    Parameters
    ----------
    space, archs, values
        What is known; distinct archs.
    """

    def __init__(self, space: Space, archs: Archs, values: Doubles, *, sizes: Sizes) -> None:
        from scipy.linalg import cho_factor

        self.features, self.sizes = Features(space), sizes
        self._rows = self.features(archs)
        ones, pairs = self.features.kernels(self._rows, self._rows)
        self._n = len(values)
        self.constant = float(values.mean())
        matrix = sizes.main * ones + sizes.pair * pairs
        # Values that are all alike leave nothing to explain, and no size above 0.
        matrix[np.diag_indices(self._n)] += (sizes.rest + JITTER * (sizes.main + sizes.pair)) or 1.0
        self._factor = cho_factor(matrix, lower=True, overwrite_a=True)
        self._left = values - self.constant

    def _tables(self, left: Doubles) -> tuple[Doubles, Doubles]:
        """Turn what is left of the values, one column for each draw, into the effects that explain it."""
        from scipy.linalg import cho_solve

        solved = cho_solve(self._factor, left)
        main = self.sizes.main * (solved.T @ self._rows)
        pair = self.sizes.pair * np.stack([(self._rows * column[:, None]).T @ self._rows for column in solved.T])
        return main, _off_blocks(self.features, pair)

    def mean(self) -> Draws:
        """Return the expected sum, as a single draw."""
        main, pair = self._tables(self._left[:, None])
        return Draws(self.features, np.array([self.constant]), main, pair)

    def draw(self, n: int, rng: np.random.Generator) -> Draws:
        """Draw sums (Matheron's rule)."""
        width = int(self.features.bounds[-1])
        main = rng.normal(size=(n, width)) * np.sqrt(self.sizes.main)
        upper = np.triu(rng.normal(size=(n, width, width)) * np.sqrt(self.sizes.pair), 1)
        pair = _off_blocks(self.features, upper + upper.transpose(0, 2, 1))
        prior = Draws(self.features, np.zeros(n), main, pair)
        seen = np.stack([self._at(main[k], pair[k]) for k in range(n)], axis=1)
        left = self._left[:, None] - seen - rng.normal(size=seen.shape) * np.sqrt(self.sizes.rest)
        more_main, more_pair = self._tables(left)
        constant = np.full(n, self.constant)
        return Draws(self.features, constant, prior.main + more_main, prior.pair + more_pair)

    def _at(self, main: Doubles, pair: Doubles) -> Doubles:
        return np.asarray(self._rows @ main + np.einsum("ij,ij->i", self._rows @ pair, self._rows) / 2)


def fit_main(space: Space, archs: Archs, values: Doubles, *, sizes: Sizes) -> list[Factor]:
    """Fit main effects alone: the constant, and a factor for each slot with a choice.

    Notes
    -----
    The mean of the model without pairs, by its normal equations: O(n_columns^3), whatever the number of archs. The
    prior is that of the pairs' model, so that both explain the same; `blockprofile.additive.fit_factors` finds its own.
    """
    features = Features(space)
    rows = features(archs)
    constant = float(values.mean())
    normal = rows.T @ rows
    normal[np.diag_indices(len(normal))] += max(sizes.rest / sizes.main if sizes.main > 0 else 1 / JITTER, JITTER)
    main = np.linalg.solve(normal, rows.T @ (values - constant))
    found = [Factor((), np.array(constant))]
    for place, index in enumerate(features.slots):
        slot = space.slots[index]
        table = np.zeros(slot.n_choices + (slot.kind == "layer"))
        codes = list(space.allowed[index])
        table[codes] = features.tables[place][codes] @ main[features.bounds[place] : features.bounds[place + 1]]
        found.append(Factor((index,), table))
    return found


def _off_blocks(features: Features, pair: Doubles) -> Doubles:
    """Clear what a slot would add together with itself."""
    pair[:, features.slot_of[:, None] == features.slot_of[None, :]] = 0.0
    return pair


def fit_sizes(space: Space, archs: Archs, values: Doubles, *, order: int = 2, seed: int = 0) -> Sizes:
    """Find how large main effects, pairs and the rest are, by marginal likelihood over a grid of shares."""
    if len(values) > ROWS_FOR_SIZES:
        chosen = np.random.default_rng(seed).choice(len(values), ROWS_FOR_SIZES, replace=False)
        archs, values = archs[chosen], values[chosen]
    features = Features(space)
    rows = features(archs)
    ones, pairs = features.kernels(rows, rows)
    n_ones, n_pairs = np.trace(ones) / len(rows), np.trace(pairs) / len(rows)
    centred = values - values.mean()
    variance = float(centred @ centred) / max(1, len(values) - 1)
    best = (-np.inf, Sizes(0.0, 0.0, variance))
    for rest in RESTS:
        for share in SHARES if order > 1 and n_pairs > 0 else (0.0,):
            main, pair = (1 - rest) * (1 - share) / max(n_ones, JITTER), (1 - rest) * share / max(n_pairs, JITTER)
            likelihood, scale = _likelihood(main * ones + pair * pairs, rest, centred)
            if likelihood > best[0]:
                best = likelihood, Sizes(main * scale, pair * scale, rest * scale)
    return best[1]


def _likelihood(matrix: Doubles, rest: float, values: Doubles) -> tuple[float, float]:
    """Return the profile log-likelihood of a covariance up to its scale, and the scale."""
    from scipy.linalg import cholesky, solve_triangular

    matrix = matrix.copy()
    matrix[np.diag_indices(len(values))] += rest
    factor = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    white = solve_triangular(factor, values, lower=True, check_finite=False)
    scale = float(white @ white) / len(values)
    if not scale > 0:
        return -np.inf, 0.0
    return -len(values) / 2 * np.log(scale) - float(np.log(np.diag(factor)).sum()), scale


def fit_pair_model(
    space: Space, archs: Archs, values: Sequence[float] | Doubles, *, order: int = 2, seed: int = 0
) -> PairModel:
    """Fit the model to archs and their values.

    Parameters
    ----------
    archs, values
        Distinct archs, uint8 (n, n_slots), and their values, (n,). Of more than 2,000 as many are drawn.
    order
        1: main effects alone. 2: pairs as well.
    """
    column = np.asarray(values, np.float64)
    if len(column) > ROWS_FITTED:
        chosen = np.random.default_rng(seed).choice(len(column), ROWS_FITTED, replace=False)
        archs, column = archs[chosen], column[chosen]
    return PairModel(space, archs, column, sizes=fit_sizes(space, archs, column, order=order, seed=seed))
