"""What a search is about: a space, goals, limits, and the predictors that evaluate archs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, one_of
from blockprofile.predict import Evaluator, Predictor
from blockprofile.run import Limit, total_violation
from blockprofile.search.objectives import Goal, normalised_weights
from blockprofile.space import Space

Values = Mapping[str, NDArray[np.float32]]


class Problem:
    """A space, what is wanted of its archs, and how they are evaluated.

    Parameters
    ----------
    goals
        At least one.
    predictors
        They must give every metric that goals and limits need; what else they give is recorded.

    Raises
    ------
    OptionError
        If a metric has no predictor, or the goals are not in order.
    """

    def __init__(
        self,
        space: Space,
        goals: Sequence[Goal],
        *,
        predictors: Sequence[Predictor],
        limits: Sequence[Limit] = (),
    ) -> None:
        self.space, self.goals, self.limits = space, tuple(goals), tuple(limits)
        self.weights = normalised_weights(self.goals)
        self.predictors = tuple(predictors)
        self.evaluate = Evaluator(space, self.predictors)
        self.metrics = tuple(predictor.metric for predictor in self.predictors)
        needed = [metric for goal in self.goals for metric in goal.metrics]
        needed += [limit.metric for limit in self.limits]
        for metric in needed:
            if metric not in self.metrics:
                raise OptionError(f"no predictor gives {metric!r}; {one_of(metric, self.metrics)}")

    @property
    def costly(self) -> frozenset[str]:
        """The metrics each of whose answers may cost a training.

        Those of the user's own predictors, which have no card, and of predictors that say so by ``is_costly``, as
        supernets do.
        """
        return frozenset(
            predictor.metric
            for predictor in self.predictors
            if getattr(predictor, "card", None) is None or getattr(predictor, "is_costly", False)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The goals' names."""
        return tuple(goal.name for goal in self.goals)

    @property
    def units(self) -> tuple[str, ...]:
        """The goals' units; empty for a reward."""
        known = {predictor.metric: predictor.unit for predictor in self.predictors}
        return tuple(known.get(goal.name, "") for goal in self.goals)

    @property
    def hypervolume_unit(self) -> str:
        """The product of the goals' units."""
        return " x ".join(filter(None, self.units))

    def points(self, values: Values) -> NDArray[np.float64]:
        """Return the minimised goals: float64, shape (n, m)."""
        return np.stack([goal.minimised(values) for goal in self.goals], axis=1)

    def natural(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn minimised points back: float64, shape (n, m), each goal in its own direction."""
        signs = np.array([-1.0 if goal.direction == "max" else 1.0 for goal in self.goals])
        natural: NDArray[np.float64] = points * signs
        return natural

    def violations(self, values: Values, n: int) -> NDArray[np.float64]:
        """Return by how much the limits are broken: float64, shape (n,)."""
        return total_violation(self.limits, values, n)

    def predictor(self, metric: str) -> Predictor:
        """Return the predictor of a metric."""
        return self.predictors[self.metrics.index(metric)]
