"""Two devices on one space: do they rank archs and blocks alike, and what do they spend their time on?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict import (
    TABLE_NAME,
    Entry,
    Predictor,
    build_predictor,
    caption_of,
    find_device,
    operator_latency,
    read_correction,
    read_table,
)
from blockprofile.space import Archs, CompiledSum, Operator, Space, distinct_operators, draw_archs, factorize

Cell = tuple[int, int, int]
"""Unit, layer, block code."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two devices side by side.

    Parameters
    ----------
    devices, captions
        Their names, and where their figures come from.
    latencies
        float64, shape (2, n), in ``units``: the same random archs on both.
    tau, rho
        Kendall's tau-b and Spearman's rho between archs.
    blocks
        One row a block: its response M_b on each device in percent of the mean latency (over the places where it may
        stand), its rank from the cheapest, and how far it moves.
    block_tau, cell_tau
        Kendall's tau-b between the devices' M_b, and between their responses of single places.
    shares
        One row a kind of operator: its share of the mean latency in percent; None on a device that is not made
        of operators.
    """

    devices: tuple[str, str]
    captions: tuple[str, str]
    latencies: NDArray[np.float64]
    tau: float
    rho: float
    blocks: tuple[dict[str, Any], ...]
    block_tau: float
    cell_tau: float
    shares: tuple[dict[str, Any], ...]
    units: tuple[str, str] = ("ms", "ms")


def kind_of(op: Operator) -> str:
    """Name the kind of an operator, for shares of latency.

    Examples
    --------
    >>> kind_of(Operator(op="mbconv", in_size=7, out_size=7, in_channels=8, out_channels=8, hidden_channels=24,
    ...                  kernel=5, se_channels=6))
    'mbconv k5 se'
    """
    if op.op in {"mbconv", "conv"}:
        return f"{op.op} k{op.kernel}" + (" se" if op.se_channels else "")
    return op.op.replace("_", " ")


def _operator_cost(entry: Entry, space: Space) -> Callable[[Operator], float] | None:
    """Return what an operator costs on a device, None where the device's predictor is not a sum over operators."""
    card, folder = entry
    if card.kind == "lookup":
        entries = read_table(folder / TABLE_NAME, resolution=space.resolution, metric=card.metric)
        free = frozenset(str(name) for name in card.parameters.get("free", ()))
        correction = read_correction(card, folder)
        return lambda op: operator_latency(entries, op, correction=correction, free=free)
    if card.kind == "cost_model":
        from blockprofile.predict import operator_cost

        weights = {str(name): float(value) for name, value in card.parameters["coefficients"].items()}
        passes = float(card.parameters.get("gate_passes", 0.0))
        return lambda op: operator_cost(op, coefficients=weights, gate_passes=passes)
    return None


def latency_shares(entry: Entry, space: Space, archs: Archs) -> dict[str, float] | None:
    """Return the share of each kind of operator in the mean of the operators' time over ``archs``.

    Returns
    -------
    Kind -> share, adding up to 1; None where the predictor is not a sum over operators.
    """
    cost = _operator_cost(entry, space)
    if cost is None:
        return None
    kinds = sorted({kind_of(op) for op in distinct_operators(space)})

    def only(kind: str) -> Callable[[Operator], float]:
        return lambda op: cost(op) if kind_of(op) == kind else 0.0

    means = CompiledSum(space, [factorize(space, only(kind)) for kind in kinds])(archs).mean(axis=1)
    return {kind: float(share) for kind, share in zip(kinds, means / means.sum(), strict=True)}


def _cell_means(space: Space, archs: Archs, values: NDArray[np.float64]) -> dict[Cell, float]:
    """Return the mean over the archs that have each block at each place (presence ``given``)."""
    cells: dict[Cell, float] = {}
    for slot in space.layer_slots:
        codes = archs[:, slot.index]
        for block in space.allowed[slot.index]:
            chosen = codes == block
            if chosen.any():
                cells[slot.unit, slot.layer, block] = float(values[chosen].mean())
    return cells


def _block_rows(
    space: Space, cells: tuple[Mapping[Cell, float], ...], means: NDArray[np.float64]
) -> list[dict[str, Any]]:
    from scipy.stats import rankdata

    codes = sorted({code for _, _, code in cells[0]})
    effects = np.array(
        [
            [100 * (np.mean([v for (_, _, b), v in found.items() if b == code]) / mean - 1) for code in codes]
            for found, mean in zip(cells, means, strict=True)
        ]
    )
    ranks = np.stack([rankdata(row, method="min") for row in effects]).astype(int)
    rows = [
        {
            "block": space.block_names[code],
            "percent_a": float(effects[0, i]),
            "percent_b": float(effects[1, i]),
            "rank_a": int(ranks[0, i]),
            "rank_b": int(ranks[1, i]),
            "moves": int(ranks[1, i] - ranks[0, i]),
        }
        for i, code in enumerate(codes)
    ]
    return sorted(rows, key=lambda row: (-abs(int(row["moves"])), row["rank_a"]))


def compare_devices(space: Space, devices: tuple[str, str], *, n: int = 20_000, seed: int = 0) -> Comparison:
    """Compare two devices on random archs of a space, drawn by the papers' law.

    Raises
    ------
    OptionError
        If ``n`` is below 100.
    UnknownNameError, CoverageError
        If a device is unknown or does not cover the space.
    """
    from scipy.stats import kendalltau, spearmanr

    if n < 100:
        raise OptionError(f"n is {n}; a comparison takes at least 100 archs")
    entries = tuple(find_device(device, space) for device in devices)
    predictors: list[Predictor] = [build_predictor(entry, space) for entry in entries]
    archs = draw_archs(space, n, np.random.default_rng(seed))
    values = np.stack([predictor.predict(archs).astype(np.float64) for predictor in predictors])
    cells = tuple(_cell_means(space, archs, row) for row in values)
    blocks = _block_rows(space, cells, values.mean(axis=1))
    keys = list(cells[0])
    shares = [latency_shares(entry, space, archs) for entry in entries]
    kinds = sorted({kind for found in shares if found for kind in found})
    rows = (
        {
            "kind": kind,
            "percent_a": None if shares[0] is None else 100 * shares[0].get(kind, 0.0),
            "percent_b": None if shares[1] is None else 100 * shares[1].get(kind, 0.0),
        }
        for kind in kinds
    )
    return Comparison(
        (entries[0][0].device or entries[0][0].name, entries[1][0].device or entries[1][0].name),
        (caption_of(predictors[0], space), caption_of(predictors[1], space)),
        values,
        float(kendalltau(*values).statistic),
        float(spearmanr(*values).statistic),
        tuple(blocks),
        float(kendalltau([r["percent_a"] for r in blocks], [r["percent_b"] for r in blocks]).statistic),
        float(kendalltau(*([found[key] for key in keys] for found in cells)).statistic),
        tuple(rows),
        (entries[0][0].unit, entries[1][0].unit),
    )
