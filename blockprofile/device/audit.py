"""Auditing a lookup table: whole networks, timed on the same machine, against the table's sum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.audit_archs import spread_archs
from blockprofile.device.journal import Journal
from blockprofile.device.machine import processor_name
from blockprofile.device.probes import pick_sentinel, table_operators
from blockprofile.device.quantity import in_unit_of
from blockprofile.device.repair import Repair, choose_repair, fit_repairs
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import Runtime, Settings, make_runtime
from blockprofile.device.session import accelerator_of, measure_calls, session_facts
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.files import make_folder
from blockprofile.folderlock import lock_folder
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import Card, build_predictor, find_device, measure_fidelity
from blockprofile.space import Archs, Space, decode_all, list_operators

if TYPE_CHECKING:
    import pandas as pd

AUDIT_JOURNAL = "audit_journal-{archs}.jsonl"
"""One for each choice of networks, so that an audit of others is no mistake, and a killed one is gone on with."""
GOOD_PERCENT = 3.0
LEAST_NETWORKS = 5
BIAS_SHARE = 0.5
"""A sum is called biased when the mean error is more than this share of the RMSE."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    ``predicted`` and ``measured`` are in ms, one value for each of ``archs``; measured times are brought to the
    machine's speed when the table was made, by ``speed``, the sentinel's time now over its time then. ``source`` says
    where the times are from. Of an energy, what is said to be in ms is in mJ.
    """

    archs: Archs
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    half_width: NDArray[np.float64]
    n_operators: NDArray[np.float64]
    speed: float
    repairs: tuple[Repair, ...]
    facts: Mapping[str, Any]
    source: str = "timed on the same machine"
    metric: str = LATENCY

    @property
    def errors(self) -> NDArray[np.float64]:
        """Predicted less measured, ms."""
        return self.predicted - self.measured

    @property
    def figures(self) -> dict[str, float]:
        """RMSE, bias and so on, in ms and in percent of the mean measured latency."""
        mean = float(self.measured.mean())
        found = measure_fidelity(self.measured, self.predicted, maximize=False)
        return {
            "n": found.n,
            "mean_ms": mean,
            "least_ms": float(self.measured.min()),
            "greatest_ms": float(self.measured.max()),
            "rmse_ms": found.rmse,
            "rmse_percent": 100 * found.rmse / mean,
            "bias_ms": found.bias,
            "bias_percent": 100 * found.bias / mean,
            "r2": found.r2,
            "kendall_tau": found.kendall_tau,
        }

    @property
    def verdict(self) -> str:
        """Say in a sentence whether the table can be trusted, and what stands in the way."""
        found = self.figures
        rmse = (
            f"RMSE {found['rmse_ms']:.3g} {parse_metric(self.metric).unit}, {found['rmse_percent']:.1f} % of the mean"
        )
        best = choose_repair(self.repairs)
        if found["rmse_percent"] <= GOOD_PERCENT:
            return f"additive: {rmse}"
        better = 100 * best.cv_rmse_ms / found["mean_ms"]
        offer = (
            f"; repaired by {best.model} it would be {better:.1f} % (cross-validated)" if best.model != "none" else ""
        )
        if abs(found["bias_ms"]) > BIAS_SHARE * found["rmse_ms"]:
            way = "below" if found["bias_ms"] < 0 else "above"
            return f"biased: {rmse}, on average {abs(found['bias_percent']):.1f} % {way} the measured{offer}"
        return f"not additive enough: {rmse}, without a common bias{offer}"

    def frame(self, space: Space) -> pd.DataFrame:
        """Return one row a network: its text, predicted and measured latency."""
        import pandas as pd

        columns = {
            "arch": decode_all(space, self.archs),
            "predicted_ms": self.predicted,
            "measured_ms": self.measured,
            "ci_ms": self.half_width,
            "operators": self.n_operators.astype(int),
        }
        return pd.DataFrame(in_unit_of(self.metric, columns))


def runtime_of(card: Card) -> Runtime:
    """Make the runtime that a card's table was measured with.

    Raises
    ------
    OptionError
        If the card does not say, the table was measured elsewhere, or the runtime is not installed.
    DataError
        If what the card says of it is not as `lut measure` writes it.
    """
    created = card.created
    if "settings" not in created or "adapter" not in created:
        raise OptionError(
            f"the table of {card.name!r} was not measured by 'lut measure'; an audit times networks on the machine "
            f"that the table was measured on"
        )
    try:
        settings = Settings(**created["settings"])
    except TypeError:
        told = f"the card of {card.name!r} says {created['settings']!r} of how its table was measured"
        raise DataError(f"{told}; should be {', '.join(field.name for field in fields(Settings))}") from None
    _check_same(card, "processor", processor_name())
    runtime = make_runtime(str(created["adapter"]), settings)
    _check_same(card, "accelerator", accelerator_of(runtime))
    return runtime


def _check_same(card: Card, part: str, here: str) -> None:
    there = card.created.get(part, here)
    if there != here:
        raise OptionError(f"the table of {card.name!r} was measured on {there}; this is {here or 'none'}")


def audit_table(
    space: Space,
    device: str,
    *,
    n: int = 50,
    seed: int = 0,
    plan: Plan,
    out: Path,
    runtime: Runtime | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Time whole networks and compare them with the sum of a device's table.

    Parameters
    ----------
    device
        A measured device or its folder.
    n, seed
        How many networks, and the seed of their drawing; they are spread over the space's latency range. After a repair
        the same seed draws other networks: those that a correction was fitted to cannot judge it.
    out
        Folder of the journal; a killed audit in it is gone on with.
    runtime
        Left out, the one that the card names.
    plan, progress
        As `blockprofile.device.session.measure_calls`.

    Raises
    ------
    OptionError
        If ``n`` is below 5, or the device cannot be audited here.
    CoverageError, RunError
        If the device does not cover the space; if the journal is of another audit.
    """
    if n < LEAST_NETWORKS:
        raise OptionError(f"n is {n}; an audit takes at least {LEAST_NETWORKS} networks")
    entry = find_device(device, space)
    card = entry[0]
    runtime = runtime or runtime_of(card)
    predictor = build_predictor(entry, space)
    archs = spread_archs(space, predictor, n, np.random.default_rng(_seeds(seed, card)))
    networks = [list_operators(space, arch) for arch in archs]
    digest = hashlib.sha256(archs.tobytes()).hexdigest()[:16]
    journal = Journal(out / AUDIT_JOURNAL.format(archs=digest))
    sentinel = pick_sentinel(table_operators(space, card.resolutions))
    names = [f"network {index}" for index in range(len(networks))]
    about = {"schema": "blockprofile.journal/1", "space": space.base.name, "archs": digest}
    with lock_folder(make_folder(out)):
        journal.open({**about, **runtime.describe(), "settings": asdict(runtime.settings)})
        measured = measure_calls(
            runtime,
            dict(zip(names, networks, strict=True)),
            sentinel,
            plan=plan,
            journal=journal,
            progress=progress,
        )
    facts = session_facts(runtime, measured.rounds, plan)
    speed = _speed(card, facts, sentinel.describe())
    times = np.array([measured.medians[name].value for name in names]) / speed
    widths = np.array([measured.medians[name].half_width for name in names]) / speed
    counts = np.array([len(network) for network in networks], np.float64)
    predicted = predictor.predict(archs).astype(np.float64)
    return Audit(archs, predicted, times, widths, counts, speed, fit_repairs(predicted, counts, times), facts)


def _seeds(seed: int, card: Card) -> list[int]:
    """Return what the networks are drawn by: of a repaired table others than those that its repair was fitted to."""
    correction = card.parameters.get("correction", {})
    fitted = {key: value for key, value in correction.items() if not key.startswith("call_")}
    digest = hashlib.sha256(repr(sorted(fitted.items())).encode()).digest()
    return [seed, int.from_bytes(digest[:4], "little")] if fitted else [seed]


def _speed(card: Card, facts: Mapping[str, Any], sentinel: str) -> float:
    then = card.created.get("sentinel_ms")
    if then is None:
        return 1.0
    if card.created.get("sentinel") != sentinel:
        raise RunError(
            f"the table of {card.name!r} was made with the sentinel {card.created.get('sentinel')!r}, "
            f"this audit's is {sentinel!r}: audit it with the space and resolutions that it was measured for"
        )
    return float(facts["sentinel_ms"]) / float(then)
