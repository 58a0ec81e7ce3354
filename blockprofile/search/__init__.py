"""Searching a space for its best archs: NSGA-II, random mutation, and exact fronts of additive objectives."""

from blockprofile.face import make_callable
from blockprofile.search.api import ALGORITHMS, search
from blockprofile.search.archive import Archive
from blockprofile.search.budget import Budget, parse_budget
from blockprofile.search.constraints import Constraint, parse_constraint
from blockprofile.search.crossover import Crossover
from blockprofile.search.exact import Exact, exact_front, minimal_sums
from blockprofile.search.hierarchical import HierarchicalMutation
from blockprofile.search.mutation import UniformMutation
from blockprofile.search.nsga2 import NSGA2
from blockprofile.search.objectives import Objective, parse_objective
from blockprofile.search.pick import knee_place, pick
from blockprofile.search.problem import Problem
from blockprofile.search.random_mutation import RandomMutation, RandomSearch
from blockprofile.search.reference import hypervolume, reference_point
from blockprofile.search.request import build_problem
from blockprofile.search.reread import load_search
from blockprofile.search.result import Evaluations, SearchResult
from blockprofile.search.reward import Reward, parse_reward

__all__ = [
    "ALGORITHMS",
    "NSGA2",
    "Archive",
    "Budget",
    "Constraint",
    "Crossover",
    "Evaluations",
    "Exact",
    "HierarchicalMutation",
    "Objective",
    "Problem",
    "RandomMutation",
    "RandomSearch",
    "Reward",
    "SearchResult",
    "UniformMutation",
    "build_problem",
    "exact_front",
    "hypervolume",
    "knee_place",
    "load_search",
    "minimal_sums",
    "parse_budget",
    "parse_constraint",
    "parse_objective",
    "parse_reward",
    "pick",
    "reference_point",
    "search",
]

make_callable(__name__, search)
