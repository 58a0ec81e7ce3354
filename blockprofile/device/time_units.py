"""The units in which times are given: milliseconds, seconds, microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

TimeUnit = Literal["ms", "s", "us"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
MS: Mapping[TimeUnit, float] = {"ms": 1.0, "s": 1000.0, "us": 0.001}
"""Milliseconds of a unit."""
