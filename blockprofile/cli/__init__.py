"""The command line: one file per subcommand, each with a function that registers it."""

from collections.abc import Callable

import typer

from blockprofile.cli import device, predictor, sample, space

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    space.register,
    device.register,
    sample.register,
    predictor.register,
)

__all__ = ["COMMANDS"]
