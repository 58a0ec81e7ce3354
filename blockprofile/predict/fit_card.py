"""The card of a predictor that was fitted to a table: what was asked for, what was found, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from blockprofile.metric import parse_metric
from blockprofile.predict.fit_task import Fit
from blockprofile.predict.folder import write_card
from blockprofile.predict.members import Choice
from blockprofile.predict.metrics import Fidelity
from blockprofile.predict.rank import tau_ends
from blockprofile.space import Space


@dataclass(frozen=True, slots=True)
class FitReport:
    """What one fit gave: the metric, its folder, and the fidelity on the archs held out.

    ``n_train`` counts the archs trained on, each at each of its resolutions. ``choice`` tells whether the network was
    kept or its additive tables alone, and why. ``spread`` is the standard deviation of repeated rows of an arch, NaN
    where there are none, and ``repeats`` says in words what was pooled.
    """

    metric: str
    folder: Path
    n_train: int
    fidelity: Fidelity
    choice: Choice
    spread: float = float("nan")
    repeats: str = ""

    @property
    def report(self) -> str:
        """Say in a line what the predictor is worth."""
        told = self.fidelity
        low, high = tau_ends(told.kendall_tau, told.n)
        tau = f"tau {told.kendall_tau:.3f} ({low:.3f} to {high:.3f})"
        figures = f"R2 {told.r2:.3f}, RMSE {told.rmse:.3g}, {tau}"
        return f"{self.metric}: {figures} held out ({told.n} archs)"


def folder_name(metric: str, space: Space) -> str:
    """Name the folder of a metric's predictor.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> folder_name("latency_ms:phone", load_space("moga")), folder_name("top1_percent", load_space("moga"))
    ('phone_moga', 'top1_percent_moga')
    """
    about = parse_metric(metric)
    head = about.device if about.device and about.column == "latency_ms" else metric.replace(":", "_")
    return f"{head}_{space.base.name}"


def write_fit_card(folder: Path, fit: Fit, report: FitReport, *, judged: Mapping[str, Any], accelerator: str) -> None:
    """Write the card of one metric.

    Parameters
    ----------
    folder
        Where to; the card's name is that of ``report.folder``.
    judged
        ``floor`` and ``error``; see `blockprofile.predict.judge.judged_fields`.
    """
    space, recipe, train = fit.space, fit.recipe, fit.train.table
    about = parse_metric(report.metric)
    spread = {"label_spread": float(f"{report.spread:.4g}"), "notes": report.repeats} if report.repeats else {}
    made_from = f"{len(train.archs)} of the {len(fit.pooled.counts)} archs of {train.path.name}, chosen at random"
    card = {
        "schema": "blockprofile.predictor/1",
        "name": folder_name(report.metric, space),
        "title": f"{report.metric} of {space.base.name}, fitted to {train.path.name}",
        "kind": "table" if report.choice.is_additive else "network",
        "metric": report.metric,
        "unit": about.unit,
        "device": about.device or None,
        "direction": about.direction,
        "provenance": "user",
        "spaces": [space.base.name],
        "resolutions": list(fit.inputs.resolutions),
        **recipe.card,
        **{key: value for key, value in recipe.metrics[report.metric].items() if key != "column"},
        "made_from": f"{made_from}; {report.choice.why}",
        "floor": judged["floor"],
        "error": {**judged["error"], **spread},
        "created": {
            "command": "blockprofile predictor fit", "accelerator": accelerator, "folds": recipe.folds,
            "options": asdict(recipe.options) | {"widths": list(recipe.options.widths)},
        },
    }  # fmt: skip
    write_card(folder, {key: value for key, value in card.items() if value not in (None, [])})
