"""The options of a training of networks: several commands have them, and get them as one `Training`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import RESOLUTION
from blockprofile.cli.records import Command, takes_record

if TYPE_CHECKING:
    from blockprofile.supernet import Training

SEED = typer.Option(0, "--seed", min=0, help="Seed; one seed gives one result.")

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "data": (Path, typer.Option(
        ..., "--data", help="Images: a folder with train/CLASS/, idx files (MNIST's format), .npz, or Parquet.")),
    "largest_epochs": (float, typer.Option(
        0.0, "--largest-epochs",
        help="Passes at the start for the largest arch alone; nested channels are then sorted.")),
    "epochs": (float, typer.Option(
        30.0, "--epochs", help="Passes over the training images; a part of one is understood.")),
    "batch": (int, typer.Option(128, "--batch", help="Images of an update.")),
    "lr": (float | None, typer.Option(
        None, "--lr", help="Largest learning rate. Default: 0.1 for a batch of 256, in proportion.")),
    "weight_decay": (float, typer.Option(
        4e-5, "--weight-decay", help="Of weights; batch normalisations and biases have none.")),
    "warmup": (float, typer.Option(
        0.05, "--warmup", help="Share of the updates in which the learning rate rises.")),
    "smoothing": (float, typer.Option(0.1, "--smoothing", help="Label smoothing.")),
    "clip": (float, typer.Option(5.0, "--clip", help="Largest norm of the gradient; 0 for none.")),
    "pad": (int | None, typer.Option(
        None, "--pad", help="Pixels by which images are shifted at random, at most. Default: size / 8.")),
    "flip": (bool, typer.Option(True, "--flip/--no-flip", help="Mirror every other image.")),
    "holdout": (float, typer.Option(
        0.1, "--holdout", help="Share of every class's training images that archs are judged on.")),
    "limit": (int | None, typer.Option(
        None, "--limit", min=4, help="Use so many of the training images alone.")),
    "skip_bad": (bool, typer.Option(
        False, "--skip-bad", help="Leave images out that cannot be read; they are named and counted.")),
    "resolution": (int | None, RESOLUTION),
    "seed": (int, SEED),
    "accelerator": (str, typer.Option("cpu", "--accelerator", help="cpu, or cuda (bfloat16).")),
    "threads": (int, typer.Option(
        1, "--threads", min=1, help="Threads of torch on the CPU; they belong to the result.")),
    "save_every_s": (float, typer.Option(
        120.0, "--save-every", help="Seconds of work that a kill can cost, about.")),
}  # fmt: skip
"""By the names of the fields of a `Training` and its recipe."""


def takes_training(*left_out: str) -> Callable[[Command], Command]:
    """Give a command the options of a training, all but some, in place of its parameter ``training``."""
    return takes_record("training", {name: each for name, each in _OPTIONS.items() if name not in left_out}, _training)


def _training(given: dict[str, Any]) -> Training:
    from blockprofile.supernet import Recipe, Training

    of_recipe = {field.name for field in fields(Recipe)} & given.keys()
    recipe = Recipe(**{name: given.pop(name) for name in of_recipe})
    return Training(recipe=recipe, **given)
