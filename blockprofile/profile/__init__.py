"""Responses: what a block, a layer or a depth does to a metric, with the distribution behind it."""

from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.control import Control, ControlledResponses, controlled_responses, fit_control
from blockprofile.profile.distribution import Distribution, exact_distribution
from blockprofile.profile.exact import ExactProfile, exact_profile
from blockprofile.profile.exact_quantiles import QuantileResponses, exact_quantiles
from blockprofile.profile.exact_table import exact_table
from blockprofile.profile.extremes import feasible_range, max_arch, min_arch
from blockprofile.profile.limit import LimitedSampler, draw_under_limit
from blockprofile.profile.presence import PRESENCES, Presence
from blockprofile.profile.profile import ProfileResult, profile_pool, profile_run, read_profile
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.profile.sensitivities import find_sensitivities
from blockprofile.profile.sensitivity import Sensitivity, SensitivityRow, estimate_sensitivity, exact_sensitivity
from blockprofile.profile.until import UntilResult, profile_until
from blockprofile.profile.wording import describe_sensitivity

__all__ = [
    "PRESENCES",
    "Accumulator",
    "Control",
    "ControlledResponses",
    "Distribution",
    "ExactProfile",
    "LimitedSampler",
    "MetricInfo",
    "Presence",
    "ProfileResult",
    "QuantileResponses",
    "Sensitivity",
    "SensitivityRow",
    "Settings",
    "UntilResult",
    "controlled_responses",
    "describe_sensitivity",
    "draw_under_limit",
    "estimate_sensitivity",
    "exact_distribution",
    "exact_profile",
    "exact_quantiles",
    "exact_sensitivity",
    "exact_table",
    "feasible_range",
    "find_sensitivities",
    "fit_control",
    "max_arch",
    "min_arch",
    "profile_pool",
    "profile_run",
    "profile_until",
    "read_profile",
    "response_table",
]
