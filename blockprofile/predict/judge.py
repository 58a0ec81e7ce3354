"""What held-out labels say of a predictor, as its card has it; judging a shipped predictor again without a fit."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import UnknownNameError, one_of
from blockprofile.predict.card import CARD_NAME, Card, LabelError, read_card
from blockprofile.predict.evaluate import evaluate_predictor
from blockprofile.predict.floor import effect_floor, label_rmse, mean_layers
from blockprofile.predict.labels import read_labels
from blockprofile.predict.laws import TableLaw, errors_by_law
from blockprofile.predict.metrics import Fidelity
from blockprofile.predict.recipe import find_table, read_recipe
from blockprofile.predict.repeats import split_archs
from blockprofile.space import Archs, Space, load_space
from blockprofile.yamlfile import read_yaml, write_yaml

__all__ = ["judge_again", "judged_fields"]

DIGITS = 8


def judged_fields(
    space: Space,
    archs: Archs,
    errors: NDArray[np.float64],
    fidelity: Fidelity,
    *,
    law: TableLaw,
    label_error: LabelError | None,
) -> dict[str, Any]:
    """Make ``error`` and ``floor`` of a card from rows that were held out.

    Parameters
    ----------
    archs, errors
        The rows held out, and prediction less label of each.
    fidelity
        The figures of the same rows.
    law
        Which law drew the rows.
    label_error
        The labels' own error, None where it is not known.

    Notes
    -----
    The floor takes the error under the papers' law where the law of the rows is known, since profiles draw by it.
    """
    by_law = errors_by_law(space, archs, errors, law=law)
    rmse = by_law["papers"]["rmse"] if "papers" in by_law else fidelity.rmse
    floor = effect_floor(rmse, label_error=label_rmse(label_error), n_layers=mean_layers(space))
    figures = {key: value for key, value in asdict(fidelity).items() if key not in {"n", "bias"} and np.isfinite(value)}
    error: dict[str, Any] = {"on": "archs of the same table, held out", "n": fidelity.n}
    error |= {key: _rounded(value) for key, value in figures.items()}
    if by_law:
        error["law"] = law
        error["by_law"] = {
            name: {"n": round(found["n"]), "mae": _rounded(found["mae"]), "rmse": _rounded(found["rmse"])}
            for name, found in by_law.items()
        }
    return {"floor": float(f"{floor:.4g}"), "error": error}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def judge_again(folder: Path, recipe: Path) -> Card:
    """Judge a predictor again on the rows that its recipe holds out, and rewrite error and floor on its card.

    Nothing is fitted. What the recipe says of the labels' error, of their law and of the metric's ceiling goes onto the
    card too; its texts stay.

    Parameters
    ----------
    folder
        A predictor that `blockprofile predictor fit` made from the recipe.
    recipe
        The recipe file, its table beside it.

    Raises
    ------
    UnknownNameError
        If the recipe has no such metric.
    DataError, CoverageError
        As `read_labels` and `evaluate_predictor`.
    """
    asked, card = read_recipe(recipe), read_card(folder)
    if card.metric not in asked.metrics:
        raise UnknownNameError(f"{recipe} has no metric {card.metric!r}; {one_of(card.metric, asked.metrics)}")
    about = asked.metrics[card.metric]
    space = load_space(asked.space)
    table = read_labels(find_table(asked, recipe), space)
    if asked.resolution is not None:
        table, space = dataclasses.replace(table, resolutions=None), space.at_resolution(asked.resolution)
    held = split_archs(table.archs, holdout=asked.holdout, seed=asked.seed)[1]
    card = dataclasses.replace(card, ceiling=about.get("ceiling"))
    found = evaluate_predictor((card, folder), space, table, column=about.get("column", card.metric), rows=held)
    fields = judged_fields(
        space,
        found.archs,
        found.predictions - found.labels,
        found.fidelity,
        law=asked.law,
        label_error=asked.label_error(card.metric),
    )
    source = read_yaml(folder / CARD_NAME).source
    source["floor"] = fields["floor"]
    kept = {key: value for key in ("label_spread", "notes") if (value := getattr(card.error, key))}
    source["error"] = fields["error"] | kept
    for key in ("label_error", "ceiling"):
        if key in about:
            source.pop(key, None)
            source.insert(list(source).index("error") + 1, key, about[key])
    write_yaml(folder / CARD_NAME, source)
    return read_card(folder)
