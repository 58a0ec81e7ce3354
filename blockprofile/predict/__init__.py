"""Predictors: archs to one metric, with a card that says where it comes from and how wrong it is."""

from blockprofile.predict.base import AdditivePredictor, CardPredictor, Predictor
from blockprofile.predict.card import CARD_NAME, TABLE_NAME, Card, ErrorFigures, Provenance, read_card
from blockprofile.predict.checkpoint import import_predictor
from blockprofile.predict.cost_model import FEATURES, measure_operator, operator_cost
from blockprofile.predict.crossfit import RESIDUALS_NAME, read_residuals
from blockprofile.predict.evaluate import Evaluation, evaluate_predictor, list_residuals
from blockprofile.predict.evaluator import Evaluator, noise_of
from blockprofile.predict.fit import fit_recipe
from blockprofile.predict.fit_card import FitReport
from blockprofile.predict.floor import UNKNOWN_FLOOR, effect_floor, mean_layers, tell_floor
from blockprofile.predict.folder import replacing_predictor, write_card
from blockprofile.predict.labelled import LabelledArchs, effective_number, weigh_archs
from blockprofile.predict.labels import LabelTable, read_labels
from blockprofile.predict.laws import TABLE_LAWS, errors_by_law
from blockprofile.predict.listed import ARCHS_NAME, ListedArchs, build_listed, column_of
from blockprofile.predict.lookup import (
    KEY_COLUMNS,
    LookupKey,
    lookup_key,
    operator_latency,
    read_correction,
    read_table,
    value_column,
)
from blockprofile.predict.metrics import Fidelity, measure_fidelity
from blockprofile.predict.parts import on_one_core, reset_threads
from blockprofile.predict.published import (
    Edition,
    list_published,
    published_latencies,
    published_network,
    published_operators,
    read_published_table,
)
from blockprofile.predict.rank import Tau, kendall, tau_ends, tau_of
from blockprofile.predict.reach import caption_of, count_outside, share_outside, tell_stated
from blockprofile.predict.recipe import Recipe, check_card_fields, find_table, read_recipe
from blockprofile.predict.registry import (
    Entry,
    add_entry,
    build_predictor,
    default_accuracy,
    find_cards,
    find_device,
    find_metric,
    list_devices,
    list_predictors,
    load_predictors,
    select_entries,
)
from blockprofile.predict.repeats import Pooled, count_shared, number_archs, pool_repeats, split_archs
from blockprofile.predict.scale import doubt_labels, doubt_scale, mean_macs
from blockprofile.predict.table import AdditiveTable, write_additive_table
from blockprofile.predict.weights import WEIGHTS_NAME

__all__ = [
    "ARCHS_NAME",
    "CARD_NAME",
    "FEATURES",
    "KEY_COLUMNS",
    "RESIDUALS_NAME",
    "TABLE_LAWS",
    "TABLE_NAME",
    "UNKNOWN_FLOOR",
    "WEIGHTS_NAME",
    "AdditivePredictor",
    "AdditiveTable",
    "Card",
    "CardPredictor",
    "Edition",
    "Entry",
    "ErrorFigures",
    "Evaluation",
    "Evaluator",
    "Fidelity",
    "FitReport",
    "LabelTable",
    "LabelledArchs",
    "ListedArchs",
    "LookupKey",
    "Pooled",
    "Predictor",
    "Provenance",
    "Recipe",
    "Tau",
    "add_entry",
    "build_listed",
    "build_predictor",
    "caption_of",
    "check_card_fields",
    "column_of",
    "count_outside",
    "count_shared",
    "default_accuracy",
    "doubt_labels",
    "doubt_scale",
    "effect_floor",
    "effective_number",
    "errors_by_law",
    "evaluate_predictor",
    "find_cards",
    "find_device",
    "find_metric",
    "find_table",
    "fit_recipe",
    "import_predictor",
    "kendall",
    "list_devices",
    "list_predictors",
    "list_published",
    "list_residuals",
    "load_predictors",
    "lookup_key",
    "mean_layers",
    "mean_macs",
    "measure_fidelity",
    "measure_operator",
    "noise_of",
    "number_archs",
    "on_one_core",
    "operator_cost",
    "operator_latency",
    "pool_repeats",
    "published_latencies",
    "published_network",
    "published_operators",
    "read_card",
    "read_correction",
    "read_labels",
    "read_published_table",
    "read_recipe",
    "read_residuals",
    "read_table",
    "replacing_predictor",
    "reset_threads",
    "select_entries",
    "share_outside",
    "split_archs",
    "tau_ends",
    "tau_of",
    "tell_floor",
    "tell_stated",
    "value_column",
    "weigh_archs",
    "write_additive_table",
    "write_card",
]
