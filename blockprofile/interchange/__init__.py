"""Spaces and searches in the words of ConfigSpace, Optuna and pymoo; each is imported when it is asked for."""

from blockprofile.interchange.configspace import from_configspace, to_configspace, to_configurations
from blockprofile.interchange.optuna import OptunaObjective
from blockprofile.interchange.pymoo import pymoo_problem
from blockprofile.interchange.values import archs_of_values, values_of_archs

__all__ = [
    "OptunaObjective",
    "archs_of_values",
    "from_configspace",
    "pymoo_problem",
    "to_configspace",
    "to_configurations",
    "values_of_archs",
]
