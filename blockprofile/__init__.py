"""Design-space profiling and pruning for neural architecture search.

``sample -> profile -> heatmap`` and ``profile -> prune -> search -> compare -> report``: every stage is one
subcommand of ``blockprofile`` and one library function of the same verb. Importing this package imports
none of its heavy dependencies.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
