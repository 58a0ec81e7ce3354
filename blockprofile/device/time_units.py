"""The units in which times are given: milliseconds, seconds, microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from blockprofile.errors import check_choice

TimeUnit = Literal["ms", "s", "us"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
MS: Mapping[TimeUnit, float] = {"ms": 1.0, "s": 1000.0, "us": 0.001}
"""Milliseconds of a unit."""


def unit_factor(unit: TimeUnit) -> float:
    """Return the milliseconds of a unit."""
    return MS[unit]


def check_time_unit(unit: str) -> TimeUnit:
    """Return ``unit`` if it is one of `TIME_UNITS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    return check_choice("time unit", unit, TIME_UNITS)
