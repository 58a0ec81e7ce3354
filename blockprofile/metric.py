"""What a metric's name says: its column, on what it is measured, unit, direction, and how people call it.

A name is a column (``macs_m``), or a column and what it is of (``latency_ms:note10``): the device for a latency, energy
or a memory, another scale for an accuracy, a number format for counted bytes (``weights_mb:int8``). The column's ending
is the unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from blockprofile.errors import OptionError, one_of
from blockprofile.files import check_name

__all__ = ["ACCURACY", "LATENCY", "PEAK", "Direction", "Metric", "check_metric", "match_metric", "parse_metric"]

Direction = Literal["max", "min"]

ACCURACY = "top1_percent"
"""The column of what is usually wanted."""
LATENCY = "latency_ms"
"""The column of what is usually paid."""

_UNITS = {"percent": "%", "ms": "ms", "m": "M", "mb": "MB", "mj": "mJ"}
_ON_DEVICE = frozenset({LATENCY, "energy_mj", "memory_mb"})
_TITLES = {
    "top1_percent": "top-1 accuracy", "latency_ms": "latency", "energy_mj": "energy", "memory_mb": "memory",
    "macs_m": "multiply-adds", "flops_m": "FLOPs", "params_m": "parameters", "weights_mb": "weights",
    "activation_mb": "peak activations",
}  # fmt: skip
_MAXIMIZED = frozenset({ACCURACY})
PEAK = "activation_mb"
"""The column of what is a maximum over a network's places, and no sum."""
_IN_PRECISION = frozenset({"weights_mb", PEAK})


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Parameters
    ----------
    name
        The whole name, which is the column of tables.
    column
        The name up to the colon.
    of
        What stands behind the colon: a device, an accuracy's scale, a number format; empty where nothing does.
    unit
        Such as ``ms`` or ``%``; empty where the name tells none.
    direction
        What is wanted of it; None where that is not known.
    """

    name: str
    column: str
    of: str
    unit: str
    direction: Direction | None

    @property
    def ending(self) -> str:
        """The column's ending, which is the unit as columns and keys have it: ``ms``, ``mj``."""
        return self.column.rpartition("_")[2]

    @property
    def is_on_device(self) -> bool:
        """Whether it is a cost on some device."""
        return self.column in _ON_DEVICE

    @property
    def device(self) -> str:
        """The device that it is measured on; empty for what is no device's."""
        return self.of if self.is_on_device else ""

    @property
    def title(self) -> str:
        """The metric for people, without its unit."""
        title = _TITLES.get(self.column, self.column)
        joiner = ", scale of " if self.column in _MAXIMIZED else " in " if self.column in _IN_PRECISION else " on "
        return f"{title}{joiner}{self.of}" if self.of else title


def parse_metric(name: str) -> Metric:
    """Read a metric's name.

    Examples
    --------
    >>> phone = parse_metric("latency_ms:phone")
    >>> phone.column, phone.device, phone.unit, phone.direction, phone.title
    ('latency_ms', 'phone', 'ms', 'min', 'latency on phone')
    >>> [parse_metric(name).direction for name in ("top1_percent:ofa", "energy_mj:board", "memory_mb", "score")]
    ['max', 'min', 'min', None]
    """
    column, _, of = name.partition(":")
    direction: Direction | None = "max" if column in _MAXIMIZED else "min" if column in _TITLES else None
    return Metric(name, column, of, _UNITS.get(column.rpartition("_")[2], ""), direction)


def check_metric(name: str) -> str:
    """Return a metric's name, from a card, a recipe or the command line, if it can be one.

    Raises
    ------
    OptionError
        If nothing stands before the colon, more than one colon is there, or it cannot name a file.

    Examples
    --------
    >>> check_metric("latency_ms:phone")
    'latency_ms:phone'
    """
    check_name(name, what="metric")
    column, colon, of = name.partition(":")
    if not column.strip() or (colon and not of.strip()) or ":" in of:
        raise OptionError(f"metric {name!r} must be a column, or a column and what it is of, as 'latency_ms:phone'")
    for part in filter(None, (column, of)):
        check_name(part, what="metric")
    return name


def match_metric(metric: str, names: Iterable[str]) -> str | None:
    """Find a metric among those that are there: by its whole name, or by its column if only one has that.

    Raises
    ------
    OptionError
        If only the column is given and several have it.

    Examples
    --------
    >>> match_metric("latency_ms", ["macs_m", "latency_ms:phone"])
    'latency_ms:phone'
    """
    there = list(dict.fromkeys(names))
    if metric in there:
        return metric
    alike = [name for name in there if parse_metric(name).column == metric]
    if len(alike) > 1:
        raise OptionError(f"metric {metric!r} does not say which one; {one_of(metric, alike)}")
    return alike[0] if alike else None
