"""One figure of merit of a comparison, and what it says of a case against the original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare.paired import CONFIDENCE, Paired

Floats = NDArray[np.float64]
BELOW_FLOOR = "below the predictor's own error"


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure of merit, one value per case and seed: float64, shape (n_cases, n_seeds).

    ``floor`` is what the predictors' own errors make of it (`blockprofile.compare.floors`); ``unaudited`` names the
    metrics whose part in that is not known.
    """

    name: str
    title: str
    unit: str
    is_more_better: bool
    values: Floats
    floor: float = 0.0
    unaudited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case against the original in one indicator; ``p_adjusted`` is Holm's over all verdicts of the indicator.

    ``n_with`` are the seeds that have a value at all, such as an arch within a limit: of the case, and of the original.
    """

    case: str
    indicator: Indicator
    paired: Paired
    p_adjusted: float
    n_with: tuple[int, int]

    @property
    def is_sure(self) -> bool:
        """Whether the searches differ beyond the noise of the seeds, by Holm's p; of one case, its interval."""
        return self.p_adjusted < 1 - CONFIDENCE

    @property
    def is_below_floor(self) -> bool:
        """Whether the difference is within the predictors' own error."""
        return abs(self.paired.difference) <= self.indicator.floor

    @property
    def is_better(self) -> bool | None:
        """Whether the case is better or worse: `is_sure`, and the difference exceeds the floor."""
        if not self.is_sure or self.is_below_floor:
            return None
        return (self.paired.difference > 0) == self.indicator.is_more_better

    @property
    def words(self) -> str:
        """Say it in a few words; whether seeds had no value, such as no arch within a limit."""
        n_seeds, (ours, theirs) = self.indicator.values.shape[1], self.n_with
        if self.paired.n == 0:
            return f"found in {ours}, by the original in {theirs} of {n_seeds} seeds" if ours + theirs else "none found"
        word = {True: "better", False: "worse", None: "undecided"}[self.is_better]
        if self.is_sure and self.is_below_floor:
            word = BELOW_FLOOR
        return word if self.paired.n == n_seeds else f"{word} ({self.paired.n} of {n_seeds} seeds)"
