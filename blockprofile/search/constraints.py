"""Hard limits on metrics, and by how much an arch breaks them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.numbers import read_number

__all__ = ["Constraint", "parse_constraint", "total_violation"]

Sense = Literal["<=", ">="]


@dataclass(frozen=True, slots=True)
class Constraint:
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
        """The limit as it is typed."""
        return f"{self.metric}{self.sense}{self.value:g}"

    def violation(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return by what part of its value the limit is broken: float64, shape (n,); 0 where it is kept."""
        beyond = values[self.metric].astype(np.float64) - self.value
        # The sum over factors is exact to float32 only: a metric equal to its limit keeps it.
        tolerance = abs(self.value) * float(np.finfo(np.float32).eps)
        beyond = beyond if self.sense == "<=" else -beyond
        scale = abs(self.value) or 1.0
        return np.where(beyond > tolerance, beyond / scale, 0.0)


def parse_constraint(text: str) -> Constraint:
    """Read ``METRIC<=VALUE`` or ``METRIC>=VALUE``.

    Raises
    ------
    OptionError
        If the text is not of that form.

    Examples
    --------
    >>> parse_constraint("latency_ms:note10 <= 30").text
    'latency_ms:note10<=30'
    """
    sense: Sense = ">=" if ">=" in text else "<="
    metric, found, value = text.partition(sense)
    number = read_number(value)
    if not found or not metric.strip() or number is None:
        raise OptionError(
            f"--limit {text!r} is not of the form METRIC<=VALUE or METRIC>=VALUE, such as 'latency_ms:note10<=30'"
        )
    return Constraint(metric.strip(), sense, number)


def total_violation(
    constraints: Sequence[Constraint], values: Mapping[str, NDArray[np.float32]], n: int
) -> NDArray[np.float64]:
    """Sum the relative violations of all limits: float64, shape (n,); 0 means feasible."""
    total = np.zeros(n)
    for constraint in constraints:
        total += constraint.violation(values)
    return total
