"""Objectives: what a search wants more or less of, and how much each counts.

Inside the search everything is minimised; an objective converts its metric once, here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.metric import Direction, parse_metric
from blockprofile.numbers import parse_number


class Goal(Protocol):
    """What a search works towards: an `Objective`, or a scalar such as `blockprofile.search.Reward`.

    ``name`` labels its column, ``metrics`` are those it needs, ``weight`` is its share of the crowding
    distance, and `minimised` gives float64 of shape (n,), less being better.
    """

    @property
    def name(self) -> str:
        """The label."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it is made from."""
        ...

    @property
    def weight(self) -> float:
        """How much it counts, at least 0."""
        ...

    @property
    def direction(self) -> Direction:
        """Whether more or less of it is wanted."""
        ...

    def minimised(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return what is to be minimised."""
        ...

    def describe(self) -> dict[str, object]:
        """Describe it in plain values, for a manifest."""
        ...


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric with a direction and a weight.

    Parameters
    ----------
    metric
        A metric's column, such as ``latency_ms:note10``.
    direction
        ``max`` or ``min``.
    weight
        Its share of the crowding distance (MoGA, equation 4), relative to the other objectives; at least 0.

    Raises
    ------
    OptionError
        If direction or weight are not allowed.

    Examples
    --------
    >>> Objective("top1_percent", "max").minimised({"top1_percent": np.array([75.0, 76.0], np.float32)})
    array([-75., -76.])
    """

    metric: str
    direction: Direction
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.direction not in {"max", "min"}:
            raise OptionError(f"direction {self.direction!r} of objective {self.metric!r}; choices: max, min")
        if not 0 <= self.weight < float("inf"):
            raise OptionError(f"weight {self.weight} of objective {self.metric!r} must be finite and at least 0")

    @property
    def name(self) -> str:
        """The metric's column."""
        return self.metric

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric alone."""
        return (self.metric,)

    def minimised(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the metric, negated if more of it is wanted: float64, shape (n,)."""
        column = values[self.metric].astype(np.float64)
        return -column if self.direction == "max" else column

    def describe(self) -> dict[str, object]:
        """Describe it in plain values, for a manifest."""
        return {"metric": self.metric, "direction": self.direction, "weight": self.weight}


def parse_objective(text: str) -> Objective:
    """Read ``METRIC[:max|min[:WEIGHT]]``; the usual metrics know their direction.

    Raises
    ------
    OptionError
        If the direction is missing and not known, or the weight is no number.

    Examples
    --------
    >>> parse_objective("latency_ms:mace_gpu:min:0.4")
    Objective(metric='latency_ms:mace_gpu', direction='min', weight=0.4)
    >>> parse_objective("top1_percent")
    Objective(metric='top1_percent', direction='max', weight=1.0)
    """
    words = text.split(":")
    places = [i for i, word in enumerate(words) if word in {"max", "min"}]
    place = places[-1] if places else len(words)
    metric, tail = ":".join(words[:place]), words[place + 1 :]
    if not metric or len(tail) > 1:
        raise OptionError(f"--objective {text!r} is not of the form METRIC:max|min[:WEIGHT]")
    direction: Direction | None = "max" if places and words[place] == "max" else "min" if places else None
    direction = direction or parse_metric(metric).direction
    if direction is None:
        raise OptionError(f"--objective {text!r} does not say max or min; write '{text}:max' or '{text}:min'")
    weight = parse_number(tail[0], f"the weight of --objective {text!r}") if tail else 1.0
    return Objective(metric, direction, weight)


def normalised_weights(goals: Sequence[Goal]) -> NDArray[np.float64]:
    """Return the weights scaled to sum to 1 (MoGA, equation 3).

    Raises
    ------
    OptionError
        If there is no goal, two have one name, or all weights are 0.
    """
    names = [goal.name for goal in goals]
    if not names:
        raise OptionError("a search needs at least one objective, such as top1_percent:max")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"objective {twice[0]!r} is given twice; each metric can be one objective")
    weights = np.array([goal.weight for goal in goals], np.float64)
    if weights.sum() <= 0:
        raise OptionError(f"the weights of {', '.join(names)} are all 0; at least one must be greater")
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
