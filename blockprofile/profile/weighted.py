"""Means of labelled archs under targets, whatever law drew them: weighted sums over rows, and their errors row by row.

Labels are few and their archs may come from any law, so nothing is summed by group and taken as independent: the
influence of every row on every figure is computed as it is. The means of a table's own labels come from here, and so do
those of a fitted predictor's out-of-fold residuals, which correct what the predictor says of a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, Target, transpose
from blockprofile.predict import LabelledArchs

Doubles = NDArray[np.float64]

AT_ONCE = 8192
LARGEST_LEVERAGE = 1 - 1e-9
FEW = 5.0
"""A figure that rests on fewer labels than this takes the spread of all labels where that is the larger one."""


@dataclass(frozen=True, slots=True)
class Combined:
    """Linear combinations of means: estimates, standard errors, their degrees of freedom; shape (n_combinations,).

    ``is_known`` is False where a mean that a combination needs has no row: its other figures are NaN.
    """

    values: Doubles
    errors: Doubles
    freedom: Doubles
    is_known: NDArray[np.bool_]


class WeightedRows:
    """Labelled archs under several targets.

    Parameters
    ----------
    targets, groups
        The targets, and the groups that their weights are over.

    Attributes
    ----------
    means
        Under each target, NaN where no arch counts, shape (n_targets,).
    mean
        Over all archs.
    """

    def __init__(self, labelled: LabelledArchs, targets: Sequence[Target], groups: Sequence[Group]) -> None:
        self._labelled, self._targets = labelled, tuple(targets)
        columns = transpose(labelled.archs)
        self._cells = {number: groups[number].number(columns) for number in {target.group for target in targets}}
        self._mass = np.zeros(len(targets))
        sums = np.zeros(len(targets))
        for rows, under in self._parts():
            self._mass += under.sum(axis=1)
            sums += under @ labelled.values[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            self.means: Doubles = np.where(self._mass > 0, sums / self._mass, np.nan)
        n, self._total = len(labelled.values), float(labelled.weights.sum())
        self.mean = float(labelled.weights @ labelled.values) / self._total
        apart = np.square(labelled.values - self.mean)
        self._spread = float(labelled.weights @ apart) / self._total * n / max(1, n - 1)

    def _parts(self) -> Iterator[tuple[slice, Doubles]]:
        """Yield rows and their weights under every target, shape (n_targets, n_rows)."""
        for start in range(0, len(self._labelled.values), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            own = self._labelled.weights[rows]
            under = np.empty((len(self._targets), len(own)))
            for place, target in enumerate(self._targets):
                under[place] = target.weights[self._cells[target.group][rows]]
            yield rows, under * own

    def combine(self, coefficients: Doubles, constant: Doubles) -> Combined:
        """Estimate ``sum_k c_k * mean_k + constant * mean`` for each row of coefficients.

        Parameters
        ----------
        coefficients
            Shape (n_combinations, n_targets).
        constant
            How often the overall mean is added, shape (n_combinations,): -1 for an effect against the space.

        Notes
        -----
        O(n_combinations * n_targets * n). The variance is the sum of the squared influences of the rows, each divided
        by one less its leverage (HC2); the degrees of freedom are those of rows of one variance,
        ``(sum a^2)^2 / sum a^4 - 1`` for a combination ``sum a_i y_i``: a cell's size less 1 for its mean. Where the
        archs are all of the space, the noise of their labels is the only variance.

        References
        ----------
        MacKinnon and White, Journal of Econometrics 29, 1985. Imbens and Kolesar, Review of Economics and Statistics
        98, 2016.
        """
        is_known = ~np.any((coefficients != 0) & (self._mass == 0), axis=1)
        used = self._mass > 0
        means, mass = self.means[used, None], self._mass[used, None]
        scaled, share = coefficients[:, used] / mass[:, 0], constant[:, None] / self._total
        squares, second, fourth, noise = np.zeros((4, len(coefficients)))
        for rows, under in self._parts():
            values, own, part = self._labelled.values[rows], self._labelled.weights[rows], under[used]
            apart = (values - means) * part / np.sqrt(1 - np.minimum(part / mass, LARGEST_LEVERAGE))
            whole = (values - self.mean) * own / np.sqrt(1 - np.minimum(own / self._total, LARGEST_LEVERAGE))
            weight = scaled @ part + share * own
            squares += np.square(scaled @ apart + share * whole).sum(axis=1)
            second += np.square(weight).sum(axis=1)
            fourth += (weight**4).sum(axis=1)
            if self._labelled.noise is not None:
                noise += np.square(weight) @ self._labelled.noise[rows]
        effective = np.divide(second**2, fourth, out=np.full_like(second, np.inf), where=fourth > 0)
        few = effective < FEW
        variance = np.where(few, np.maximum(squares, self._spread * second), squares)
        freedom = np.where(few, max(1, len(self._labelled.values) - 1), effective - 1)
        if self._labelled.noise is not None:
            variance, freedom = noise, np.full_like(freedom, np.inf)
        values = coefficients[:, used] @ means[:, 0] + constant * self.mean
        unknown = np.where(is_known, 1.0, np.nan)
        return Combined(values * unknown, np.sqrt(variance) * unknown, freedom * unknown, is_known)
