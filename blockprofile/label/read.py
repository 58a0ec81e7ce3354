"""Reading the labels of a plan back: how wide the intervals are, and how many labels more it would take."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.files import replacing
from blockprofile.metric import parse_metric
from blockprofile.numbers import write_number
from blockprofile.predict import LabelledArchs, LabelTable, number_archs, pool_repeats, read_labels, weigh_archs
from blockprofile.profile import MetricInfo, Profile, Settings, label_responses
from blockprofile.space import Archs, Space, decode_all, read_arch_lines

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelRound:
    """Where a labelling stands: ``n`` archs labelled; ``missing`` of the plan; statistic -> the widest and the median
    half-width of its 95 % intervals, infinite where one has no end; ``needed`` labels in all for the width that was
    asked for, None where none was or the median interval has no end.
    """

    n: int
    missing: int
    widths: Mapping[str, tuple[float, float]]
    needed: int | None


def read_plan(path: Path, space: Space) -> Archs:
    """Read a plan's archs, whatever form they are written in: one on each line, ``#`` begins a remark.

    Raises
    ------
    DataError
        With the line that is no arch of the space.
    """
    rows = read_arch_lines(space, path)
    if not rows:
        raise DataError(f"{path} holds no archs")
    return np.stack(rows)


def read_results(path: Path, space: Space, column: str) -> tuple[Archs, Doubles, int]:
    """Read labels that came back, as `read_labels` takes them.

    Returns
    -------
    Archs and labels; and how many rows were left out, which are of another resolution, or of archs that a pruned space
    has not.

    Raises
    ------
    DataError
        If the file cannot be read, or has no number in the column, or no row is at the space's resolution.
    """
    table = read_labels(path, space)
    kept = table.within(space)
    if not len(kept.archs):
        raise DataError(f"{path} holds no label of space {space.name!r} at resolution {space.resolution}")
    return kept.archs, kept.label(column), len(table.archs) - len(kept.archs)


def append_labels(path: Path, space: Space, column: str, archs: Archs, values: Doubles) -> int:
    """Add labels to a CSV of them, which is made if it is not there.

    An arch with the very value that stands there already is the same training read again, and is not added. Of a space
    of several resolutions each label keeps its own.

    Returns
    -------
    How many were not added.

    Raises
    ------
    DataError
        If the file is there and cannot be read, or has columns that would be lost.
    """
    if path.suffix.lower() != ".csv":
        raise OptionError(f"--out is {str(path)!r}; labels are collected in a file ending in .csv")
    there = _collected(path, space, column) if path.is_file() else []
    told = Counter(there)
    fresh = []
    for row in _rows(space, archs, values, np.full(len(values), space.resolution or 0)):
        told[row] -= 1
        if told[row] < 0:
            fresh.append(row)
    has_sizes = len(space.definition.input.resolutions) > 1 and not space.definition.input.searched
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch", *(["resolution"] if has_sizes else []), column])
    writer.writerows([arch, *([size] if has_sizes else []), write_number(value)] for arch, size, value in there + fresh)
    with replacing(path) as file:
        file.write(text.getvalue().encode())
    return len(values) - len(fresh)


def _collected(path: Path, space: Space, column: str) -> list[tuple[str, int, float]]:
    """Read what is collected: of each label the arch, the resolution (the space's, where none is said), the value."""
    known = read_labels(path, space)
    values = known.label(column)
    others = sorted({*known.labels, *known.unread} - {column})
    if others:
        raise DataError(f"{path} has a column {others[0]!r}, which collecting would lose; give --out a file of its own")
    sizes = np.full(len(values), space.resolution or 0) if known.resolutions is None else known.resolutions
    return _rows(space, known.archs, values, sizes)


def _rows(space: Space, archs: Archs, values: Doubles, sizes: NDArray[np.int64]) -> list[tuple[str, int, float]]:
    return [*zip(decode_all(space, archs), sizes.tolist(), values.tolist(), strict=True)]


def labels_needed(n: int, half_width: float, wanted: float) -> int | None:
    """Return how many labels make an interval as narrow as wanted: its width goes with one over their square root.

    None where the interval has no end yet.

    Examples
    --------
    >>> labels_needed(100, 0.4, 0.2), labels_needed(100, 0.1, 0.2), labels_needed(20, math.inf, 0.2)
    (400, 100, None)
    """
    times = half_width / wanted
    more = n * times * times
    return max(n, math.ceil(more)) if math.isfinite(more) else None


def read_round(
    space: Space,
    archs: Archs,
    values: Doubles,
    *,
    metric: str,
    plan: Archs | None = None,
    width: float | None = None,
    statistics: Sequence[str] = ("M_b", "M_ulb"),
) -> LabelRound:
    """Tell where a labelling stands.

    Parameters
    ----------
    archs, values
        All labels there are; rows of one arch are pooled, and archs of the base that a pruned space has not left out.
    metric
        What they are of.
    plan
        The archs that were to be labelled.
    width
        The half-width of an interval that is wanted, in the metric's unit.

    Raises
    ------
    OptionError
        If the width is not above 0.
    DataError
        If the labels are too few or all the same, or cannot stand for the space's law.
    """
    if width is not None and not (math.isfinite(width) and width > 0):
        raise OptionError(f"--width is {width}; must be above 0")
    kept = space.contains(archs)
    pooled = pool_repeats(LabelTable(Path("labels"), archs[kept], {"value": values[kept]}, None), ["value"])
    if len(pooled.counts) < 20:
        raise DataError(f"{len(pooled.counts)} archs of {space.name} are labelled; intervals take 20 at least")
    if not np.ptp(values[kept]):
        raise DataError(f"all {len(pooled.counts)} labels are {values[kept][0]:g}: they tell nothing of any effect")
    weights, how, _ = weigh_archs(space, pooled.table.archs, law="papers")
    labelled = LabelledArchs(pooled.table.archs, pooled.table.label("value"), weights, how)
    info = {metric: MetricInfo(parse_metric(metric).unit, "user", 0.0)}
    profile = Profile(label_responses(space, {metric: labelled}, info=info, settings=Settings(taus=())))
    widths: dict[str, tuple[float, float]] = {}
    for statistic in statistics:
        rows = profile.rows(statistic)  # type: ignore[arg-type]
        half = ((rows["ci_high"] - rows["ci_low"]) / 2).to_numpy()
        widths[statistic] = float(half.max()), float(np.median(half))
    missing = 0
    if plan is not None:
        first, _ = number_archs(np.concatenate([pooled.table.archs, plan]))
        missing = int((first >= len(pooled.table.archs)).sum())
    n = len(pooled.counts)
    needed = None if width is None else labels_needed(n, widths["M_ulb"][1], width)
    return LabelRound(n, missing, widths, needed)
