"""A toy problem whose front is known by enumeration, and searches of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.run import Limit
from blockprofile.search import Aims, Objective, Problem, SearchResult, search
from blockprofile.search.archive import Archive
from blockprofile.search.initial import make_initial_pool
from blockprofile.search.nsga2 import NSGA2
from blockprofile.space import Space
from tests.toy import ProductPredictor, additive_predictor, all_archs

MACS_LATENCY = ("macs_m:max", "latency_ms:mace_gpu:min")
GOALS = (Objective("top1_percent", "max"), Objective("latency_ms:toy", "min"))


def toy_problem(space: Space, goals: Sequence[Objective] = GOALS, limits: Sequence[Limit] = ()) -> Problem:
    """The product metric as accuracy against the additive one as latency."""
    predictors = [ProductPredictor(space), additive_predictor(space)]
    return Problem(space, goals, predictors=predictors, limits=limits)


def brute_nondominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Compare every pair of points: bool, shape (n,); equal points are all kept."""
    no_worse = (points[:, None] <= points[None]).all(axis=2)
    better = (points[:, None] < points[None]).any(axis=2)
    return ~(no_worse & better).any(axis=0)


def true_front(problem: Problem) -> NDArray[np.float64]:
    """Enumerate the space and return the distinct points of its front, sorted."""
    archs = all_archs(problem.space)
    values = problem.evaluate(archs)
    kept = problem.violations(values, len(archs)) == 0
    points = problem.points(values)[kept]
    return np.unique(points[brute_nondominated(points)], axis=0)


def new_archive(problem: Problem) -> tuple[Archive, object]:
    """An empty archive and its initial pool."""
    return Archive(problem), make_initial_pool(problem)


SMALL = NSGA2(population=20)


def toy_search(space: Space, **given: object) -> SearchResult:
    predictors = [ProductPredictor(space), additive_predictor(space)]
    return search(space, Aims(GOALS, predictors=predictors), **given)  # type: ignore[arg-type]


def front_points(result: SearchResult) -> np.ndarray:
    return np.unique(result.front.points, axis=0)
