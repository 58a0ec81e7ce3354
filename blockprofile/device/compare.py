"""Two devices on one space: do they rank archs and blocks alike, and what do they spend their time on?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict import AdditivePredictor, Entry, Predictor, build_predictor, caption_of, find_device
from blockprofile.space import Archs, CompiledSum, Operator, Space, distinct_operators, draw_archs, factorize

N_BATCHES = 10
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
    tau_half
        The half-width of tau's 95 % interval: what other random archs would change.
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
    tau_half: float = math.nan


def kind_of(op: Operator) -> str:
    """Name the kind of an operator, for shares of latency.

    Examples
    --------
    >>> kind_of(Operator(op="mbconv", in_size=7, out_size=7, in_channels=8, out_channels=8, hidden_channels=24,
    ...                  kernel=5, se_channels=6))
    'mbconv k5 se'
    """
    if op.op == "custom":
        return op.block
    if op.op in {"mbconv", "conv"}:
        return f"{op.op} k{op.kernel}" + (" se" if op.se_channels else "")
    return op.op.replace("_", " ")


def latency_shares(predictor: Predictor, space: Space, archs: Archs) -> dict[str, float] | None:
    """Return the share of each kind of operator in the mean of the operators' time over ``archs``.

    Returns
    -------
    Kind -> share, adding up to 1; None where the predictor is not a sum over operators.
    """
    costs = predictor.costs if isinstance(predictor, AdditivePredictor) else None
    if costs is None:
        return None
    kinds = sorted({kind_of(op) for op in distinct_operators(space)})

    def only(kind: str) -> Callable[[Operator], float]:
        return lambda op: costs[op] if kind_of(op) == kind else 0.0

    means = CompiledSum(space, [factorize(space, only(kind)) for kind in kinds])(archs).mean(axis=1)
    return {kind: float(share) for kind, share in zip(kinds, means / means.sum(), strict=True)}


def _half_width(values: NDArray[np.float64]) -> float:
    """Return the half-width of tau's 95 % interval, from the taus of batches of the archs."""
    from scipy.stats import kendalltau, t

    taus = np.array([kendalltau(*batch).statistic for batch in np.array_split(values, N_BATCHES, axis=1)])
    return float(t.ppf(0.975, N_BATCHES - 1) * taus.std(ddof=1) / np.sqrt(N_BATCHES))


def _names(entries: Sequence[Entry]) -> tuple[str, str]:
    """Name two devices by their cards, and tell two of one name apart."""
    first, second = (card.device or card.name for card, _ in entries)
    return (first, second) if first != second else (f"{first} (A)", f"{second} (B)")


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
        If ``n`` is below 100, or the seed below 0.
    UnknownNameError, CoverageError
        If a device is unknown or does not cover the space.
    """
    from scipy.stats import kendalltau, spearmanr

    if n < 100:
        raise OptionError(f"--n is {n}; a comparison takes at least 100 archs")
    if seed < 0:
        raise OptionError(f"--seed {seed} must be at least 0")
    entries = tuple(find_device(device, space) for device in devices)
    predictors: list[Predictor] = [build_predictor(entry, space) for entry in entries]
    archs = draw_archs(space, n, np.random.default_rng(seed))
    values = np.stack([predictor.predict(archs).astype(np.float64) for predictor in predictors])
    cells = tuple(_cell_means(space, archs, row) for row in values)
    blocks = _block_rows(space, cells, values.mean(axis=1))
    keys = list(cells[0])
    shares = [latency_shares(predictor, space, archs) for predictor in predictors]
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
        _names(entries),
        (caption_of(predictors[0], space), caption_of(predictors[1], space)),
        values,
        float(kendalltau(*values).statistic),
        float(spearmanr(*values).statistic),
        tuple(blocks),
        float(kendalltau([r["percent_a"] for r in blocks], [r["percent_b"] for r in blocks]).statistic),
        float(kendalltau(*([found[key] for key in keys] for found in cells)).statistic),
        tuple(rows),
        (entries[0][0].unit, entries[1][0].unit),
        _half_width(values),
    )
