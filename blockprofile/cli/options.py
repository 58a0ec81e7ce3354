"""Options that several commands have, in the same words; what a shell completes, and what the choices mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

from blockprofile.errors import OptionError

LAW_WORDS = {
    "papers": "depth first, then blocks, each uniform",
    "architectures": "every arch alike, so deep units prevail",
}
PRESENCE_WORDS = {
    "given": "among the archs that have it",
    "promoted": "the unit made deep enough where it is not",
    "cikm21": "one layer short of that, as the published code of Figure 2",
    "figure4": "as Figure 4 of the paper was made",
}
POLICY_WORDS = {
    "dominated": "drops what another choice is as accurate and as cheap as",
    "exchange-rate": "drops what is worth its cost at no point of the front",
    "depth": "drops a unit's depths by the same test",
    "max-accuracy": "drops what lowers the accuracy, whatever it costs",
    "focus": "drops nothing, weighs the units for mutation",
}
ALGORITHM_WORDS = {
    "nsga2": "NSGA-II",
    "mutation": "BlockProfile's random mutation",
    "random": "draws alone, the yardstick",
    "exact": "the true front, for metrics that add up",
}


def choices(words: Mapping[str, str]) -> Callable[[], list[tuple[str, str]]]:
    """Make what completes an option from its choices."""
    return lambda: list(words.items())


def told(words: Mapping[str, str]) -> str:
    """Write choices and what they mean for the help."""
    return "; ".join(f"{choice}: {meaning}" for choice, meaning in words.items())


def complete_spaces(incomplete: str) -> list[str]:
    """List the shipped spaces that begin so; files are typed."""
    from blockprofile.space import list_spaces

    return [name for name in list_spaces() if name.startswith(incomplete)]


def complete_devices(incomplete: str) -> list[str]:
    """List the shipped devices that begin so; folders are typed."""
    from blockprofile.predict import list_devices

    return [name for name in sorted(list_devices()) if name.startswith(incomplete)]


def columns_of(words: Iterable[str]) -> dict[str, str]:
    """Read ``NAME[=COLUMN]`` of several metrics: name -> column, the name where none is said.

    Raises
    ------
    OptionError
        If a metric is given two columns.

    Examples
    --------
    >>> columns_of(["macs_m", "latency_ms:phone=median_ms"])
    {'macs_m': 'macs_m', 'latency_ms:phone': 'median_ms'}
    """
    found: dict[str, str] = {}
    for name, _, column in (word.partition("=") for word in words):
        if found.setdefault(name, column or name) != (column or name):
            raise OptionError(f"--metric {name!r} is given two columns, {found[name]!r} and {column or name!r}")
    return found


def space_option(default: Any = ..., text: str = "A shipped space, or the path of a YAML file.") -> Any:
    """Make an option --space."""
    return typer.Option(default, "--space", help=text, autocompletion=complete_spaces)


def device_option(text: str = "A device, or a predictor folder; repeatable.") -> Any:
    """Make a repeatable option --device."""
    return typer.Option([], "--device", help=text, autocompletion=complete_devices)


SPACE = space_option()
DEVICE = device_option()
METRIC = typer.Option(None, "--metric", help="A metric instead of the default ones; repeatable.")
SEED = typer.Option(0, "--seed", help="Seed of the draws.")
LAW = typer.Option(
    "papers", "--law", help=f"What archs are drawn by. {told(LAW_WORDS)}.", autocompletion=choices(LAW_WORDS)
)
FIRST_LAW = typer.Option(
    "papers", "--law", help=f"Law of the first generation. {told(LAW_WORDS)}.", autocompletion=choices(LAW_WORDS)
)
ALGORITHM = typer.Option(
    "nsga2", "--algorithm", help=f"{told(ALGORITHM_WORDS)}.", autocompletion=choices(ALGORITHM_WORDS)
)
PRESENCE = typer.Option(
    "given",
    "--presence",
    help=f"How a layer gets there that not every depth has. {told(PRESENCE_WORDS)}.",
    autocompletion=choices(PRESENCE_WORDS),
)
POLICY = typer.Option(
    [],
    "--policy",
    help=f"{told(POLICY_WORDS)}. Repeatable, asked in this order; left out: the first three.",
    autocompletion=choices(POLICY_WORDS),
)
RESOLUTION = typer.Option(None, "--resolution", help="Input resolution in pixels, of those the space has.")
WORKERS = typer.Option("auto", "--workers", help="How many, one core each; auto is every core that may be used.")
BACKEND = typer.Option(
    "auto",
    "--backend",
    help="fork, threading (auto: fork where it can), loky (new processes), dask (with --scheduler).",
)
ACCELERATOR = typer.Option("cpu", "--accelerator", help="What evaluates the predictors: cpu, or cuda.")
SCHEDULER = typer.Option(None, "--scheduler", help="Address of a Dask scheduler, for --backend dask.")
