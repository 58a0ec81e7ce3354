"""Whole-network times that were measured elsewhere and stand in a file, and auditing a lookup table by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.audit import LEAST_NETWORKS, Audit
from blockprofile.device.repair import fit_repairs
from blockprofile.device.time_units import MS, TimeUnit
from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import Entry, LabelTable, build_predictor, pool_repeats, read_labels, value_column
from blockprofile.space import Space, list_operators

NetworkUnit = TimeUnit | Literal["per_s"]
NETWORK_UNITS: tuple[NetworkUnit, ...] = (*get_args(TimeUnit), "per_s")
"""What whole networks are timed in: ``per_s`` is images a second."""

FAR = 100.0
"""Whole networks so many times faster or slower than a table's sum are in another unit."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTimes:
    """Latencies of whole networks: distinct archs (at distinct resolutions), each one's mean in ms; or energies in mJ.

    ``repeats`` says what was pooled, ``n_empty`` counts rows that were left out as they have no time.
    """

    table: LabelTable
    column: str
    repeats: str
    n_empty: int = 0

    @property
    def measured(self) -> NDArray[np.float64]:
        """The times in ms, shape (n,)."""
        return self.table.label(self.column)


def _to_ms(times: NDArray[np.float64], unit: NetworkUnit) -> NDArray[np.float64]:
    return 1000 / times if unit == "per_s" else times * MS[unit]


def read_times(
    path: Path,
    space: Space,
    *,
    column: str = "",
    unit: NetworkUnit = "ms",
    metric: str = LATENCY,
    least: int = LEAST_NETWORKS,
    skips_empty: bool = False,
) -> NetworkTimes:
    """Read whole-network times, in any form that labelled archs have.

    Parameters
    ----------
    path
        A CSV or Parquet file: the arch as text or in one column for each slot, and its time. Several rows of an arch
        are pooled to their mean.
    column
        The times; left out, ``mean_ms``, or the only column of numbers.
    unit
        In which the file gives times, whatever the column is called.
    metric
        A latency or an energy; an energy is in mJ, and stands in ``mean_mj``.
    least
        How many networks are needed.
    skips_empty
        Leave out rows without a time, and count them; else they are an error.

    Raises
    ------
    DataError
        If the file cannot be read, a row is no arch of the space, or a time is missing or not above 0.
    OptionError
        If there is no such column or no telling which it is, or fewer archs than needed.
    """
    if parse_metric(metric).column != LATENCY and unit != "ms":
        raise OptionError("a time unit has no effect on energies: they are in mJ; leave --time-unit out")
    labels, usual = read_labels(path, space), value_column(metric)
    known = list(labels.labels)
    has_times = usual in known or usual in labels.unread or not known
    column = column or (usual if has_times else known[0] if len(known) == 1 else "")
    if not column:
        raise OptionError(
            f"{path} has no column {usual!r}, and several others hold numbers: name one by --column; "
            f"{one_of(usual, known)}"
        )
    n_empty = 0
    if skips_empty and column in labels.labels:
        timed = np.flatnonzero(~np.isnan(labels.labels[column]))
        n_empty = len(labels.archs) - len(timed)
        labels = labels.take(timed)
    if not len(labels.archs):
        raise DataError(f"{path}: column {column!r} holds no times")
    pooled = pool_repeats(labels, [column])
    times = pooled.table.label(column)
    if not (times > 0).all():
        raise DataError(f"{path}: column {column!r} holds {times[times <= 0][0]:g}; must be above 0")
    if len(times) < least:
        raise OptionError(f"{path} holds times of {len(times)} archs; at least {least} networks are needed")
    table = LabelTable(path, pooled.table.archs, {column: _to_ms(times, unit)}, pooled.table.resolutions)
    return NetworkTimes(table, column, pooled.describe(column), n_empty)


def audit_times(space: Space, entry: Entry, times: NetworkTimes, *, believe: bool = False) -> Audit:
    """Compare whole-network times with the sum of a device's table.

    Parameters
    ----------
    believe
        Do not check the unit: the user has said it.

    Raises
    ------
    CoverageError
        If the device does not cover the space or one of the resolutions.
    OptionError
        If the times are far from the table's sums: one of them is in another unit.
    """
    archs, measured, known = times.table.archs, times.measured, times.table.resolutions
    resolutions = np.full(len(archs), space.resolution) if known is None else known
    predicted, counts = np.empty(len(archs)), np.empty(len(archs))
    for resolution in np.unique(resolutions):
        rows = np.flatnonzero(resolutions == resolution)
        where = space.at_resolution(int(resolution)) if resolution != space.resolution else space
        predicted[rows] = build_predictor(entry, where).predict(archs[rows])
        counts[rows] = [len(list_operators(where, arch)) for arch in archs[rows]]
    ratio = float(np.median(measured / predicted))
    about = parse_metric(entry[0].metric)
    if not believe and not 1 / FAR < ratio < FAR:
        hint = "; say --time-unit s, us or ms of the file" if about.column == LATENCY else ""
        raise OptionError(
            f"{times.table.path}: its networks take {np.median(measured):.3g} {about.unit} in the middle, the table's "
            f"sums are {np.median(predicted):.3g} {about.unit}: one of them is in another unit{hint}"
        )
    widths = np.full(len(archs), np.nan)
    facts = {"file": times.table.path.name, "on": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}
    if times.repeats:
        facts["repeats"] = times.repeats
    source = f"timed elsewhere, read from {times.table.path.name}"
    return Audit(
        archs, predicted, measured, widths, counts, 1.0, fit_repairs(predicted, counts, measured), facts, source,
        entry[0].metric,
    )  # fmt: skip
