"""Responses: what a block, a layer, a factor or a depth does to a metric, with its interval."""

from blockprofile.face import make_callable
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.control import Control, ControlledResponses, controlled_responses, fit_control
from blockprofile.profile.exact_table import exact_table
from blockprofile.profile.profile import profile_pool, profile_run
from blockprofile.profile.record import Profile, metrics_of, rows_of, taus_of
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.profile.until import UntilResult, profile_until

__all__ = [
    "Accumulator",
    "Control",
    "ControlledResponses",
    "MetricInfo",
    "Profile",
    "Settings",
    "UntilResult",
    "controlled_responses",
    "exact_table",
    "fit_control",
    "metrics_of",
    "profile_pool",
    "profile_run",
    "profile_until",
    "response_table",
    "rows_of",
    "taus_of",
]

make_callable(__name__, profile_run)
