"""Predictors: archs to one metric, with a card that says where it comes from and how wrong it is."""

from blockprofile.predict.base import AdditivePredictor, Predictor
from blockprofile.predict.card import Card, ErrorFigures, Provenance, read_card
from blockprofile.predict.evaluator import Evaluator
from blockprofile.predict.registry import (
    Entry,
    build_predictor,
    find_device,
    find_metric,
    list_devices,
    list_predictors,
    load_predictors,
)

__all__ = [
    "AdditivePredictor",
    "Card",
    "Entry",
    "ErrorFigures",
    "Evaluator",
    "Predictor",
    "Provenance",
    "build_predictor",
    "find_device",
    "find_metric",
    "list_devices",
    "list_predictors",
    "load_predictors",
    "read_card",
]
