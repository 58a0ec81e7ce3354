"""Searching a space for its best archs: NSGA-II, random mutation, and exact fronts of additive objectives."""

from blockprofile.face import make_callable
from blockprofile.search.algorithm import Algorithm
from blockprofile.search.api import ALGORITHMS, search
from blockprofile.search.archive import Archive
from blockprofile.search.budget import Budget, parse_budget
from blockprofile.search.crossover import Crossover
from blockprofile.search.exact import Exact, exact_front, minimal_sums
from blockprofile.search.hierarchical import HierarchicalMutation
from blockprofile.search.kept import load_search, reopen_problem
from blockprofile.search.mutation import UniformMutation
from blockprofile.search.nsga2 import NSGA2
from blockprofile.search.objectives import Goal, Objective, parse_objective
from blockprofile.search.pick import knee_place, pick
from blockprofile.search.problem import Problem
from blockprofile.search.random_mutation import RandomMutation, RandomSearch
from blockprofile.search.reference import fronts_by_generation, hypervolume, reference_point
from blockprofile.search.request import Aims, build_problem
from blockprofile.search.result import Evaluations, SearchResult
from blockprofile.search.reward import Reward, parse_reward, write_reward
from blockprofile.search.sorting import nondominated

__all__ = [
    "ALGORITHMS",
    "NSGA2",
    "Aims",
    "Algorithm",
    "Archive",
    "Budget",
    "Crossover",
    "Evaluations",
    "Exact",
    "Goal",
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
    "fronts_by_generation",
    "hypervolume",
    "knee_place",
    "load_search",
    "minimal_sums",
    "nondominated",
    "parse_budget",
    "parse_objective",
    "parse_reward",
    "pick",
    "reference_point",
    "reopen_problem",
    "search",
    "write_reward",
]

make_callable(__name__, search)
