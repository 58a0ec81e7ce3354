"""One measuring session: build what is timed, then time it alone on the machine.

Building may use several threads; timing never does, and waits for any other timing on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from blockprofile.device.journal import Journal, Round
from blockprofile.device.machine import (
    accelerator_clock_mhz,
    accelerator_name,
    load_average,
    pinned,
    processor_name,
    system_name,
    timing_lock,
)
from blockprofile.device.median import Median
from blockprofile.device.rounds import Plan, measure_rounds, sentinel_drift
from blockprofile.device.runtime import Runtime
from blockprofile.device.warm_up import warm_up
from blockprofile.space import Operator


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians by name, and the rounds that they come from."""

    medians: Mapping[str, Median]
    rounds: Sequence[Round]


def measure_calls(
    runtime: Runtime,
    calls: Mapping[str, Sequence[Operator]],
    sentinel: Operator,
    *,
    plan: Plan,
    journal: Journal,
    tolerance: Mapping[str, float] | None = None,
    between: Callable[[], object] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Time lists of operators in interleaved rounds.

    Parameters
    ----------
    calls
        Operators that run in one call, by name.
    journal
        Opened.
    tolerance, between, progress
        As `blockprofile.device.rounds.measure_rounds`.

    Raises
    ------
    OptionError
        If the processors cannot be used.
    """
    with pinned(plan.processors):
        progress(f"building {len(calls)} networks")
        with ThreadPoolExecutor(max_workers=plan.jobs) as pool:
            built = pool.map(lambda item: runtime.prepare(item[1], seed=item[0]), enumerate(calls.values()))
            prepared = dict(zip(calls, built, strict=True))
        watch = runtime.prepare((sentinel,), seed=0)
        with timing_lock(progress):
            if accelerator_of(runtime):
                warm_up(watch, progress=progress)
            medians = measure_rounds(
                prepared,
                watch,
                plan=plan,
                journal=journal,
                tolerance=tolerance,
                between=between,
                progress=progress,
            )
    return Measured(medians, tuple(journal.rounds))


def accelerator_of(runtime: Runtime) -> str:
    """Name the GPU that a runtime computes on, as the runtime itself does, or the driver; empty for the processor."""
    return runtime.describe().get("accelerator") or accelerator_name(runtime.settings.provider)


def session_facts(runtime: Runtime, rounds: Sequence[Round], plan: Plan) -> dict[str, Any]:
    """Collect what a card says of a session: machine, runtime, settings, load, drift, disturbance."""
    drift = sentinel_drift(rounds)
    loads = [entry.load for entry in rounds if entry.load is not None]
    n_runs = sum(entry.n_runs for entry in rounds)
    gpu, clock = accelerator_of(runtime), accelerator_clock_mhz()
    facts: dict[str, Any] = {
        "processor": processor_name(),
        **({"accelerator": gpu} if gpu else {}),
        **({"accelerator_mhz": clock} if gpu and clock is not None else {}),
        "system": system_name(),
        "adapter": runtime.name,
        **runtime.describe(),
        "settings": asdict(runtime.settings),
        "processors": list(plan.processors),
        "rounds": len(rounds),
        "rounds_repeated": drift.n_repeated,
        "seconds": round(sum(entry.seconds for entry in rounds), 1),
        "sentinel_ms": drift.sentinel_ms,
        "drift_percent": round(100 * drift.range_share, 2),
        "disturbed_percent": round(100 * sum(entry.n_disturbed for entry in rounds) / max(1, n_runs), 1),
    }
    if loads:
        facts["load"] = {"lowest": min(loads), "highest": max(loads), "last": load_average()}
    return facts
