"""Recipes: a table, a space, and what each metric's card says; `predictor fit` makes the predictors again."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from blockprofile.errors import DataError, OptionError, UnknownNameError, one_of
from blockprofile.metric import Direction, check_metric, parse_metric
from blockprofile.predict.card import Card, LabelError
from blockprofile.predict.laws import TableLaw
from blockprofile.predict.training import TrainingOptions
from blockprofile.yamlfile import Document, read_yaml

MEASURED = frozenset({"floor", "error", "made_from", "created"})
"""Fields of a card that a fit writes."""


MOST_FOLDS = 20
_BLANK_CARD: Mapping[str, Any] = {
    "schema": "blockprofile.predictor/1", "name": "x", "title": "", "kind": "network", "metric": "x", "unit": "",
    "provenance": "user", "floor": None,
}  # fmt: skip
_CARD_FIELDS = frozenset(item.name for item in fields(Card)) - MEASURED - {"schema", "name", "kind", "metric"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A recipe file.

    ``table`` is a file beside the recipe, ``sha256`` its digest and ``origin`` where it is to be had; see `find_table`.
    ``resolution`` says that all rows hold at one resolution, whatever the table's column of that name says of other
    metrics. ``card`` holds fields of every card; each entry of ``metrics`` its ``column`` and further fields of its
    card. ``holdout`` is the share of rows that the predictors are judged on.
    ``folds`` is into how many parts the other archs are cut, each predicted by a network that was not fitted to it
    (`blockprofile.predict.crossfit`); 0 for one network and no such residuals.
    ``law`` says which law drew the table's rows (`blockprofile.predict.laws`); an entry of ``metrics`` can give the
    labels' own error as ``label_error`` and the largest value that the metric can have as ``ceiling``.
    ``options`` are those of the training.
    """

    schema: Literal["blockprofile.recipe/1"]
    table: str
    space: str
    metrics: dict[str, dict[str, Any]]
    sha256: str | None = None
    origin: str | None = None
    resolution: int | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    holdout: float = 0.1
    folds: int = 5
    law: TableLaw = "unknown"
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def __post_init__(self) -> None:
        if not 0 < self.holdout < 1:
            raise OptionError(f"holdout is {self.holdout}; must be above 0 and below 1")
        if not self.metrics:
            raise OptionError("metrics is empty; name at least one metric and its column")
        if self.resolution is not None and self.resolution < 1:
            raise OptionError(f"resolution is {self.resolution}; must be at least 1")
        if self.folds != 0 and not 2 <= self.folds <= MOST_FOLDS:
            raise OptionError(f"folds is {self.folds}; must be 0, or 2 to {MOST_FOLDS}")
        if Path(self.table).name != self.table or self.table == "..":
            raise OptionError(f"{self.table!r} is no name of a file; the table stands beside the recipe")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise OptionError(f"sha256 is {self.sha256!r}; must be 64 digits of 0-9, a-f")
        check_card_fields("card", self.card)
        for metric, entry in self.metrics.items():
            self._check_metric(metric, entry)

    def _check_metric(self, metric: str, entry: Mapping[str, Any]) -> None:
        check_metric(metric)
        if not isinstance(entry.get("column", metric), str):
            raise OptionError(f"column of {metric!r} is {entry['column']!r}; must be the name of a column")
        found = sorted(entry.keys() & MEASURED)
        if found:
            raise OptionError(f"{found[0]} of {metric!r} is what a fit finds out; leave it out of the recipe")
        told, known = entry.get("direction"), parse_metric(metric).direction
        if told not in {None, "max", "min"}:
            raise OptionError(f"direction of {metric!r} is {told!r}; choices: max, min")
        if told and known not in {None, told}:
            raise OptionError(f"direction of {metric!r} is {told!r}; {parse_metric(metric).title} has {known!r}")
        ceiling = entry.get("ceiling", 0.0)
        if isinstance(ceiling, bool) or not isinstance(ceiling, int | float) or not math.isfinite(ceiling):
            raise OptionError(f"ceiling of {metric!r} is {ceiling!r}; must be a finite number")
        self.label_error(metric)
        check_card_fields(f"metric {metric!r}", {key: entry[key] for key in entry.keys() - {"column"}})

    @property
    def seed(self) -> int:
        """The seed of the split, the weights and the batches."""
        return self.options.seed

    def label_error(self, metric: str) -> LabelError | None:
        """Return the labels' own error of a metric, None where the recipe does not speak of it."""
        about = self.metrics[metric].get("label_error")
        if about is None:
            return None
        if not isinstance(about, Mapping) or not about.keys() <= {"mae", "rmse", "on"}:
            raise OptionError(f"label_error of {metric!r} is {about!r}; must hold mae or rmse, and on")
        for name in ("mae", "rmse"):
            if isinstance(about.get(name), bool) or not isinstance(about.get(name, 0.0), int | float):
                raise OptionError(f"label_error of {metric!r}: {name} is {about[name]!r}; must be a number")
        return LabelError(**about)

    def direction(self, metric: str) -> Direction | None:
        """Return what is wanted of a metric: what the recipe says, or the metric's name; None where neither does."""
        told: Direction | None = self.metrics[metric].get("direction")
        return told or parse_metric(metric).direction

    def is_maximized(self, metric: str) -> bool | None:
        """Tell whether large values of a metric are the good ones; None where that is not known."""
        direction = self.direction(metric)
        return None if direction is None else direction == "max"

    def directed(self, direction: str) -> Recipe:
        """Return the recipe with a direction for every metric that has none.

        Raises
        ------
        OptionError
            If the direction is neither ``max`` nor ``min``, or every metric has one.
        """
        open_ones = [metric for metric in self.metrics if self.direction(metric) is None]
        if not open_ones:
            raise OptionError(
                f"--direction {direction!r} has no effect: {', '.join(self.metrics)} have their directions"
            )
        metrics = {
            metric: entry | ({"direction": direction} if metric in open_ones else {})
            for metric, entry in self.metrics.items()
        }
        return replace(self, metrics=metrics)

    def changed(self, *, seed: int | None = None, epochs: int | None = None) -> Recipe:
        """Return the recipe with another seed or number of epochs, where they are given.

        A number of epochs that is asked for is the number that are made, whatever steps a small table would take.
        """
        options = replace(self.options, seed=self.seed if seed is None else seed)
        if epochs is not None:
            options = replace(options, epochs=epochs, min_steps=0)
        return replace(self, options=options)


def check_card_fields(what: str, given: Mapping[str, Any]) -> None:
    """Check fields of a card before anything is fitted for it.

    Raises
    ------
    OptionError
        If one is none of those that can be given.
    DefinitionError
        If a value is wrong.
    """
    unknown = sorted(map(str, given.keys() - _CARD_FIELDS))
    if unknown:
        raise OptionError(f"{what} has a key {unknown[0]!r}; {one_of(unknown[0], sorted(_CARD_FIELDS))}")
    plain = {key: value for key, value in given.items() if value is not None}
    Document(Path(what), {**_BLANK_CARD, **plain}, None).validate(Card)


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


def find_table(recipe: Recipe, path: Path) -> Path:
    """Find the table of a recipe beside its file.

    Parameters
    ----------
    path
        The recipe's file.

    Raises
    ------
    UnknownNameError
        If the table is not there; the message says where it is to be had.
    DataError
        If it is another one than the recipe's digest says.
    """
    table = path.parent / recipe.table
    source = f"; it is to be had from {recipe.origin}" if recipe.origin else ""
    if not table.is_file():
        raise UnknownNameError(f"{table} does not exist, recipe {path} needs it{source}")
    if recipe.sha256 is not None:
        with table.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != recipe.sha256:
            raise DataError(f"{table} has SHA-256 {found}, recipe {path} was made for {recipe.sha256}{source}")
    return table
