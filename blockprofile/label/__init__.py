"""Which archs to label next, and reading the labels back."""

from blockprofile.label.plan import discrepancy, plan_archs
from blockprofile.label.read import LabelRound, append_labels, read_plan, read_results, read_round

__all__ = [
    "LabelRound",
    "append_labels",
    "discrepancy",
    "plan_archs",
    "read_plan",
    "read_results",
    "read_round",
]
