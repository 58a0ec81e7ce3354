"""The predictor folder of a table that was measured elsewhere and read from CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from blockprofile import __version__
from blockprofile.device.folder import DeviceCard, check_name, write_card, write_table
from blockprofile.device.operator_table import OperatorTable
from blockprofile.device.probes import check_resolutions
from blockprofile.device.quantity import in_unit_of
from blockprofile.errors import OptionError
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import replacing_predictor
from blockprofile.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOn:
    """What times were taken on: the hardware, what ran the networks, images in a batch, and the type of numbers.

    ``metric`` says whether they are latencies or energies; ``is_estimated`` where they come from a model of the device:
    they are shown as calibrated, not as measured.
    """

    hardware: str
    runtime: str
    batch: int = 1
    dtype: str = "float32"
    metric: str = LATENCY
    is_estimated: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise OptionError(f"--batch is {self.batch}; must be at least 1")


def write_imported(
    folder: Path,
    table: OperatorTable,
    space: Space,
    *,
    name: str,
    timed: TimedOn,
    resolutions: Sequence[int] = (),
    source: str,
    note: str = "",
) -> None:
    """Write card and table of an imported lookup table.

    Parameters
    ----------
    source
        Where the file came from, for the card.
    note
        What the table is not for.

    Raises
    ------
    OptionError
        If ``name`` cannot name a device.
    """
    check_name(name)
    metric = timed.metric
    times = list(table.times.values())
    errors = [time.spread / np.sqrt(max(1, time.n)) for time in times if np.isfinite(time.spread)]
    places = sum(unit.max_depth for unit in space.units)
    known = f"the file gives no spread of the {'times' if metric == LATENCY else 'energies'}"
    if errors:
        pooled = float(np.sqrt(places * np.mean(np.square(errors))))
        known = (
            f"the entries' own pooled standard error in a network's sum is {pooled:.3g} "
            f"{parse_metric(metric).unit}, the sum's error is not known"
        )
    once = {"call_ms": table.call_ms, "offset_ms": table.offset_ms}
    correction = in_unit_of(metric, {key: round(value, 6) for key, value in once.items() if value})
    card = DeviceCard(
        name=name,
        space=space.base.name,
        resolutions=check_resolutions(space, resolutions),
        hardware=timed.hardware,
        runtime=timed.runtime,
        batch=timed.batch,
        precision=timed.dtype,
        floor=None,
        made_from=f"{len(times)} operators read from {source}; {table.n_extra} further rows were not needed.",
        sources=[source],
        parameters={"correction": correction} if correction else {},
        provenance="calibrated" if timed.is_estimated else "measured",
        column=metric,
        not_for=note,
        created={
            "on": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "by": f"blockprofile {__version__}",
        },
        error_notes=f"Not audited against whole networks: {known}.",
    )
    with replacing_predictor(folder) as fresh:
        write_table(fresh, table.times, metric=metric)
        write_card(fresh, card)
