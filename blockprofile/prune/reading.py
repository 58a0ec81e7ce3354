"""Reading the figures of a pruning from a profile's table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import block_label
from blockprofile.errors import OptionError, one_of
from blockprofile.profile import ROUNDING, Profile, Statistic
from blockprofile.prune.figures import Competition, Figures, Kind, Metric
from blockprofile.space import Space, Where

Doubles = NDArray[np.float64]

_FIELDS = ("effect", "se", "n", "freedom")
_Cell = tuple[float, float, int, float]
"""Effect, standard error, n, and the degrees of freedom of the error."""
_Table = dict[tuple[Any, ...], _Cell]


def _metric(profile: Profile, name: str) -> Metric:
    rows = profile.rows("mean", name)
    if len(rows) == 0:
        known = sorted(profile.metrics)
        raise OptionError(f"the profile has no metric {name!r}; {one_of(name, known)}")
    row = rows.iloc[0]
    floor = None if math.isnan(row["floor"]) else float(row["floor"])
    return Metric(name, str(row["unit_of"]), str(row["provenance"]), floor, float(row["value"]), float(row["se"]))


def _cells(
    profile: Profile, name: str, statistic: Statistic, keys: tuple[str, ...], tau: float | None = None
) -> _Table:
    part = profile.rows(statistic, name)
    if tau is not None:
        part = part[part["tau"] == tau]
    if "freedom" not in part:
        part = part.assign(freedom=np.where(part["n"] > 0, part["n"] - 1, np.inf))
    columns = [part[key].tolist() for key in (*keys, *_FIELDS)]
    rows: _Table = {}
    for record in zip(*columns, strict=True):
        effect, se, n, freedom = record[len(keys) :]
        if math.isfinite(effect) and math.isfinite(se):
            rows[record[: len(keys)]] = (float(effect), float(se), int(n), float(freedom))
    return rows


def _mean_of(cells: Sequence[_Cell]) -> _Cell:
    """Average cells whose archs are distinct, or whose errors have nothing to do with each other."""
    effects, errors, counts, freedoms = zip(*cells, strict=True)
    error = math.sqrt(sum(each**2 for each in errors)) / len(cells)
    return sum(effects) / len(cells), error, sum(counts), min(freedoms)


def _compete(
    where: Where, kind: Kind, names: dict[int, str], gain: dict[int, _Cell], cost: dict[int, _Cell]
) -> Competition:
    codes = tuple(code for code in names if code in gain and code in cost)

    def column(cells: dict[int, _Cell], field_: int) -> Doubles:
        return np.array([cells[code][field_] for code in codes], np.float64)

    # A metric that is exact has no archs behind it.
    counts = [[each for each in (gain[code][2], cost[code][2]) if each] for code in codes]
    n = np.array([min(each, default=0) for each in counts], np.int64)
    freedom = min((cells[code][3] for cells in (gain, cost) for code in codes), default=math.inf)
    return Competition(
        where, kind, codes, tuple(names[code] for code in codes),
        column(gain, 0), column(cost, 0), column(gain, 1), column(cost, 1), n, freedom=freedom,
    )  # fmt: skip


def _centred(found: Competition) -> Competition:
    """Take figures against the average choice; what having the layer at all is worth belongs to the depth."""
    if len(found) == 0:
        return found
    return replace(found, gain=found.gain - found.gain.mean(), cost=found.cost - found.cost.mean())


def _over_layers(layers: Iterable[Competition], field_: Literal["gain", "cost"]) -> dict[int, _Cell]:
    """Average, code by code, what several layers say of it against their own average block."""
    found: dict[int, list[_Cell]] = {}
    for each in layers:
        effects, errors = getattr(each, field_), getattr(each, f"{field_}_se")
        for row, code in enumerate(each.codes):
            cell = float(effects[row] - effects.mean()), float(errors[row]), int(each.n[row]), each.freedom
            found.setdefault(code, []).append(cell)
    return {code: _mean_of(cells) for code, cells in found.items()}


class _Reader:
    """Looks up the rows of the two metrics."""

    def __init__(self, profile: Profile, space: Space, gain: Metric, cost: Metric) -> None:
        self.space, self.metrics = space, (gain, cost)
        place = ("u", "layer", "block")
        self._blocks = [_cells(profile, each.name, "M_ulb", place) for each in self.metrics]
        self._depths = [_cells(profile, each.name, "M_d", ("u", "depth")) for each in self.metrics]
        taus = profile.taus
        # The largest quantile that is estimated from enough archs to be told from its neighbours.
        high = [tau for tau in taus if 0.5 < tau <= 0.99]
        self._top = _cells(profile, gain.name, "M_tau", place, high[-1]) if high else {}

    def _cell(self, cells: _Table, unit: int, layer: int, code: int, widths: tuple[int | None, ...]) -> _Cell | None:
        found = [cells.get((unit, layer, block_label(self.space, code, width, unit))) for width in widths]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return None
        return _mean_of(known)  # Widths are equally likely.

    def _widths(self, unit: int) -> tuple[int | None, ...]:
        slot = self.space.units[unit - 1].width
        return (None,) if slot is None else self.space.allowed[slot]

    def layer(self, slot: int) -> Competition:
        at = self.space.slots[slot]
        names = {code: self.space.block_names[code] for code in self.space.allowed[slot]}
        gain, cost = (
            {code: cell for code in names if (cell := self._cell(cells, *at.place, code, self._widths(at.unit)))}
            for cells in self._blocks
        )
        where = Where(unit=at.unit, layer=None if at.is_shared else at.layer)
        found = _compete(where, "block", names, gain, cost)
        top = [self._cell(self._top, *at.place, code, self._widths(at.unit)) for code in found.codes]
        if top and all(each is not None for each in top):
            found = replace(found, top_gain=np.array([each[0] for each in top if each is not None]))
        return self._with_mean_error(_centred(found))

    def _with_mean_error(self, found: Competition) -> Competition:
        # An effect's error is that of the cell's mean less the space's; comparing two cells needs their own.
        # Where nothing varies what is left is the rounding of sums.
        gain_se, cost_se = (
            np.hypot(errors, math.hypot(metric.mean_se, ROUNDING * metric.mean))
            for errors, metric in zip((found.gain_se, found.cost_se), self.metrics, strict=True)
        )
        return replace(found, gain_se=gain_se, cost_se=cost_se)

    def depth(self, unit: int) -> Competition | None:
        slot = self.space.units[unit - 1].depth
        if slot is None:
            return None
        depths = self.space.units[unit - 1].depths
        names = {code: str(depths[code]) for code in self.space.allowed[slot]}
        gain, cost = (
            {code: cells[unit, depths[code]] for code in names if (unit, depths[code]) in cells}
            for cells in self._depths
        )
        return self._with_mean_error(_compete(Where(unit=unit), "depth", names, gain, cost))

    def width(self, unit: int) -> Competition | None:
        slot = self.space.units[unit - 1].width
        if slot is None:
            return None
        names = {code: str(self.space.slots[slot].choices[code]) for code in self.space.allowed[slot]}
        first = self.space.slots[self.space.units[unit - 1].layers[0]]
        sides: list[dict[int, _Cell]] = []
        for cells in self._blocks:
            side: dict[int, _Cell] = {}
            for code in names:
                found = [self._cell(cells, *first.place, block, (code,)) for block in self.space.allowed[first.index]]
                known = [each for each in found if each is not None]
                if known and len(known) == len(found):
                    side[code] = _mean_of(known)
            sides.append(side)
        return self._with_mean_error(_compete(Where(unit=unit), "width", names, *sides))


def read_figures(profile: Profile, space: Space, *, gain: str, cost: str) -> Figures:
    """Lay out a profile's responses of two metrics by place.

    Parameters
    ----------
    gain, cost
        The metric of which more is wanted, and the one of which less is.

    Raises
    ------
    OptionError
        If the profile lacks one of the metrics.

    Notes
    -----
    A unit's and the network's figures average over the layers that allow a block, each against the average
    block of its layer, as equation 1 of BlockProfile does.
    """
    metrics = _metric(profile, gain), _metric(profile, cost)
    reader = _Reader(profile, space, *metrics)
    layers = {
        slot.index: reader.layer(slot.index) for slot in space.layer_slots if slot.layer <= space.max_depth(slot.unit)
    }
    names = dict(enumerate(space.block_names))

    def over(where: Where, chosen: Iterable[int]) -> Competition:
        part = [layers[slot] for slot in chosen if slot in layers]
        return _compete(where, "block", names, _over_layers(part, "gain"), _over_layers(part, "cost"))

    numbers = range(1, len(space.units) + 1)
    return Figures(
        space,
        *metrics,
        network=over(Where(), layers),
        units={unit: over(Where(unit=unit), space.units[unit - 1].layers) for unit in numbers},
        layers=layers,
        depths={unit: found for unit in numbers if (found := reader.depth(unit)) is not None},
        widths={unit: found for unit in numbers if (found := reader.width(unit)) is not None},
    )
