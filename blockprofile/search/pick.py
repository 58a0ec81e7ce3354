"""Picking archs from a front: the knee, the best within limits, the top few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import InfeasibleError, OptionError
from blockprofile.run import Limit
from blockprofile.search.result import Evaluations, SearchResult


def knee_place(points: NDArray[np.float64]) -> int:
    """Find the knee of a front: the point furthest towards the ideal from the plane through the extremes.

    Parameters
    ----------
    points
        float64, shape (n, m), minimised, n at least 1.

    Returns
    -------
    Its place; of equally good ones the first.

    Notes
    -----
    Each goal is scaled to 0 at its best and 1 at its worst on the front; the knee has the least sum.

    References
    ----------
    Das, "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection", 1999.

    Examples
    --------
    >>> knee_place(np.array([[0.0, 10.0], [1.0, 2.0], [10.0, 0.0]]))
    1
    """
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    scaled = (points - low) / np.where(span > 0, span, 1.0)
    return int(np.argmin(scaled.sum(axis=1)))


def pick(
    result: SearchResult,
    *,
    knee: bool = False,
    limits: Sequence[Limit] = (),
    top: int | None = None,
    goal: str | None = None,
) -> Evaluations:
    """Pick archs of a finished search.

    Parameters
    ----------
    knee
        Take the knee of the front (of what keeps the limits).
    limits
        Take what keeps them; without ``knee`` and ``top``, the best of it in the first goal.
    top
        Take so many of the best in ``goal``, on the front or not.
    goal
        The goal's name; None is the first.

    Raises
    ------
    OptionError
        If ``knee`` is asked for and ``top`` or ``goal`` too, ``top`` is below 1, or a goal or metric is not of the
        search.
    InfeasibleError
        If no evaluated arch keeps the limits.
    """
    if knee and top is not None:
        raise OptionError("pick one thing: --knee or --top")
    if knee and goal is not None:
        raise OptionError(f"--by {goal!r} has no effect here: the knee weighs all objectives; leave it out")
    if top is not None and top < 1:
        raise OptionError(f"--top is {top}; it must be at least 1")
    names = result.problem.names
    if goal is not None and goal not in names:
        raise OptionError(f"--by {goal!r} is no objective of this search; choices: {', '.join(names)}")
    place = 0 if goal is None else names.index(goal)
    pool = result.front if knee else result.top(len(result.archive), goal=place)
    kept = np.ones(len(pool), bool)
    for limit in limits:
        if limit.metric not in result.problem.metrics:
            choices = ", ".join(result.problem.metrics)
            raise OptionError(f"limit {limit.text!r}: the search has no {limit.metric!r}; choices: {choices}")
        kept &= limit.violation(pool.metrics) == 0
    chosen = Evaluations(result.archive, pool.numbers[kept])
    if len(chosen) == 0:
        told = ", ".join(limit.text for limit in limits) or "all limits of the search"
        ranges = "; ".join(
            f"{limit.metric} ranges from {values.min():.6g} to {values.max():.6g}"
            for limit in limits
            if len(values := pool.metrics[limit.metric])
        )
        raise InfeasibleError(f"none of the {len(pool)} archs keeps {told}" + (f"; {ranges}" if ranges else ""))
    if knee:
        return Evaluations(result.archive, chosen.numbers[[knee_place(chosen.points)]])
    return Evaluations(result.archive, chosen.numbers[: top or 1])
