"""The predictor folder of a table that was solved from whole networks: the solution, its error, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile import __version__
from blockprofile.device.audit_file import NetworkTimes, NetworkUnit
from blockprofile.device.folder import check_name, write_table
from blockprofile.device.hindrance import tell_hindrance
from blockprofile.device.median import Median
from blockprofile.device.quantity import in_unit_of
from blockprofile.device.solve import Design, Solution, count_operators, join_designs, solve_table
from blockprofile.errors import OptionError
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import (
    Fidelity,
    doubt_labels,
    effect_floor,
    mean_layers,
    measure_fidelity,
    replacing_predictor,
    write_card,
)
from blockprofile.space import Space

LEAST_SOLVED = 20
"""Networks from which on a table is solved: sixteen of them tell a roofline of nine quantities."""
DUST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class SolvedTable:
    """A solved table, and the networks that it was solved from; ``metric`` is with the device."""

    space: Space
    times: NetworkTimes
    design: Design
    solution: Solution
    metric: str

    @property
    def fidelity(self) -> Fidelity:
        """How far the networks are from what they were given when left out, in ms."""
        return measure_fidelity(self.times.measured, self.solution.left_out, maximize=False)

    @property
    def rmse_percent(self) -> float:
        """The error of networks left out, in percent of their mean."""
        return 100 * self.fidelity.rmse / float(self.times.measured.mean())

    @property
    def n_unseen(self) -> int:
        """How many operators stand in none of the networks."""
        return int((self.design.counts.sum(axis=0) == 0).sum())

    @property
    def outlook(self) -> str:
        """Say what more networks would bring."""
        halves = self.solution.networks_to_halve(self.times.measured)
        unit = parse_metric(self.metric).unit
        least = f"what no sum of operators tells, noise included, is about {self.solution.residual_ms:.3g} {unit}"
        if np.isinf(halves):
            return f"no number of networks would halve the error: {least}"
        return f"about {float(f'{halves:.2g}'):.0f} networks in all would halve the error; {least}"


def solve_times(
    space: Space, times: NetworkTimes, *, device: str, metric: str = LATENCY, believe: bool = False, seed: int = 0
) -> SolvedTable:
    """Solve the table of a device from whole-network times.

    Parameters
    ----------
    device
        Its name: custom blocks that state what they cost on it are no unknowns.
    metric
        What the networks' times are: ``latency_ms`` or ``energy_mj``.
    believe
        Do not check the unit: the user has said it.
    seed
        Of the folds by which the table is judged.

    Raises
    ------
    OptionError
        If the times cannot be milliseconds or are all the same, or what custom blocks state is more than the whole.
    """
    archs, measured, known = times.table.archs, times.measured, times.table.resolutions
    about = parse_metric(f"{metric}:{device}")
    doubt = "" if believe else doubt_labels(metric, measured, space, archs)
    if doubt:
        raise OptionError(
            f"{times.table.path}: {doubt}; say --time-unit s, us, or per_s of images a second; or ms if they are right"
        )
    if measured.min() == measured.max():
        raise OptionError(
            f"{times.table.path}: all {len(measured)} networks take {measured[0]:.4g} {about.unit}; figures "
            "that do not differ tell nothing of operators"
        )
    resolutions = np.full(len(archs), space.resolution) if known is None else known
    parts = []
    for resolution in np.unique(resolutions):
        rows = np.flatnonzero(resolutions == resolution)
        where = space.at_resolution(int(resolution)) if resolution != space.resolution else space
        parts.append((rows, count_operators(where, archs[rows], metric=about.name)))
    design = join_designs(parts, len(archs))
    over = np.flatnonzero(design.known >= measured)
    if len(over):
        raise OptionError(
            f"custom blocks state {design.known[over[0]]:.4g} {about.unit} of {about.name} for a network that takes "
            f"{measured[over[0]]:.4g} {about.unit} in all ({times.table.path})"
        )
    return SolvedTable(space, times, design, solve_table(design, measured, seed=seed), about.name)


def write_solved(
    folder: Path, table: SolvedTable, *, device: str, unit: NetworkUnit = "ms", about: Mapping[str, Any]
) -> None:
    """Write card and table.

    Parameters
    ----------
    unit
        That of the file: a time made of images a second is told to be no latency of one image.
    about
        Further fields of the card, such as ``hardware``, ``batch``, ``sources`` and ``licence``.

    Raises
    ------
    OptionError
        If ``device`` cannot name a device.
    """
    check_name(device)
    with replacing_predictor(folder) as fresh:
        write_table(fresh, _entries(table), metric=table.metric)
        write_card(fresh, _card(folder.resolve().name, device, table, unit, about))


def _entries(table: SolvedTable) -> dict[Any, Median]:
    """Return the rows of the table; ``count`` is in how many networks the operator stands."""
    solution, seen = table.solution, (table.design.counts > 0).sum(axis=0)
    # What is below a millionth of the greatest time is the solver's rounding.
    times = np.where(solution.times > DUST * solution.times.max(), solution.times, 0.0)
    rows = zip(table.design.operators.values(), times, seen, strict=True)
    return {op: Median(_round(float(time)), float("nan"), float("nan"), int(count)) for op, time, count in rows}


def _round(value: float) -> float:
    return float(f"{value:.5g}")


def _notes(table: SolvedTable, unit: NetworkUnit, batch: int | None) -> str:
    what = "time" if parse_metric(table.metric).column == LATENCY else "energy"
    told = [f"{table.rmse_percent:.2g} % of the mean; {table.outlook}."]
    if table.n_unseen:
        told.append(
            f"{table.n_unseen} of {len(table.design.operators)} operators stand in none of the networks; theirs is the "
            f"roofline's {what}."
        )
    if unit == "per_s":
        told.append("Times are 1000 / images a second: those of one image among many, no latency of an image alone.")
    if batch is None:
        told.append("The batch is not stated.")
    told.append(tell_hindrance(table.design, table.times.measured, table.solution.left_out))
    told.append(f"Entries are shares of whole networks, no {what} of an operator alone.")
    return " ".join(told)


def _card(name: str, device: str, table: SolvedTable, unit: NetworkUnit, about: Mapping[str, Any]) -> dict[str, Any]:
    times, solution, fidelity, metric = table.times, table.solution, table.fidelity, parse_metric(table.metric)
    known = times.table.resolutions
    resolutions = [table.space.resolution] if known is None else np.unique(known).tolist()
    if table.space.definition.input.searched:
        resolutions = list(table.space.definition.input.resolutions)
    counts, what = table.design.counts, "a time" if metric.column == LATENCY else "an energy"
    made_from = (
        f"{len(counts)} whole networks ({times.table.path.name}, {times.column}): {what} of at least 0 for each of "
        f"{counts.shape[1]} operators and an offset, drawn towards a roofline fitted to the same networks."
    )
    if times.n_empty:
        made_from += f" {times.n_empty} further networks have no time."
    card: dict[str, Any] = {
        "schema": "blockprofile.predictor/1",
        "name": name,
        "title": f"{metric.title.partition(' on ')[0].capitalize()} on {about.get('hardware') or device}",
        "kind": "lookup",
        "metric": metric.name,
        "unit": metric.unit,
        "device": device,
        "provenance": "calibrated",
        "spaces": [table.space.base.name],
        "resolutions": resolutions,
        **about,
        "made_from": made_from,
        "floor": _round(effect_floor(fidelity.rmse, n_layers=mean_layers(table.space))),
        "error": {
            "on": "whole networks, each left out", "n": fidelity.n, "rmse": _round(fidelity.rmse),
            "mae": _round(fidelity.mae), "r2": _round(fidelity.r2), "kendall_tau": _round(fidelity.kendall_tau),
            "notes": _notes(table, unit, about.get("batch")),
        },
        "fitted_range": [_round(float(times.measured.min())), _round(float(times.measured.max()))],
        "parameters": {"correction": in_unit_of(metric.name, {"offset_ms": _round(solution.offset_ms)})},
        "created": {"by": f"blockprofile {__version__}, lut solve"},
    }  # fmt: skip
    return {key: value for key, value in card.items() if value is not None and value != ""}
