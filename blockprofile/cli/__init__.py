"""The command line: one file per subcommand, each with a function ``register`` that adds it to the program."""

COMMANDS: tuple[str, ...] = (
    "sample",
    "profile",
    "exact",
    "sensitivity",
    "heatmap",
    "prune",
    "run",
    "search",
    "pick",
    "compare",
    "report",
    "space",
    "arch",
    "device",
    "lut",
    "predictor",
    "label",
    "supernet",
    "doctor",
)
"""The modules of the subcommands, in the order in which the help shows them."""

__all__ = ["COMMANDS"]
