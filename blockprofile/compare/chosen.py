"""Choosing single archs from repeated searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blockprofile.compare.indicators import is_within
from blockprofile.search import Evaluations, SearchResult


def best_arch(runs: Sequence[SearchResult], *, gain: int, cost: int, limit: float) -> Evaluations | None:
    """Find the arch with the best gain among all searches whose cost is within a limit.

    Parameters
    ----------
    gain, cost
        Places among the goals.
    limit
        On the cost.

    Returns
    -------
    One evaluation (of equal ones the earliest of the earliest search), or None if none is within the limit.
    """
    best: Evaluations | None = None
    for run in runs:
        points = run.archive.points
        within = np.flatnonzero((run.archive.violations <= 0) & is_within(points[:, cost], limit))
        if len(within):
            found = within[[np.argmin(points[within, gain])]]
            if best is None or points[found[0], gain] < best.points[0, gain]:
                best = Evaluations(run.archive, found)
    return best
