"""Sensitivity: which decisions of a space a metric answers to, as shares of its variance, and in sentences."""

from blockprofile.sensitivity.find import find_sensitivities
from blockprofile.sensitivity.shares import Sensitivity, SensitivityRow, Share, estimate_sensitivity, exact_sensitivity
from blockprofile.sensitivity.wording import describe_metric, describe_sensitivity

__all__ = [
    "Sensitivity",
    "SensitivityRow",
    "Share",
    "describe_metric",
    "describe_sensitivity",
    "estimate_sensitivity",
    "exact_sensitivity",
    "find_sensitivities",
]
