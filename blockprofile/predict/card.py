"""The card of a predictor: what it predicts, where it comes from, how wrong it is, where not to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blockprofile.files import check_name
from blockprofile.metric import Direction, check_metric
from blockprofile.yamlfile import Document, read_yaml

Provenance = Literal["measured", "trained", "distilled", "calibrated", "counted", "zero-cost", "user"]
Kind = Literal["counted", "lookup", "cost_model", "network", "table", "archs", "supernet", "zero_cost"]

CARD_NAME = "card.yaml"
TABLE_NAME = "table.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFigures:
    """The error on the archs of one law: ``n`` is how many archs the figures are worth."""

    n: float
    mae: float
    rmse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelError:
    """How far the labels are from what they stand for, in the metric's unit; ``on`` says on what, or why not."""

    mae: float | None = None
    rmse: float | None = None
    on: str = ""

    def __post_init__(self) -> None:
        for name, value in (("mae", self.mae), ("rmse", self.rmse)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; the labels' error must be finite and above 0, or left out")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFigures:
    """How far predictions are from what they stand for, in the metric's unit; None where not known.

    ``on`` says against what: held-out labels, leave-one-out networks, whole-network measurements; ``law`` which law
    drew the archs that the figures are of, and ``by_law`` gives the error under one law alone. ``label_spread`` is
    the standard deviation of repeated measurements of an arch, which no prediction of one of them can undercut.
    """

    on: str = ""
    law: Literal["unknown", "papers", "halves"] = "unknown"
    by_law: Mapping[str, LawFigures] = field(default_factory=dict)
    n: int | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None
    kendall_tau: float | None = None
    best_percentile_mae: float | None = None
    label_spread: float | None = None
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card file.

    ``metric`` is the column that the predictor fills (``latency_ms:note10``); ``floor`` is the predictor's own
    error, in ``unit``, below which no effect is claimed (`blockprofile.predict.floor`), None where it is not known.
    ``label_error`` is the error of the labels that it learnt from. ``fitted_range`` holds the least and the greatest
    value that it was fitted on: outside them its error is not known. ``ceiling`` is the largest value that the metric
    can have; what a network says beyond is cut off. An empty ``spaces`` means every space that the operators cover;
    ``parameters`` holds what the kind needs, ``files`` digests of the data files that the card was written with.
    """

    schema: Literal["blockprofile.predictor/1"]
    name: str
    title: str
    kind: Kind
    metric: str
    unit: str
    provenance: Provenance
    floor: float | None
    device: str | None = None
    direction: Direction | None = None
    spaces: tuple[str, ...] = ()
    resolutions: tuple[int, ...] = ()
    hardware: str = ""
    runtime: str = ""
    batch: int | None = None
    precision: str = ""
    sources: tuple[str, ...] = ()
    licence: str = ""
    made_from: str = ""
    error: ErrorFigures = ErrorFigures()
    label_error: LabelError | None = None
    fitted_range: tuple[float, float] | None = None
    ceiling: float | None = None
    not_for: str = ""
    notes: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    networks: tuple[dict[str, Any], ...] = ()
    created: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name, what="name of a predictor")
        check_metric(self.metric)
        if self.device is not None:
            check_name(self.device, what="device")
        for name, value in (("ceiling", self.ceiling), *(("fitted_range", end) for end in self.fitted_range or ())):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} holds {value}; must be finite, or left out")
        if self.floor is not None and not (math.isfinite(self.floor) and self.floor >= 0):
            raise ValueError(f"floor is {self.floor}; must be finite and at least 0, or empty where it is not known")
        if self.ceiling is not None and self.kind != "network":
            raise ValueError(f"ceiling belongs to networks alone, and this is a {self.kind}")
        if self.fitted_range is not None and not self.fitted_range[0] < self.fitted_range[1]:
            raise ValueError("fitted_range must hold the least value first and a greater one")

    @property
    def caption(self) -> str:
        """Say in a few words where the figures come from, for captions and tables."""
        return self.tell()

    def tell(self, outside: float = 0.0) -> str:
        """Say in a few words where the figures come from, how wrong they are, and whether the floor is known.

        Parameters
        ----------
        outside
            The share of the archs in question that lie outside ``fitted_range``; where there are any, the error
            is not quoted, as it is not known for them.
        """
        words = [self.provenance, *(self._outside(outside) if outside > 0 else self._error())]
        if self.floor is None:
            words.append("floor unknown: not audited")
        return ", ".join(words)

    def _outside(self, share: float) -> list[str]:
        low, high = self.fitted_range or (math.nan, math.nan)
        told = "under 0.1" if share < 0.001 else f"{100 * share:.2g}" if share < 0.995 else f"{100 * share:.4g}"
        return [
            f"fitted on {low:.3g} to {high:.3g} {self.unit}; {told} % of the archs lie outside, error unknown there"
        ]

    def _error(self) -> list[str]:
        if self.kind == "archs" and self.error.label_spread is not None:
            return [f"two of one arch differ by a standard deviation of {self.error.label_spread:.3g} {self.unit}"]
        error, papers = self.error, self.error.by_law.get("papers")
        figures = {"RMSE": papers.rmse if papers else error.rmse, "MAE": error.mae}
        known = [f"{name} {value:.3g} {self.unit}".rstrip() for name, value in figures.items() if value is not None][:1]
        if not known:
            return []
        reach = "" if self.fitted_range is None else f"within {self.fitted_range[0]:.3g} to {self.fitted_range[1]:.3g}"
        on = "; ".join(filter(None, [error.on, "the papers' law" if papers else "", reach and f"{reach} {self.unit}"]))
        words = [known[0] + (f" ({on})" if on else "")]
        labels = self.label_error
        if labels is not None and (labels.mae or labels.rmse) is not None:
            name, value = ("RMSE", labels.rmse) if labels.rmse is not None else ("MAE", labels.mae)
            words.append(f"labels' own {name} {value:.3g} {self.unit}")
        elif labels is not None:
            words.append(f"labels' own error {labels.on}")
        return words


def read_card(folder: Path) -> Card:
    """Read the card of a predictor folder.

    Raises
    ------
    UnknownNameError
        If the folder has no card.
    DefinitionError
        With file, line and key, if the card is wrong.
    """
    document: Document = read_yaml(folder / CARD_NAME)
    return document.validate(Card)
