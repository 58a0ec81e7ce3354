"""What a chart consists of: points, lines, bands and shades, with their words and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_COLOURS = 6
"""Colours of the page's palette, ``c0`` to ``c5`` in its style."""


def palette_class(colour: int) -> str:
    """Return the class of a colour by its index; the palette begins again where there are more."""
    return f"c{colour % N_COLOURS}"


@dataclass(frozen=True, slots=True)
class Points:
    """Marks. ``tips`` (one each, or none at all) make them reachable; ``labels`` are written beside them.

    ``colour`` is an index of the page's palette; ``shape`` is ``dot``, ``ring`` or ``diamond``; ``x_error`` and
    ``y_error`` are half-widths of intervals.
    """

    label: str
    x: Floats
    y: Floats
    tips: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    colour: int = 0
    shape: str = "dot"
    size: float = 4.0
    opacity: float = 1.0
    x_error: Floats | None = None
    y_error: Floats | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; ``is_step`` draws it as a staircase that holds each value until the next."""

    label: str
    x: Floats
    y: Floats
    colour: int = 0
    is_step: bool = False
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two lines over the same x."""

    label: str
    x: Floats
    low: Floats
    high: Floats
    colour: int = 0
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class Shade:
    """A grid of cells from -1 (colour ``less``) to 1 (colour ``more``), cells centred on the places.

    ``values`` has shape (len(x), len(y)); the colours are indices of the page's palette.
    """

    label: str
    x: Floats
    y: Floats
    values: Floats
    more: int = 1
    less: int = 0


Mark = Points | Line | Band | Shade


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its words and what is drawn, the first at the back. ``title`` is its name for screen readers."""

    title: str
    x_label: str
    y_label: str
    marks: tuple[Mark, ...]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
