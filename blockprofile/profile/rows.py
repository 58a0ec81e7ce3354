"""Archs of a profile with their values, kept beside it: what pairs of choices do together is told from them.

A profile's table has what single choices do. How much of a metric that explains, and what pairs add, a few hundred
archs tell (`blockprofile.profile.pair_model`), so the first of the pool, or all labelled ones, are written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.metric import PEAK, parse_metric
from blockprofile.predict import number_archs
from blockprofile.profile.pair_model import PairModel, fit_sizes
from blockprofile.run import run_digest
from blockprofile.space import Archs, Space
from blockprofile.tablecolumn import numbers_of
from blockprofile.tablefile import Column, read_signed, write_table

ROWS_NAME = "archs.parquet"
COUNT = "n labels"
MOST = 2_000
"""Archs of a pool that are kept."""
MOST_LABELLED = 65_536
"""Labelled archs that are kept; of more, as many are drawn."""
FOR_SHARES = 600
DIGITS = 6
"""Decimals that are kept of a share, whose standard error is some 1e-3."""
FOLDS = 5
SHOWN = 0.05
"""A share of the variance that pairs explain beyond main effects is pointed out from here on."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class KeptRows:
    """Distinct archs, uint8 (n, n_slots), and metric -> their values, float64 (n,).

    ``counts`` says of how many labels each value is the mean, int64 (n,).
    """

    archs: Archs
    values: Mapping[str, Doubles]
    counts: NDArray[np.int64]

    @classmethod
    def labelled(cls, archs: Archs, values: Mapping[str, Doubles], counts: NDArray[np.int64]) -> KeptRows:
        """Keep distinct labelled archs, all of them or a random part."""
        rows = np.arange(len(archs))
        if len(rows) > MOST_LABELLED:
            rows = np.random.default_rng(0).choice(rows, MOST_LABELLED, replace=False)
        return cls(archs[rows], {name: each[rows] for name, each in values.items()}, counts[rows])

    @classmethod
    def first(cls, archs: Archs, values: Mapping[str, NDArray[np.floating]]) -> KeptRows:
        """Keep the first distinct archs."""
        rows, _ = number_archs(archs[: 2 * MOST])
        rows = rows[:MOST]
        kept = {name: np.asarray(each[rows], np.float64) for name, each in values.items()}
        return cls(archs[rows], kept, np.ones(len(rows), np.int64))


def write_rows(folder: Path, config: Mapping[str, Any], space: Space, rows: KeptRows) -> None:
    """Write archs into a profile's folder."""
    import pyarrow as pa

    data = {slot.name: pa.array(np.ascontiguousarray(rows.archs[:, slot.index])) for slot in space.slots}
    data |= {f"value {place}": pa.array(each) for place, each in enumerate(rows.values.values())}
    data |= {COUNT: pa.array(rows.counts)}
    about = {"run": run_digest(config), "metrics": list(rows.values)}
    write_table(folder / ROWS_NAME, pa.table(data), about=about, within=folder)


def read_rows(folder: Path, config: Mapping[str, Any], space: Space) -> KeptRows | None:
    """Read the archs of a profile's folder; None where it keeps none of this run.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    path = folder / ROWS_NAME
    if not path.is_file():
        return None
    columns = {slot.name: Column("uint8") for slot in space.slots} | {COUNT: Column("integer", low=1)}
    table, about = read_signed(path, columns, made_by="the command that made the profile, again", with_others=True)
    if about.get("run") != run_digest(config):
        return None
    archs = np.stack([numbers_of(table[slot.name]) for slot in space.slots], axis=1)
    names = about.get("metrics", [])
    values = {name: numbers_of(table[f"value {place}"]).astype(np.float64) for place, name in enumerate(names)}
    return KeptRows(np.ascontiguousarray(archs), values, numbers_of(table[COUNT]).astype(np.int64))


def is_sampled(about: Mapping[str, Any]) -> bool:
    """Tell from a run's words on a predictor whether its metric need not add up over operators."""
    card = about.get("card") or {}
    is_peak = parse_metric(str(card.get("metric", ""))).column == PEAK
    return is_peak or card.get("kind") not in {"counted", "lookup", "cost_model", "table"}


def explain_metrics(space: Space, rows: KeptRows) -> dict[str, dict[str, float]]:
    """Tell how much main effects and pairs explain of every metric, as plain values; see `explain_by_order`."""
    found = {name: explain_by_order(space, rows.archs, values) for name, values in rows.values.items()}
    # What follows depends on the processor, and outside of the program on how many threads linear algebra has.
    return {
        name: {key: round(value, DIGITS) for key, value in asdict(each).items()}
        for name, each in found.items()
        if each is not None
    }


@dataclass(frozen=True, slots=True)
class Explained:
    """Shares of a metric's variance: by main effects, and by them and pairs; ``error`` is the standard error of what
    pairs add. Of archs that did not make the model, so they are what can be foretold from ``n`` archs, and no more.
    """

    main: float
    both: float
    error: float
    n: int

    @property
    def is_by_pairs(self) -> bool:
        """Whether pairs add more than a share that is worth a word, beyond doubt."""
        return self.both - self.main - 1.96 * self.error > SHOWN


def explained_of(about: Mapping[str, Any]) -> dict[str, Explained]:
    """Read what `explain_metrics` told from the words of a profile; metrics of which nothing was told are left out."""
    return {name: Explained(**each) for name, each in about.get("pairs", {}).items()}


def explain_by_order(space: Space, archs: Archs, values: Doubles, *, seed: int = 0) -> Explained | None:
    """Tell how much main effects explain, and how much pairs add, by leaving archs out.

    Returns
    -------
    None where the values do not vary, or archs are fewer than 20.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(values))[:FOR_SHARES]
    archs, values = archs[chosen], values[chosen]
    spread = float(np.var(values))
    if len(values) < 20 or spread <= 1e-12 * float(np.mean(values)) ** 2:
        return None
    apart = np.empty((2, len(values)))
    for order in (1, 2):
        sizes = fit_sizes(space, archs, values, order=order, seed=seed)
        for fold in range(FOLDS):
            held = np.arange(len(values)) % FOLDS == fold
            model = PairModel(space, archs[~held], values[~held], sizes=sizes)
            apart[order - 1, held] = np.square(values[held] - model.mean()(archs[held])[0])
    main, both = (1 - apart.mean(axis=1) / spread).tolist()
    error = float(np.std(apart[0] - apart[1]) / np.sqrt(len(values)) / spread)
    return Explained(main, both, error, len(values))


def explained_words(metric: str, found: Explained) -> str:
    """Say it in a sentence.

    Examples
    --------
    >>> explained_words("top1_percent", Explained(0.69, 0.9, 0.01, 600))
    'top1_percent: main effects explain 69 % of its variance, with pairs 90 % (600 archs left out): blocks interact'
    """
    told = f"{metric}: main effects explain {100 * max(0.0, found.main):.0f} % of its variance, with pairs "
    told += f"{100 * max(0.0, found.both):.0f} % ({found.n:,} archs left out)"
    return told + (": blocks interact" if found.is_by_pairs else "")
