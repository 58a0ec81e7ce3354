"""Exact answers for metrics that are sums over operators: moments, distributions, quantiles, draws under a limit.

Every answer is a sweep over one chain of steps, `blockprofile.additive.chain`; none of it samples. What a response
conditions on, and how presence is meant, is said here too, because the exact answers and the pools share it.
"""

from blockprofile.additive.chain import Chain, build_chain
from blockprofile.additive.distribution import Distribution, exact_distribution
from blockprofile.additive.exact import ExactProfile, Place, exact_profile, list_places, place_weights
from blockprofile.additive.exact_quantiles import TAUS, QuantileResponses, exact_quantiles
from blockprofile.additive.extremes import feasible_range, max_arch, min_arch
from blockprofile.additive.groups import Group, make_groups, transpose
from blockprofile.additive.least_squares import fit_choices, fit_factors
from blockprofile.additive.limit import LimitedSampler
from blockprofile.additive.presence import PRESENCES, Presence, check_presence
from blockprofile.additive.targets import Target, block_label, block_targets, depth_targets

__all__ = [
    "PRESENCES",
    "TAUS",
    "Chain",
    "Distribution",
    "ExactProfile",
    "Group",
    "LimitedSampler",
    "Place",
    "Presence",
    "QuantileResponses",
    "Target",
    "block_label",
    "block_targets",
    "build_chain",
    "check_presence",
    "depth_targets",
    "exact_distribution",
    "exact_profile",
    "exact_quantiles",
    "feasible_range",
    "fit_choices",
    "fit_factors",
    "list_places",
    "make_groups",
    "max_arch",
    "min_arch",
    "place_weights",
    "transpose",
]
