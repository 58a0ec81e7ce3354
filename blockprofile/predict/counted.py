"""Counted metrics: multiply-adds, FLOPs and parameters, exact from the operator list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from blockprofile.errors import DataError, one_of
from blockprofile.predict.base import AdditivePredictor
from blockprofile.predict.card import Card
from blockprofile.space.operators import Operator, count_macs, count_params
from blockprofile.space.space import Space

__all__ = ["build_counted"]

_MILLION = 1e6

_COUNTS: dict[str, Callable[[Operator], float]] = {
    "macs_m": lambda op: count_macs(op) / _MILLION,
    "flops_m": lambda op: 2 * count_macs(op) / _MILLION,
    "params_m": lambda op: count_params(op) / _MILLION,
}


def build_counted(card: Card, folder: Path, space: Space) -> AdditivePredictor:
    """Make the predictor of a counted metric.

    Raises
    ------
    DataError
        If the card's metric is not one that can be counted.
    """
    count = _COUNTS.get(card.metric)
    if count is None:
        raise DataError(f"{folder}: metric {card.metric!r} cannot be counted; {one_of(card.metric, _COUNTS)}")
    return AdditivePredictor.over_operators(card, space, count)
