"""Torch modules of archs, and supernets: built from the operator list that costs and tables are made from."""

from blockprofile.supernet.alone import TABLE_NAME, stratified_archs, train_alone
from blockprofile.supernet.evaluate import draw_distinct, evaluate_supernet, write_labels
from blockprofile.supernet.export import export_arch, export_from_supernet
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.imported import import_supernet
from blockprofile.supernet.judging import BN_MODES, JudgeOptions
from blockprofile.supernet.rank import rank_supernet
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.request import Scheme, Training
from blockprofile.supernet.shared import SHARINGS, Supernet, build_supernet
from blockprofile.supernet.singlepath import ARCHS_NAME, PathAim, search_single_path
from blockprofile.supernet.train import tell_worth, train_supernet
from blockprofile.supernet.training import Report

__all__ = [
    "ARCHS_NAME",
    "BN_MODES",
    "SHARINGS",
    "TABLE_NAME",
    "JudgeOptions",
    "PathAim",
    "Recipe",
    "Report",
    "Scheme",
    "Supernet",
    "Training",
    "build_supernet",
    "draw_distinct",
    "evaluate_supernet",
    "export_arch",
    "export_from_supernet",
    "import_supernet",
    "open_supernet",
    "rank_supernet",
    "search_single_path",
    "stratified_archs",
    "tell_worth",
    "train_alone",
    "train_supernet",
    "write_labels",
]
