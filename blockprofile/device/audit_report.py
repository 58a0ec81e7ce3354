"""What an audit leaves in the device's folder: a table, a picture, and the figures on the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blockprofile.device.audit import Audit
from blockprofile.device.folder import amend_card
from blockprofile.device.quantity import in_unit_of
from blockprofile.device.repair import Repair, choose_repair
from blockprofile.files import replacing
from blockprofile.metric import parse_metric
from blockprofile.predict import effect_floor, mean_layers, read_card, read_correction
from blockprofile.space import Space

AUDIT_TABLE = "audit.parquet"
MUCH_DISTURBED = 5.0
MUCH_DRIFT = 5.0
"""Percent of interrupted runs, and of drift, from which on the card speaks of them."""
FACTS = ("rounds", "seconds", "drift_percent", "disturbed_percent", "load", "file", "on", "repeats")


def _round(value: float) -> float:
    return float(f"{value:.5g}")


def _floor(space: Space, rmse: float) -> float:
    return _round(effect_floor(rmse, n_layers=mean_layers(space)))


def _error(audit: Audit, rmse: float, notes: str) -> dict[str, Any]:
    found = audit.figures
    return {
        "on": f"{len(audit.archs)} whole networks {audit.source}",
        "n": len(audit.archs),
        "r2": _round(found["r2"]),
        "rmse": _round(rmse),
        "kendall_tau": _round(found["kendall_tau"]),
        "notes": notes,
    }


def _conditions(audit: Audit) -> str:
    """Say what stood in the way of good timings, if anything did."""
    facts = audit.facts
    disturbed, drift = facts.get("disturbed_percent", 0.0), facts.get("drift_percent", 0.0)
    if disturbed <= MUCH_DISTURBED and drift <= MUCH_DRIFT:
        return ""
    load = facts.get("load", {}).get("highest", "unknown")
    return (
        f" Others used the machine meanwhile: load up to {load}, {disturbed:.0f} % of the runs were "
        f"interrupted, and its speed moved by {drift:.1f} %."
    )


def write_audit(folder: Path, space: Space, audit: Audit) -> None:
    """Write the audit's networks and put its figures on the card, the floor among them."""
    with replacing(folder / AUDIT_TABLE) as file:
        audit.frame(space).to_parquet(file, index=False, compression="zstd")
    found = audit.figures
    facts = {key: audit.facts[key] for key in FACTS if key in audit.facts}
    unit = parse_metric(audit.metric).unit
    told = (
        f"{audit.verdict}. Mean error {found['bias_ms']:+.3g} {unit} over networks of {found['least_ms']:.3g} to "
        f"{found['greatest_ms']:.3g} {unit}."
    )
    told += _conditions(audit)
    amend_card(
        folder,
        {
            "error": _error(audit, found["rmse_ms"], told),
            "floor": _floor(space, found["rmse_ms"]),
            "created.audit": facts if "file" in facts else {**facts, "speed": _round(audit.speed)},
        },
    )


def repair_card(folder: Path, space: Space, audit: Audit) -> Repair:
    """Put the best correction on the card, with its cross-validated error; none is put where none helps.

    Notes
    -----
    A correction that the card has already stays in: the new one is applied to what it gives.
    """
    best = choose_repair(audit.repairs)
    if best.model == "none":
        return best
    old = read_correction(read_card(folder), folder)
    once = best.scale * (old.call_ms + old.offset_ms) + best.offset_ms
    found = audit.figures
    mean = found["mean_ms"]
    r2 = 1 - best.cv_rmse_ms**2 / float(audit.measured.var())
    notes = (
        f"Repaired by {best.model}, fitted to these networks: RMSE {best.cv_rmse_ms:.3g} "
        f"{parse_metric(audit.metric).unit}, {100 * best.cv_rmse_ms / mean:.1f} % of the mean, each network left out "
        "of its own fit. "
        f"The bare sum: {audit.verdict}.{_conditions(audit)}"
    )
    amend_card(
        folder,
        {
            "parameters.correction": in_unit_of(
                audit.metric,
                {
                    "call_ms": old.call_ms,
                    "offset_ms": _round(once - old.call_ms),
                    "per_operator_ms": _round(best.scale * old.per_operator_ms + best.per_operator_ms),
                    "scale": _round(best.scale * old.scale),
                },
            ),
            "error": {**_error(audit, best.cv_rmse_ms, notes), "r2": _round(r2)},
            "floor": _floor(space, best.cv_rmse_ms),
        },
    )
    return best
