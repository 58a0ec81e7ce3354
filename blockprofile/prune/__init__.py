"""From a profile to a smaller space: policies, rules with their evidence, the file, and its certificate."""

from blockprofile.face import make_callable
from blockprofile.prune.compose import Bounds, Outcome, compose
from blockprofile.prune.decision import Decision, Policy, View, Weigher
from blockprofile.prune.depth import Depth
from blockprofile.prune.figures import Competition, Figures
from blockprofile.prune.focus import Focus
from blockprofile.prune.policies import Dominated, ExchangeRate, MaxAccuracy
from blockprofile.prune.pruning import DEFAULT_POLICIES, POLICIES, Pruning, find_policies, prune, prune_table
from blockprofile.prune.reading import read_figures

__all__ = [
    "DEFAULT_POLICIES",
    "POLICIES",
    "Bounds",
    "Competition",
    "Decision",
    "Depth",
    "Dominated",
    "ExchangeRate",
    "Figures",
    "Focus",
    "MaxAccuracy",
    "Outcome",
    "Policy",
    "Pruning",
    "View",
    "Weigher",
    "compose",
    "find_policies",
    "prune",
    "prune_table",
    "read_figures",
]

make_callable(__name__, prune)
