"""`supernet train`: from a space and images to a folder with shared weights, which every command takes for accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.predict import CARD_NAME, effect_floor, mean_layers
from blockprofile.run import open_run, run_digest, show_progress
from blockprofile.space import Space, describe_space, draw_archs
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.evaluate import Verdicts
from blockprofile.supernet.folder import KIND, SupernetFolder
from blockprofile.supernet.judging import Judge, JudgeOptions, binomial_sd
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.request import DEFAULT_SCHEME, Scheme, Training
from blockprofile.supernet.samplers import make_sampler
from blockprofile.supernet.shared import Supernet, build_supernet
from blockprofile.supernet.training import Report, Trainer, watch_updates
from blockprofile.supernet.weights import CHECKPOINT_NAME, WEIGHTS_NAME, load_training, save_training, save_weights
from blockprofile.yamlfile import write_yaml

N_JUDGED, N_REPEATS = 8, 2
"""Archs that are judged at the end, and how often with other images for the batch statistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training gave.

    ``accuracies`` are those of a few archs at random, in percent of the held-out images; ``recalibration_sd`` is how
    far one arch's differ with other images for its batch statistics. ``curve`` is the mean loss of every pass.
    """

    folder: Path
    n_steps: int
    n_new: int
    n_paths: int
    seconds: float
    curve: tuple[float, ...]
    accuracies: tuple[float, ...]
    recalibration_sd: float
    n_held_out: int
    chance_percent: float
    remarks: tuple[str, ...] = ()


def train_supernet(
    space: str | Path | Space,
    training: Training,
    *,
    out: str | Path,
    scheme: Scheme = DEFAULT_SCHEME,
    tell: Callable[[Report], None] | None = None,
    remark: Callable[[str], None] | None = None,
) -> Trained:
    """Train a supernet, or go on with one that was killed.

    Parameters
    ----------
    scheme
        Which archs a step runs, and how weights are shared.
    tell, remark
        Called after every update (left out, a bar shows them); called with what was done to the images.

    Raises
    ------
    UserError, DataError
        If an option, the images or the folder are wrong, all of it before the training begins; or if it diverges.

    Notes
    -----
    On the CPU the folder holds the same bytes however often it was killed.
    """
    recipe, where = training.recipe, training.load_space(space)
    drawn = make_sampler(scheme.sampler, where, paths=scheme.paths, seed=recipe.seed)
    net = build_supernet(where, scheme.sharing, transform=scheme.transform, seed=recipe.seed)
    images = training.load_data(where)
    for text in images.train.remarks if remark else ():
        remark(text)  # type: ignore[misc]
    config = {
        "space": describe_space(where, space), "data": images.describe(), "recipe": recipe.describe(),
        "sampler": scheme.sampler, "paths": drawn.n_paths, "sharing": scheme.sharing, "transform": scheme.transform,
    }  # fmt: skip
    trainer = Trainer(net, images, drawn, recipe)
    started = time.monotonic()
    with open_run(out, kind=KIND, config=config) as folder:
        with nullcontext(tell) if tell else watch_updates(trainer.n_steps) as told:
            n_new = _train(trainer, folder, run_digest(config), every_s=training.save_every_s, tell=told)
        accuracies, spread = _judge(SupernetFolder(folder, net, config), images, recipe)
        chance = 100.0 * float(np.bincount(images.held_out.labels).max()) / len(images.held_out)
        trained = Trained(
            folder=folder, n_steps=trainer.n_steps, n_new=n_new, n_paths=drawn.n_paths,
            seconds=time.monotonic() - started, curve=tuple(trainer.position.curve), accuracies=tuple(accuracies),
            recalibration_sd=spread, n_held_out=len(images.held_out), chance_percent=chance,
            remarks=images.train.remarks,
        )  # fmt: skip
        write_card(folder, net, trained, made_from=_made_from(config, images, trainer))
    return trained


def _train(trainer: Trainer, folder: Path, digest: str, *, every_s: float, tell: Callable[[Report], None]) -> int:
    """Make the updates that are left, unless the training is done; return how many there were."""
    checkpoint, weights = folder / CHECKPOINT_NAME, folder / WEIGHTS_NAME
    if weights.is_file():
        from blockprofile.supernet.weights import load_weights

        about = load_weights(weights, trainer.net.module)
        trainer.position.step, trainer.position.curve = trainer.n_steps, list(about.get("curve", ()))
        checkpoint.unlink(missing_ok=True)
        return 0
    if checkpoint.is_file():
        load_training(checkpoint, trainer, digest)
    first = trainer.position.step
    trainer.run(save=lambda: save_training(checkpoint, trainer, digest), every_s=every_s, tell=tell)
    save_weights(weights, trainer.net.module, {"config": digest, "curve": trainer.position.curve})
    checkpoint.unlink()
    return trainer.n_steps - first


def _judge(found: SupernetFolder, data: DataSet, recipe: Recipe) -> tuple[list[float], float]:
    """Judge a few archs; return their accuracies, and the standard deviation between recalibrations of one arch."""
    verdicts = Verdicts(
        found, Judge(found.net, data, JudgeOptions(accelerator=recipe.accelerator, threads=recipe.threads))
    )
    archs = draw_archs(found.net.space, N_JUDGED, np.random.default_rng([recipe.seed, 8]))
    top1 = np.empty((N_JUDGED, N_REPEATS))
    with show_progress("judging a few archs", top1.size) as advance:
        for place in np.ndindex(top1.shape):
            top1[place] = verdicts.of(archs[place[0]], place[1])
            advance(1)
    return top1[:, 0].tolist(), float(np.sqrt(top1.var(axis=1, ddof=1).mean()))


def _made_from(config: dict[str, Any], data: DataSet, trainer: Trainer) -> str:
    record = data.record
    return (
        f"{record.n_train:,} images of {len(record.classes)} classes (hash {record.digest}), {trainer.n_steps:,} "
        f"updates of {config['paths']} archs each, sampler {config['sampler']}, {config['sharing']} weights"
    )


def write_card(folder: Path, net: Supernet, trained: Trained, *, made_from: str) -> None:
    """Write the card that makes a supernet's folder a predictor."""
    layers = mean_layers(net.space)
    noise = binomial_sd(float(np.median(trained.accuracies)), trained.n_held_out)
    error = float(np.hypot(noise, trained.recalibration_sd))
    name = folder.resolve().name
    card = {
        "schema": "blockprofile.predictor/1", "name": name,
        "title": f"Top-1 of archs of {net.space.base.name} with the shared weights of a supernet",
        "kind": "supernet", "metric": f"top1_percent:{name}", "unit": "%", "provenance": "trained",
        "floor": float(effect_floor(error, n_layers=layers)), "spaces": [net.space.base.name],
        "made_from": made_from,
        "error": {
            "on": f"binomial, of {trained.n_held_out} held-out images, and recalibration",
            "n": len(trained.accuracies), "rmse": error, "label_spread": trained.recalibration_sd,
            "notes": "Of the accuracy with shared weights; how it ranks networks trained alone: supernet rank.",
        },
        "not_for": "Accuracies of networks that are trained alone, which are higher; see supernet rank for the order.",
    }  # fmt: skip
    write_yaml(folder / CARD_NAME, card)


def tell_worth(trained: Trained) -> Sequence[str]:
    """Say in a few lines what a training is worth."""
    low, high = min(trained.accuracies), max(trained.accuracies)
    noise = binomial_sd(float(np.median(trained.accuracies)), trained.n_held_out)
    chance = f"chance {trained.chance_percent:.1f} %; one arch: ±{noise:.2g} binomial, ±{trained.recalibration_sd:.2g}"
    shown = f"{len(trained.accuracies)} archs at random have {low:.1f} to {high:.1f} %"
    lines = [f"{shown} of {trained.n_held_out} held-out images ({chance} by recalibration)"]
    if high - low < 4 * noise:
        lines.append("they differ by no more than chance would have it: train longer, or judge on more images")
    return lines
