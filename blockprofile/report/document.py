"""What a page consists of: sections of texts, tables, charts and commands. Nothing here knows of HTML or of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from blockprofile.report.marks import Chart, palette_class

ROUNDING = 1e-9
"""Figures below are shown as 0: what is left of sums that cancel."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    sort
        What it is sorted by; None is the text.
    heat
        From -1 to 1: the shade, or None for no shade.
    tip
        What is told when the cell is pointed at or reached by keyboard.
    is_faint
        Below noise or floor.
    colour
        An index of the page's palette: the shade's hue, in the place of red for more and blue for less.
    """

    text: str
    sort: float | None = None
    heat: float | None = None
    tip: str = ""
    is_faint: bool = False
    colour: int | None = None

    @property
    def style(self) -> str:
        """The shade as CSS: the further from 0, the less transparent."""
        if self.heat is None and self.colour is None:
            return ""
        heat = 1.0 if self.heat is None else self.heat
        hue = "var(--high)" if heat > 0 else "var(--low)"
        if self.colour is not None:
            hue = f"var(--{palette_class(self.colour)})"
        strength = round(100 * min(1.0, abs(heat)) * (0.3 if self.is_faint else 1.0))
        return f"background:color-mix(in srgb,{hue} {strength}%,transparent)"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short statements."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True, slots=True)
class Code:
    """Commands, to be copied as they stand."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart and what it says."""

    chart: Chart
    caption: str
    kind: ClassVar[str] = "drawing"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that sorts; a map (``is_map``) keeps its order and is walked with the arrow keys.

    ``groups`` are headings over columns as (text, number of columns). ``is_folded`` hides it until it is opened.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    is_map: bool = False
    groups: tuple[tuple[str, int], ...] = ()
    is_folded: bool = False
    kind: ClassVar[str] = "table"


Part = Text | Bullets | Code | Drawing | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its parts; ``name`` is its anchor.

    ``instead`` says where else the parts stand; a section that has it may be left out of a page that grows too large.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page: what was asked, the answer, the rest."""

    title: str
    asked: str
    answer: tuple[str, ...]
    sections: tuple[Section, ...] = field(default=())


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> Cell:
    """Make a cell of a number with so many decimals, or with two digits where these would not show it; NaN is empty.

    Examples
    --------
    >>> number(1.5, 2, sign=True).text, number(0.00042).text, number(float("nan")).text
    ('+1.50', '0.00042', '')
    """
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return Cell("")
    is_small = ROUNDING < abs(value) < 10.0 ** (1 - digits)
    return Cell(f"{value:{'+' if sign else ''},{'.2g' if is_small else f'.{digits}f'}}", sort=float(value))


def p_value(value: float | None) -> Cell:
    """Make a cell of a p-value: two digits, or that it is below 1e-99.

    Examples
    --------
    >>> p_value(0.0123).text, p_value(0.0).text, p_value(None).text
    ('0.012', '< 1e-99', '')
    """
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return Cell("")
    return Cell(f"{value:.2g}" if value >= 1e-99 else "< 1e-99", float(value))


def table_of(title: str, rows: Sequence[Mapping[str, Any]], *, caption: str = "", is_folded: bool = False) -> Table:
    """Make a table of records: keys are columns, values cells, numbers or text; a column of nothing is left out."""
    cells = {
        key: [_cell(row.get(key, "")) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)
    }
    columns = {key: column for key, column in cells.items() if any(cell.text for cell in column)}
    return Table(title, tuple(columns), tuple(zip(*columns.values(), strict=True)), caption, is_folded=is_folded)


def _cell(value: Any) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("" if value is None else str(value))
    return Cell(f"{value:,}" if isinstance(value, int) else f"{value:,.4g}", sort=float(value))
