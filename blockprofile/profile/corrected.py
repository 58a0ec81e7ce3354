"""Effects of a pool, corrected by labelled archs: prediction-powered inference.

A pool of many archs says exactly what the predictor says, which is not the truth. What the predictor, not having seen
them, leaves of the labels of some archs has the mean in every cell that the predictor is wrong by there. Added, it
makes the figure right whatever the predictor is; its error, independent of the pool's, adds to the pool's in squares.

References
----------
Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Prediction-powered inference, Science 382, 2023. Zrnic and Candes,
Cross-prediction-powered inference, PNAS 121, 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, Target
from blockprofile.predict import LabelledArchs
from blockprofile.profile.weighted import WeightedRows

TRUTH, PREDICTOR, LABELS = "truth", "predictor", "labels"
"""What an interval holds for: the true effect; what the predictor says; what the labels say, their noise included."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects of one statistic, their standard errors and degrees of freedom, and what they hold for; shape (n,)."""

    effects: Doubles
    errors: Doubles
    freedom: Doubles
    holds_for: tuple[str, ...]

    def row(self, place: int) -> dict[str, Any]:
        """Return one effect as columns of the table."""
        columns = {"effect": self.effects, "se": self.errors, "freedom": self.freedom}
        figures: dict[str, Any] = {name: float(column[place]) for name, column in columns.items()}
        return {**figures, "holds_for": self.holds_for[place]}


class Correction:
    """What labelled archs say of the means under some targets.

    Parameters
    ----------
    labelled
        The archs with what a predictor left of their labels; None where there are none, and nothing is corrected.
    targets, groups
        The targets, and the groups that their weights are over.
    otherwise
        What an effect that is not corrected holds for.
    """

    def __init__(
        self, labelled: LabelledArchs | None, targets: Sequence[Target], groups: Sequence[Group], *, otherwise: str
    ) -> None:
        self._rows = None if labelled is None else WeightedRows(labelled, targets, groups)
        self._otherwise = otherwise

    def effects(
        self, effects: Doubles, errors: tuple[Doubles, Doubles], coefficients: Doubles, constant: Doubles
    ) -> Effects:
        """Correct effects of a pool.

        Parameters
        ----------
        effects, errors
            Of the pool; errors with their degrees of freedom.
        coefficients, constant
            Which combinations of means the effects are; see `WeightedRows.combine`.

        Notes
        -----
        An effect with a mean that no labelled arch tells of stays as it is and holds for the predictor. The degrees of
        freedom are Welch's and Satterthwaite's.
        """
        own, own_freedom = errors
        if self._rows is None:
            return Effects(effects, own, own_freedom, (self._otherwise,) * len(effects))
        found = self._rows.combine(coefficients, constant)
        known = found.is_known
        both = np.where(known, np.hypot(own, found.errors), own)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.nan_to_num(own**4 / own_freedom) + np.nan_to_num(found.errors**4 / found.freedom)
            freedom = np.where(known, np.where(parts > 0, both**4 / parts, np.inf), own_freedom)
        holds_for = tuple(TRUTH if each else PREDICTOR for each in known)
        return Effects(np.where(known, effects + found.values, effects), both, freedom, holds_for)

    def shift(self, weights: Doubles) -> float:
        """Return by how much a weighted average of the means under the targets is corrected; 0 where not known."""
        if self._rows is None:
            return 0.0
        used = weights != 0
        shift = float(weights[used] @ self._rows.means[used])
        return shift if np.isfinite(shift) else 0.0
