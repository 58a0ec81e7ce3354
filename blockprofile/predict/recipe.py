"""Recipes: a table, a space, and what each metric's card says; `predictor fit` makes the predictors again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blockprofile.predict.training import TrainingOptions
from blockprofile.yamlfile import read_yaml

__all__ = ["Recipe", "read_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A recipe file.

    ``table`` is a file beside the recipe. ``resolution`` says that all rows hold at one resolution, whatever the
    table's column of that name says of other metrics. ``card`` holds fields of every card; each entry of
    ``metrics`` its ``column`` and further fields of its card. ``shared`` makes one network
    for all metrics: faster together, less faithful each. ``holdout`` is the share of rows that the
    predictors are judged on; ``options`` are those of the training.
    """

    schema: Literal["blockprofile.recipe/1"]
    table: str
    space: str
    metrics: dict[str, dict[str, Any]]
    resolution: int | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = False
    holdout: float = 0.1
    options: TrainingOptions = field(default_factory=TrainingOptions)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DefinitionError
        With file, line and key, if it is wrong.
    """
    return read_yaml(path).validate(Recipe)
