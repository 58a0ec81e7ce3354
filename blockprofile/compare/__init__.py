"""Comparing searches: pruned spaces and algorithms against the original, with paired seeds and equal budgets."""

from blockprofile.compare.algorithms import parse_algorithm
from blockprofile.compare.api import Trials, compare, load_comparison
from blockprofile.compare.attainment import AttainmentDifference, attainment_difference, attainment_surfaces
from blockprofile.compare.cases import Case, make_cases
from blockprofile.compare.chosen import best_arch
from blockprofile.compare.indicators import JointFront, best_within, hypervolume_curve, joint_front
from blockprofile.compare.paired import Paired, Sooner, compare_paired, compare_speed
from blockprofile.compare.result import Comparison
from blockprofile.compare.table import comparison_frame, comparison_rows, write_comparison
from blockprofile.compare.verdict import BELOW_FLOOR, Indicator, Verdict
from blockprofile.face import make_callable

__all__ = [
    "BELOW_FLOOR",
    "AttainmentDifference",
    "Case",
    "Comparison",
    "Indicator",
    "JointFront",
    "Paired",
    "Sooner",
    "Trials",
    "Verdict",
    "attainment_difference",
    "attainment_surfaces",
    "best_arch",
    "best_within",
    "compare",
    "compare_paired",
    "compare_speed",
    "comparison_frame",
    "comparison_rows",
    "hypervolume_curve",
    "joint_front",
    "load_comparison",
    "make_cases",
    "parse_algorithm",
    "write_comparison",
]

make_callable(__name__, compare)
