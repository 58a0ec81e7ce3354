"""Fixed points by which runs are measured: the reference point of the hypervolume, and the hypervolume itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict import Evaluator
from blockprofile.search.problem import Problem
from blockprofile.search.sorting import nondominated
from blockprofile.space import INACTIVE, Archs, Space, draw_archs

N_REFERENCE = 4_096
REFERENCE_SEED = 0

Floats = NDArray[np.float64]


def reference_archs(space: Space) -> Archs:
    """Return the archs whose worst values make the reference point.

    4,096 archs drawn from the base space (so that a pruned space has the same reference point), and for every
    block the archs made of that block alone at the smallest and at the greatest depths.

    Returns
    -------
    uint8, shape (n, n_slots).
    """
    base = space.base
    drawn = draw_archs(base, N_REFERENCE, np.random.default_rng(REFERENCE_SEED))
    uniform = []
    for code in range(base.n_blocks):
        for end in (0, -1):
            arch = np.array([base.allowed[slot.index][end] for slot in base.slots], np.uint8)
            for slot in base.layer_slots:
                if code in base.allowed[slot.index]:
                    arch[slot.index] = code
            depths = base.depths(arch)
            for slot in base.layer_slots:
                if slot.layer > depths[slot.unit - 1]:
                    arch[slot.index] = INACTIVE
            uniform.append(arch)
    return np.concatenate([drawn, np.stack(uniform)])


def reference_point(problem: Problem) -> Floats:
    """Return the worst value of each minimised goal among `reference_archs`: float64, shape (m,).

    It depends on base space, predictors and goals alone: all searches of one problem share it, whatever their
    seed, algorithm or pruning. A goal that a costly predictor (see `Problem.costly`) decides is NaN: it is not asked
    for thousands of archs; `complete_reference` fills it from those that were evaluated.
    """
    known = [predictor for predictor in problem.predictors if predictor.metric not in problem.costly]
    values = Evaluator(problem.space, known)(reference_archs(problem.space)) if known else {}
    return np.array(
        [np.nan if problem.costly & set(goal.metrics) else goal.minimised(values).max() for goal in problem.goals]
    )


def complete_reference(reference: Floats, points: Floats) -> Floats:
    """Put the worst of the evaluated points where a reference point is NaN; no points leave it as it is."""
    return np.where(np.isnan(reference), points.max(axis=0, initial=-np.inf), reference) if len(points) else reference


def hypervolume(points: Floats, reference: Floats) -> float:
    """Return the volume that minimised points dominate up to the reference point.

    Parameters
    ----------
    points
        float64, shape (n, m); points beyond the reference add nothing; n may be 0.
    reference
        float64, shape (m,).

    Examples
    --------
    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
    3.0
    """
    inside = points[(points < reference).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(reference[0] - inside.min())
    from moocore import hypervolume as exact_hypervolume

    return float(exact_hypervolume(inside, ref=reference))


def fronts_by_generation(
    points: Floats, ends: Sequence[int], reference: Floats
) -> Iterator[tuple[NDArray[np.int64], float]]:
    """Yield the front and its hypervolume after each generation.

    Parameters
    ----------
    points
        float64, shape (n, m): the feasible evaluations in order.
    ends
        How many of them there are after each generation.

    Yields
    ------
    The places of the front in ``points``, int64, and its hypervolume.
    """
    front, first = np.zeros(0, np.int64), 0
    for last in ends:
        pool = np.concatenate([front, np.arange(first, last)])
        front, first = pool[nondominated(points[pool])], last
        yield front, hypervolume(points[front], reference)
