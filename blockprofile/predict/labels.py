"""Labelled architectures: a CSV or Parquet table or JSON lines with archs in it, read for a space.

An arch is either in a column ``arch``, as text or in any other form, or there is one column for each slot: a layer's
column holds block names or codes, empty (or -1, 255) where the layer is inactive; every other slot's column holds its
value. Depth columns may be left out; where one is there it says which layers are active, and what stands behind them is
padding. A column ``resolution`` gives each row's input resolution where it is no slot. What says the same thing twice
has to agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError, one_of
from blockprofile.numbers import NUMBER_FORM
from blockprofile.predict.sheet import Sheet, column_numbers, place_of, read_sheet, slot_codes
from blockprofile.space import INACTIVE, Archs, Slot, Space, UnitSlots, explain_arch, read_arch

TEXT_COLUMN, RESOLUTION_COLUMN = "arch", "resolution"
_INDEX = re.compile(r"__index_level_[0-9]+__")
_PART, _WHOLE = (
    "(u|unit|s|stage)[0-9]+",
    "(d|depths?|ks|kernels?|kernelsizes?|e|expands?|expandratios?|expansions?|widths?)",
)
_SLOT_LIKE = re.compile(f"{_PART}((l|layer|b|block)[0-9]+|{_WHOLE}|w|block)|{_WHOLE}[0-9]*|{_WHOLE}({_PART})")
_RESOLUTION_LIKE = frozenset(
    {"r", "res", "resolution", "resolutions", "inputresolution", "imagesize", "imgsize", "inputsize"}
)
LARGEST_LABEL = 1e18
"""The square of a figure fits float32; none of a network comes near."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Archs with their labels.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    labels
        By column, float64 of shape (n,).
    resolutions
        Each row's input resolution, shape (n,); None where the table has none.
    lines
        Each row's line in the file, shape (n,); None where the file has rows alone.
    unread
        Columns that are neither numbers nor anything that is understood, with the reason.
    """

    path: Path
    archs: Archs
    labels: Mapping[str, NDArray[np.float64]]
    resolutions: NDArray[np.int64] | None
    lines: NDArray[np.int64] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)

    def take(self, rows: NDArray[np.int64]) -> LabelTable:
        """Return a table of these rows alone."""
        labels = {column: values[rows] for column, values in self.labels.items()}
        resolutions, lines = (None if each is None else each[rows] for each in (self.resolutions, self.lines))
        return LabelTable(self.path, self.archs[rows], labels, resolutions, lines, self.unread)

    def within(self, space: Space) -> LabelTable:
        """Return a table of the rows of a space's archs at its resolution; none where there are none."""
        kept = self.take(np.flatnonzero(space.contains(self.archs)))
        return kept.at_resolution(space.resolution)

    def at_resolution(self, resolution: int | None) -> LabelTable:
        """Return a table of the rows at a resolution; all rows where they have none of their own."""
        if self.resolutions is None:
            return self
        return replace(self.take(np.flatnonzero(self.resolutions == resolution)), resolutions=None)

    def label(self, column: str) -> NDArray[np.float64]:
        """Return one column of labels.

        Raises
        ------
        DataError
            If the table has no such column, or the column holds a value that is not a finite number.
        """
        if column not in self.labels:
            why = f" ({self.unread[column]})" if column in self.unread else ""
            raise DataError(f"{self.path} has no column {column!r} of numbers{why}; {one_of(column, self.labels)}")
        values = self.labels[column]
        is_right = np.abs(values) <= LARGEST_LABEL  # not so for NaN
        if not is_right.all():
            row = int(np.flatnonzero(~is_right)[0])
            told = f"{self.path}: column {column!r}, {place_of(row, self.lines)} holds {values[row]}"
            raise DataError(f"{told}; must be a finite number of at most {LARGEST_LABEL:g} either way")
        return values


def read_labels(path: Path, space: Space) -> LabelTable:
    """Read a labelled table.

    Raises
    ------
    DataError
        If the file is unreadable, has neither an ``arch`` column nor all slots, a row is no arch of the space or says
        two things of one slot, or a column looks like a slot of another space; the message gives the line of a CSV, the
        row of a Parquet file, counted from 1.
    """
    sheet = read_sheet(path)
    if not sheet.n_rows:
        raise DataError(f"{path} holds no rows")
    used = {TEXT_COLUMN, RESOLUTION_COLUMN, *(slot.name for slot in space.slots)}
    _refuse_lookalikes(sheet, space, used)
    archs = _read_archs(sheet, space)
    member = space.base.contains(archs)
    if not member.all():
        row = int(np.flatnonzero(~member)[0])
        raise sheet.error(row, explain_arch(space.base, archs[row]))
    labels, unread = {}, dict(sheet.unread)
    for name, column in sheet.columns.items():
        if name in used or _INDEX.fullmatch(name):
            continue
        numbers = column if isinstance(column, np.ndarray) else column_numbers(column)
        if isinstance(numbers, int):
            unread[name] = f"{place_of(numbers, sheet.lines)} holds {column[numbers]!r}; write {NUMBER_FORM}"
        else:
            labels[name] = numbers
    return LabelTable(path, archs, labels, _read_resolutions(sheet, space), sheet.lines, unread)


def _refuse_lookalikes(sheet: Sheet, space: Space, used: set[str]) -> None:
    """Refuse columns that are meant for a slot, a depth or a resolution and would not be read."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in used}
    fixed = {f"u{unit.unit}_depth" for unit in space.units if unit.depth is None}
    for name in (*sheet.columns, *sheet.unread):
        word = re.sub(r"[^a-z0-9]", "", name.lower())
        if (name in used and name not in sheet.unread) or name in fixed:
            continue
        if name in used:
            raise DataError(f"{sheet.path}: column {name!r} {sheet.unread[name]}; must hold numbers or text")
        if word in plain or word in _RESOLUTION_LIKE or _SLOT_LIKE.fullmatch(word):
            choices = [RESOLUTION_COLUMN] if word in _RESOLUTION_LIKE else sorted(used)
            near = plain.get(word, name)
            raise DataError(
                f"{sheet.path}: column {name!r} looks like a slot and is none of space {space.base.name!r}; rename it "
                f"or leave it out; {one_of(near, choices)}"
            )


def _read_archs(sheet: Sheet, space: Space) -> Archs:
    columns = {slot: slot_codes(sheet, slot) for slot in space.slots if slot.name in sheet.columns}
    if TEXT_COLUMN in sheet.columns:
        archs = _read_texts(sheet, space)
        _check_slots(sheet, space, archs, columns)
        return archs
    missing = [slot.name for slot in space.slots if slot not in columns and slot.kind != "depth"]
    if missing:
        raise DataError(
            f"{sheet.path} has neither a column 'arch' nor all slots of space {space.name!r}: {', '.join(missing[:4])} "
            f"missing; it has {', '.join(list(sheet.columns)[:12])}"
        )
    rows = np.full((sheet.n_rows, space.n_slots), INACTIVE, np.uint8)
    for slot, codes in columns.items():
        rows[:, slot.index] = codes
    for unit in space.units:
        _apply_depth(sheet, rows, unit)
    return rows


def _read_texts(sheet: Sheet, space: Space) -> Archs:
    column = sheet.columns[TEXT_COLUMN]
    if isinstance(column, np.ndarray):
        raise sheet.error(0, f"column {TEXT_COLUMN!r} holds the number {column[0]:g}; must hold archs as text")
    known: dict[str, Archs] = {}
    rows = np.empty((sheet.n_rows, space.n_slots), np.uint8)
    for row, text in enumerate(column):
        if text not in known:
            try:
                known[text] = read_arch(space.base, text)
            except ArchError as failure:
                raise sheet.error(row, str(failure)) from None
        rows[row] = known[text]
    return rows


def _apply_depth(sheet: Sheet, rows: Archs, unit: UnitSlots) -> None:
    """Tell the active layers of a unit: by its depth column if there is one, by the values if not."""
    depths = _depths(sheet, rows, unit)
    layers = rows[:, list(unit.layers)]
    if depths is None and unit.shared and unit.depth is not None:
        raise DataError(
            f"{sheet.path} has no column 'u{unit.unit}_depth'; the layers of unit {unit.unit} share one block, so "
            "nothing else tells how many there are"
        )
    if depths is None:
        active = (layers != INACTIVE).sum(axis=1)
        for code, depth in enumerate(unit.depths):
            if unit.depth is not None:
                rows[active == depth, unit.depth] = code
        return
    is_active = np.arange(1, len(unit.layers) + 1) <= depths[:, None]
    hollow = is_active & (layers == INACTIVE)
    if hollow.any():
        row, layer = (int(found[0]) for found in np.nonzero(hollow))
        raise sheet.error(
            row, f"u{unit.unit}_depth is {depths[row]}, but layer {layer + 1} of unit {unit.unit} is empty"
        )
    rows[:, list(unit.layers)] = np.where(is_active, layers, INACTIVE)


def _depths(sheet: Sheet, rows: Archs, unit: UnitSlots) -> NDArray[np.int64] | None:
    name = f"u{unit.unit}_depth"
    if name not in sheet.columns:
        return None
    if unit.depth is not None:
        return np.asarray(unit.depths, np.int64)[rows[:, unit.depth]]
    slot_codes(sheet, Slot(-1, name, "depth", unit.depths, unit.unit))
    return np.full(len(rows), unit.depths[0], np.int64)


def _check_slots(sheet: Sheet, space: Space, archs: Archs, columns: Mapping[Slot, NDArray[np.uint8]]) -> None:
    """Refuse slot columns beside texts where they say something else; behind a depth column's depth is padding."""
    for slot, codes in columns.items():
        other = codes != archs[:, slot.index]
        if slot.kind == "layer" and f"u{slot.unit}_depth" in sheet.columns:
            other &= archs[:, slot.index] != INACTIVE
        if other.any():
            row = int(np.flatnonzero(other)[0])
            code = archs[row, slot.index]
            said = "inactive" if code == INACTIVE else repr(slot.choices[code])
            held = "inactive" if codes[row] == INACTIVE else repr(slot.choices[codes[row]])
            raise sheet.error(row, f"column {slot.name!r} says {held}, column {TEXT_COLUMN!r} says {said}")
    for unit in space.units:
        if unit.depth is None:
            _depths(sheet, archs, unit)


def _read_resolutions(sheet: Sheet, space: Space) -> NDArray[np.int64] | None:
    if RESOLUTION_COLUMN not in sheet.columns or space.definition.input.searched:
        return None
    known = space.definition.input.resolutions
    slot = Slot(-1, RESOLUTION_COLUMN, "resolution", known)
    return np.asarray(known, np.int64)[slot_codes(sheet, slot)]
