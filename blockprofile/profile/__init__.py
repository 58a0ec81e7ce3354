"""Responses: what a block, a layer, a factor or a depth does to a metric, with its interval."""

from blockprofile.face import make_callable
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.control import Control
from blockprofile.profile.estimate import TargetWeights, estimate_means, standard_errors
from blockprofile.profile.exact_table import additive_predictors, exact_table
from blockprofile.profile.inference import ROUNDING
from blockprofile.profile.label_table import label_responses
from blockprofile.profile.labels import profile_labels
from blockprofile.profile.pair_map import JointEffect, PairMap, find_pair_map
from blockprofile.profile.pair_model import Features, PairModel, fit_main, fit_pair_model, fit_sizes
from blockprofile.profile.pool_moments import PoolMoments
from blockprofile.profile.profile import check_taus, metric_infos, profile_pool, profile_run
from blockprofile.profile.record import Profile, Statistic
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.profile.rows import Explained, KeptRows, explain_by_order, explained_of, explained_words, read_rows
from blockprofile.profile.summary import (
    archs_words,
    block_summary,
    factor_summary,
    holding_words,
    pair_words,
    step_words,
    strongest_layers,
    unbounded_words,
)
from blockprofile.profile.until import UntilResult, profile_until

__all__ = [
    "ROUNDING",
    "Accumulator",
    "Control",
    "Explained",
    "Features",
    "JointEffect",
    "KeptRows",
    "MetricInfo",
    "PairMap",
    "PairModel",
    "PoolMoments",
    "Profile",
    "Settings",
    "Statistic",
    "TargetWeights",
    "UntilResult",
    "additive_predictors",
    "archs_words",
    "block_summary",
    "check_taus",
    "estimate_means",
    "exact_table",
    "explain_by_order",
    "explained_of",
    "explained_words",
    "factor_summary",
    "find_pair_map",
    "fit_main",
    "fit_pair_model",
    "fit_sizes",
    "holding_words",
    "label_responses",
    "metric_infos",
    "pair_words",
    "profile_labels",
    "profile_pool",
    "profile_run",
    "profile_until",
    "read_rows",
    "response_table",
    "standard_errors",
    "step_words",
    "strongest_layers",
    "unbounded_words",
]

make_callable(__name__, profile_run)
