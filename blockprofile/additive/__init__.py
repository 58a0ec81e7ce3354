"""Exact answers for metrics that are sums over operators: moments, distributions, quantiles, draws under a limit.

Every answer is a sweep over one chain of steps, `blockprofile.additive.chain`; none of it samples. What a response
conditions on, and how presence is meant, is said here too, because the exact answers and the pools share it.
"""

from blockprofile.additive.distribution import Distribution, exact_distribution
from blockprofile.additive.exact import ExactProfile, exact_profile
from blockprofile.additive.exact_quantiles import QuantileResponses, exact_quantiles
from blockprofile.additive.extremes import feasible_range, max_arch, min_arch
from blockprofile.additive.limit import LimitedSampler, draw_under_limit
from blockprofile.additive.presence import PRESENCES, Presence

__all__ = [
    "PRESENCES",
    "Distribution",
    "ExactProfile",
    "LimitedSampler",
    "Presence",
    "QuantileResponses",
    "draw_under_limit",
    "exact_distribution",
    "exact_profile",
    "exact_quantiles",
    "feasible_range",
    "max_arch",
    "min_arch",
]
