"""Design-space profiling and pruning for neural architecture search.

``sample -> profile -> heatmap`` and ``profile -> prune -> search -> compare -> report``: every stage is one
subcommand of ``blockprofile`` and one function of the same name here. Importing this package imports none of its heavy
dependencies: what is here is loaded when it is first asked for.

>>> import blockprofile
>>> blockprofile.load_space("moga")
Space moga: 1.28e+15 archs, 5 units, 12 blocks
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_FACE = {
    "Aims": "search", "Bounds": "prune", "Execution": "run", "PoolRequest": "run", "Profile": "profile",
    "Space": "space", "Trials": "compare", "evaluate_predictor": "predict.evaluate", "fit_predictor": "predict.fit",
    "heatmap": "plot", "load_predictors": "predict", "load_space": "space", "sample": "run",
}  # fmt: skip
_VERBS = ("compare", "profile", "prune", "report", "search")
"""Packages that are called as functions."""

__all__ = [
    "Aims", "Bounds", "Execution", "PoolRequest", "Profile", "Space", "Trials", "__version__", "compare",
    "evaluate_predictor", "fit_predictor", "heatmap", "load_predictors", "load_space", "profile", "prune", "report",
    "sample", "search",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return import_module(f"blockprofile.{name}")
    if name in _FACE:
        return getattr(import_module(f"blockprofile.{_FACE[name]}"), name)
    raise AttributeError(f"module 'blockprofile' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
