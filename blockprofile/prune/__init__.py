"""From a profile to a smaller space: policies, rules with their evidence, the file, and its certificate."""

from blockprofile.face import make_callable
from blockprofile.prune.asked import (
    DEFAULT_POLICIES,
    POLICIES,
    directions_of,
    find_costs,
    find_gain,
    find_policies,
    stand_in_words,
)
from blockprofile.prune.by_pairs import N_DRAWS, OWN_SHARE, Known, add_own, own_spread, scale_of
from blockprofile.prune.certificate import Certificate, Points, certify, prune_at_random
from blockprofile.prune.compose import RISK, Bounds, Outcome, compose, slots_at
from blockprofile.prune.decision import Decision, Policy, View, Weigher, rule_words
from blockprofile.prune.depth import Depth
from blockprofile.prune.explain import decision_rows, explain_lines, summary_lines
from blockprofile.prune.figures import Competition, Figures
from blockprofile.prune.focus import Focus
from blockprofile.prune.likely import best_within, cost_limits, prune_by_draws
from blockprofile.prune.policies import Dominated, ExchangeRate, MaxAccuracy
from blockprofile.prune.pruning import Pruning, prune, prune_profile, prune_table
from blockprofile.prune.reading import read_figures
from blockprofile.prune.wording import rate_unit
from blockprofile.prune.write import write_pruned

__all__ = [
    "DEFAULT_POLICIES",
    "N_DRAWS",
    "OWN_SHARE",
    "POLICIES",
    "RISK",
    "Bounds",
    "Certificate",
    "Competition",
    "Decision",
    "Depth",
    "Dominated",
    "ExchangeRate",
    "Figures",
    "Focus",
    "Known",
    "MaxAccuracy",
    "Outcome",
    "Points",
    "Policy",
    "Pruning",
    "View",
    "Weigher",
    "add_own",
    "best_within",
    "certify",
    "compose",
    "cost_limits",
    "decision_rows",
    "directions_of",
    "explain_lines",
    "find_costs",
    "find_gain",
    "find_policies",
    "own_spread",
    "prune",
    "prune_at_random",
    "prune_by_draws",
    "prune_profile",
    "prune_table",
    "rate_unit",
    "read_figures",
    "rule_words",
    "scale_of",
    "slots_at",
    "stand_in_words",
    "summary_lines",
    "write_pruned",
]

make_callable(__name__, prune)
