"""Which archs to label next, and reading the labels back."""

from blockprofile.label.plan import plan_archs
from blockprofile.label.read import LabelRound, read_round

__all__ = ["LabelRound", "plan_archs", "read_round"]
