"""The card of a predictor: what it predicts, where it comes from, how wrong it is, where not to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blockprofile.yamlfile import Document, read_yaml

__all__ = ["Card", "ErrorFigures", "Kind", "Provenance", "read_card"]

Provenance = Literal["measured", "distilled", "calibrated", "counted", "user"]
Kind = Literal["counted", "lookup", "cost_model", "network", "table"]

CARD_NAME = "card.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFigures:
    """How far predictions are from what they stand for, in the metric's unit; None where not known.

    ``on`` says against what: held-out labels, leave-one-out networks, whole-network measurements. ``label_spread`` is
    the standard deviation of repeated measurements of an arch, which no prediction of one of them can undercut.
    """

    on: str = ""
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
    error, in ``unit``, below which no effect is claimed. An empty ``spaces`` means every space that the
    operators cover; ``parameters`` holds what the kind needs.
    """

    schema: Literal["blockprofile.predictor/1"]
    name: str
    title: str
    kind: Kind
    metric: str
    unit: str
    provenance: Provenance
    floor: float
    device: str | None = None
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
    not_for: str = ""
    notes: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    networks: tuple[dict[str, Any], ...] = ()
    created: Mapping[str, Any] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """Say in a few words where the figures come from, for captions and tables."""
        error = self.error
        figures = [f"RMSE {error.rmse:.3g} {self.unit}"] if error.rmse is not None else []
        if error.rmse is None and error.mae is not None:
            figures = [f"MAE {error.mae:.3g} {self.unit}"]
        on = [error.on] if figures and error.on else []
        return ", ".join([self.provenance, *figures]) + (f" ({on[0]})" if on else "")


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
