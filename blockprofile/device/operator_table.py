"""A table of operators, whatever it was read from: whether it is whole, and whether its times can be milliseconds."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from blockprofile.device.median import Median
from blockprofile.errors import DataError, OptionError
from blockprofile.metric import LATENCY
from blockprofile.predict import LookupKey, doubt_scale, lookup_key, mean_macs
from blockprofile.space import CompiledSum, Operator, Space, draw_archs, factorize

MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class OperatorTable:
    """A table as read: times of the operators of a space, how many further rows the file has, what a call costs.

    ``offset_ms`` is what a network takes beside its operators, where the file says so.
    """

    times: Mapping[Operator, Median]
    n_extra: int
    call_ms: float = 0.0
    offset_ms: float = 0.0


def check_complete(
    paths: Sequence[Path], known: Container[LookupKey], operators: Sequence[Operator], space: Space
) -> None:
    """Check that files, read as one, have every operator that a table needs.

    Raises
    ------
    DataError
        Naming some of those that are missing.
    """
    lacking = [op for op in operators if lookup_key(op) not in known]
    if not lacking:
        return
    named = "; ".join(op.describe() for op in lacking[:MAX_NAMED])
    more = f" and {len(lacking) - MAX_NAMED} more" if len(lacking) > MAX_NAMED else ""
    subject = f"{paths[0]} lacks" if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more lack"
    raise DataError(
        f"{subject} {len(lacking)} of the {len(operators)} operators that space {space.name!r} needs: {named}{more}"
    )


def scale_table(table: OperatorTable, factor: float) -> OperatorTable:
    """Multiply the times of a table."""
    times = {
        op: Median(factor * time.value, factor * time.half_width, factor * time.spread, time.n)
        for op, time in table.times.items()
    }
    return replace(table, times=times, call_ms=factor * table.call_ms, offset_ms=factor * table.offset_ms)


def check_plausible(
    space: Space,
    table: OperatorTable,
    *,
    believe: bool = False,
    device: str = "",
    metric: str = LATENCY,
    path: Path | None = None,
) -> float:
    """Check that times can be milliseconds, by the rate of multiply-adds that they mean.

    Parameters
    ----------
    believe
        Do not check: the user has said the unit.
    device
        The device's name; of blocks whose latency the space states, that is taken.
    metric
        An energy is not doubted: devices differ in it by more than a thousand.

    Returns
    -------
    The mean of random networks at the space's own resolution, in the metric's unit.

    Raises
    ------
    OptionError
        If the rate is out of any device's reach: the times are in another unit, which one most likely.
    DataError
        If they are beyond float32.
    """
    by_key = {lookup_key(op): time.value for op, time in table.times.items()}
    archs = draw_archs(space, 1000, np.random.default_rng(0))
    named = f"{metric}:{device}"
    factors = factorize(space, lambda op: dict(op.costs).get(named, by_key.get(lookup_key(op), 0.0)))
    with np.errstate(over="ignore"):
        latencies = CompiledSum(space, [factors])(archs)[0] + table.call_ms + table.offset_ms
    where = f"{path}: " if path else ""
    if not latencies.max() <= np.finfo(np.float32).max:
        raise DataError(f"{where}a random network of {space.name!r} takes more than any number of 32 bits can say")
    doubt = "" if believe else doubt_scale(metric, latencies, macs=mean_macs(space, archs))
    if doubt:
        looks = "us" if "microseconds" in doubt else "s"
        raise OptionError(
            f"{where}the times cannot be milliseconds: of random networks of {space.name!r}, {doubt}; if they are, "
            f"say --time-unit {looks}; if they are right, say --time-unit ms"
        )
    return float(latencies.mean())
