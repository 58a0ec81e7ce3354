"""Measuring the lookup table of a space on this machine: plan, time, take the call's cost out, write the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile import __version__
from blockprofile.device.cache import CacheFiller, typical_weight_bytes
from blockprofile.device.folder import DeviceCard, check_name, write_card, write_table
from blockprofile.device.journal import Journal
from blockprofile.device.median import Median
from blockprofile.device.overhead import Overhead, fit_overhead, operator_times
from blockprofile.device.probes import Probe, check_resolutions, pick_sentinel, plan_probes, table_operators
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import Runtime
from blockprofile.device.session import Measured, measure_calls, session_facts
from blockprofile.files import make_folder
from blockprofile.folderlock import lock_folder
from blockprofile.predict import lookup_key, replacing_predictor
from blockprofile.space import Operator, Space

ON_PROCESSOR = ("cpu", "CPUExecutionProvider")
JOURNAL_NAME = "journal.jsonl"
ALONE_TOLERANCE = 2.0
"""An operator that is also timed in a chain may be known half as well alone: that time serves the overhead only."""


@dataclass(frozen=True, slots=True)
class MeasuredTable:
    """A measured table: each operator's own time, the call's overhead, and how the measuring went."""

    name: str
    times: Mapping[Operator, Median]
    overhead: Overhead
    within: int
    facts: Mapping[str, Any]


def _configuration(
    runtime: Runtime, space: Space, resolutions: Sequence[int], ops: Sequence[Operator]
) -> dict[str, Any]:
    keys = repr([lookup_key(op) for op in ops])
    return {
        "schema": "blockprofile.journal/1",
        "space": space.base.name,
        "resolutions": list(resolutions),
        "operators": hashlib.sha256(keys.encode()).hexdigest()[:16],
        **runtime.describe(),
        "settings": asdict(runtime.settings),
    }


def measure_table(
    space: Space,
    runtime: Runtime,
    folder: Path,
    *,
    name: str,
    hardware: str,
    plan: Plan,
    resolutions: Sequence[int] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> MeasuredTable:
    """Measure every operator that a space needs and write the folder of a predictor.

    Parameters
    ----------
    folder
        Where to write; made if it is not there. A journal in it is gone on with.
    name, hardware
        The device's name, and what it is, for the card.
    resolutions
        Input resolutions; none given means the space's own.

    Raises
    ------
    OptionError
        If a name, resolution or number is not allowed.
    RunError
        If the folder's journal is of another measurement, or another command is writing into it.
    """
    check_name(name)
    sizes = check_resolutions(space, resolutions)
    operators = table_operators(space, sizes)
    probes = plan_probes(operators)
    journal = Journal(folder / JOURNAL_NAME)
    chained = {probe.operator for probe in probes if probe.length > 1}
    filler = CacheFiller(typical_weight_bytes(space)) if runtime.settings.provider in ON_PROCESSOR else None
    with lock_folder(make_folder(folder)):
        journal.open(_configuration(runtime, space, sizes, operators))
        measured = measure_calls(
            runtime,
            {probe.name: probe.operators for probe in probes},
            pick_sentinel(operators),
            plan=plan,
            journal=journal,
            tolerance={p.name: ALONE_TOLERANCE for p in probes if p.length == 1 and p.operator in chained},
            between=filler,
            progress=progress,
        )
    table = _evaluate(name, probes, measured, runtime, plan)
    with replacing_predictor(folder) as fresh:
        write_table(fresh, table.times)
        _write(fresh, table, space, sizes, hardware=hardware, runtime=runtime, n_chained=len(chained))
    return table


def _evaluate(
    name: str,
    probes: Sequence[Probe],
    measured: Measured,
    runtime: Runtime,
    plan: Plan,
) -> MeasuredTable:
    batch = runtime.settings.batch
    overhead = fit_overhead(probes, measured.medians, batch=batch)
    times = operator_times(probes, measured.medians, overhead, batch=batch)
    longest = {probe.operator: probe.name for probe in probes}
    narrow = [
        median.half_width <= max(plan.precision * median.value, plan.resolution_ms)
        for median in (measured.medians[probe] for probe in longest.values())
    ]
    facts = {
        "on": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "by": f"blockprofile {__version__}",
        **session_facts(runtime, measured.rounds, plan),
        "sentinel": pick_sentinel(list(times)).describe(),
        "precision": plan.precision,
        "operators": len(times),
        "within_precision": sum(narrow),
        "overhead": {key: round(value, 6) for key, value in asdict(overhead).items()},
    }
    return MeasuredTable(name, times, overhead, sum(narrow), facts)


def _write(
    folder: Path,
    table: MeasuredTable,
    space: Space,
    resolutions: Sequence[int],
    *,
    hardware: str,
    runtime: Runtime,
    n_chained: int,
) -> None:
    settings, told = runtime.settings, runtime.describe()
    n = len(table.times)
    # A network sums about as many operators as it has places; their errors are independent.
    widths = [time.half_width / 2 for time in table.times.values() if np.isfinite(time.half_width)]
    places = sum(unit.max_depth for unit in space.units)
    pooled = float(np.sqrt(places * np.mean(np.square(widths)))) if widths else float("nan")
    clock = "the thread's own processor time" if settings.clock == "cpu" else "the wall clock"
    within = f"{table.within} of {n} within {table.facts['precision']:.1%}"
    write_card(
        folder,
        DeviceCard(
            name=table.name,
            space=space.base.name,
            resolutions=resolutions,
            hardware=hardware,
            runtime=f"{told['runtime']}, {told['provider']}, {settings.threads} thread{'s' * (settings.threads > 1)}",
            batch=settings.batch,
            precision=settings.dtype,
            floor=None,
            made_from=(
                f"{n} operators timed in interleaved rounds by {clock}; {n_chained} of them also in chains, from which "
                f"the cost of a call was found and taken out. mean_ms is the median over rounds of the best run of a "
                f"visit; its 95 % interval: {within}."
            ),
            not_for="Other machines, runtimes, thread counts and batches than those named here.",
            sources=[f"timed on this machine by blockprofile lut measure, {table.facts['on']}"],
            parameters={"correction": {"call_ms": round(table.overhead.call_ms, 6)}},
            created=table.facts,
            error_notes=(
                "Not audited against whole networks: the operators' own pooled standard error in a network's sum is "
                f"{pooled:.3g} ms, the sum's error is not known."
            ),
        ),
    )
