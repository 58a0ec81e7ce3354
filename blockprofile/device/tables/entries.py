"""The named times of a published table, and which of them an operator was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from blockprofile.device.formats import ProfileFile
from blockprofile.device.median import Median
from blockprofile.errors import OptionError
from blockprofile.metric import LATENCY

NOTHING = Median(0.0, float("nan"), float("nan"), 0)
"""What an operator is given whose time stands in another's entry."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A table's times by name; each is one of ``times`` where several files have it. ``used`` are those given away."""

    times: Mapping[str, Sequence[Median]]
    used: set[str] = field(default_factory=set)

    def mean(self, names: Iterable[str]) -> Median | None:
        """Pool the entries of these names that are there; None where none is."""
        found = [name for name in names if name in self.times]
        self.used.update(found)
        return pool([time for name in found for time in self.times[name]]) if found else None

    def sum(self, names: Sequence[str]) -> Median | None:
        """Add up the entries of these names; None where one is missing."""
        if any(name not in self.times for name in names):
            return None
        self.used.update(names)
        return Median(
            sum(pool(self.times[name]).value for name in names), float("nan"), float("nan"),
            min(pool(self.times[name]).n for name in names),
        )  # fmt: skip

    def begins(self, *heads: str) -> bool:
        """Tell whether an entry's name begins with one of these."""
        return any(name.startswith(heads) for name in self.times)

    @property
    def n_extra(self) -> int:
        """How many entries no operator was given."""
        return len(self.times) - len(self.used)


def pool(times: Sequence[Median]) -> Median:
    """Pool the means of several measurements of one operator; the standard deviation is their mean one.

    Examples
    --------
    >>> pool([Median(1.0, 0.0, 0.5, 100), Median(3.0, 0.0, 0.5, 300)])
    Median(value=2.0, half_width=nan, spread=0.5, n=400)
    """
    values = [time.value for time in times]
    spread = float(np.mean([time.spread for time in times]))
    return Median(float(np.mean(values)), float("nan"), spread, sum(time.n for time in times))


def check_times_only(file: ProfileFile, column: str, metric: str, *, form: str) -> None:
    """Refuse what has no sense for a file that is one table of times.

    Raises
    ------
    OptionError
        If a column is named, or another metric asked for.
    """
    if metric != LATENCY:
        raise OptionError(f"{file.path} is a table of the format {form!r}, which gives times, not {metric}")
    if column:
        raise OptionError(f"--column {column!r} has no effect here: {file.path} holds one table")
