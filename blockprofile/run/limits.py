"""Limits on metrics, such as ``latency_ms:note10<=30``: by how much archs break them, and drawing archs within one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, OptionError
from blockprofile.numbers import read_number, write_number
from blockprofile.predict import AdditivePredictor, Entry, build_predictor, find_metric
from blockprofile.space import Law, Space

if TYPE_CHECKING:
    from blockprofile.additive import LimitedSampler

Sense = Literal["<=", ">="]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that an arch keeps or breaks: ``metric <= value`` or ``metric >= value``.

    Raises
    ------
    OptionError
        If the value is not finite, or the sense is another.
    """

    metric: str
    sense: Sense
    value: float

    def __post_init__(self) -> None:
        if self.sense not in {"<=", ">="}:
            raise OptionError(f"limit on {self.metric!r} has sense {self.sense!r}; choices: <=, >=")
        if not math.isfinite(self.value):
            raise OptionError(f"limit on {self.metric!r} is {self.value}; it must be finite")

    @property
    def text(self) -> str:
        """The limit as `parse_limit` reads it."""
        return f"{self.metric}{self.sense}{write_number(self.value)}"

    def violation(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return by what part of its value the limit is broken: float64, shape (n,); 0 where it is kept."""
        beyond = values[self.metric].astype(np.float64) - self.value
        # The sum over factors is exact to float32 only: a metric equal to its limit keeps it.
        tolerance = abs(self.value) * float(np.finfo(np.float32).eps)
        beyond = beyond if self.sense == "<=" else -beyond
        scale = abs(self.value) or 1.0
        return np.where(beyond > tolerance, beyond / scale, 0.0)


def parse_limit(text: str) -> Limit:
    """Read ``METRIC<=VALUE`` or ``METRIC>=VALUE``.

    Raises
    ------
    OptionError
        If the text is not of that form, or the value is no finite number.

    Examples
    --------
    >>> parse_limit("latency_ms:note10 <= 30").text
    'latency_ms:note10<=30'
    """
    sense: Sense = ">=" if ">=" in text else "<="
    metric, found, value = text.partition(sense)
    number = read_number(value)
    if not found or not metric.strip() or number is None:
        raise OptionError(
            f"--limit {text!r} is not of the form METRIC<=VALUE or METRIC>=VALUE, such as 'latency_ms:note10<=30'"
        )
    return Limit(metric.strip(), sense, number)


def total_violation(limits: Sequence[Limit], values: Mapping[str, NDArray[np.float32]], n: int) -> NDArray[np.float64]:
    """Sum the relative violations of all limits: float64, shape (n,); 0 means feasible."""
    total = np.zeros(n)
    for limit in limits:
        total += limit.violation(values)
    return total


def find_limited(limit: Limit, space: Space, *, entries: Iterable[Entry] = ()) -> Entry:
    """Find the predictor of the metric that archs are drawn within: one of ``entries`` or a shipped one.

    Raises
    ------
    UnknownNameError, CoverageError
        If the metric is unknown or does not cover the space.
    """
    return find_metric(limit.metric, space, brought={each[0].metric: each for each in entries})


def limited_sampler(
    space: Space, limit: Limit, *, law: Law = "papers", entries: Iterable[Entry] = ()
) -> LimitedSampler:
    """Prepare to draw archs of the law, given that they are within the limit, without rejection.

    Raises
    ------
    CoverageError
        If the metric is no sum over operators: a network's output cannot be limited without rejection.
    InfeasibleError
        If no arch is within the limit; the message gives the feasible range.
    UserError
        As `find_limited`.
    """
    from blockprofile.additive import LimitedSampler

    predictor = build_predictor(find_limited(limit, space, entries=entries), space)
    if not isinstance(predictor, AdditivePredictor):
        raise CoverageError(
            f"--limit on {limit.metric!r}: its predictor is no sum over operators, so it cannot be sampled under a "
            "limit; limit a counted, measured or calibrated metric"
        )
    return LimitedSampler(space, predictor.factors, limit=limit.value, law=law, is_lower=limit.sense == ">=")
