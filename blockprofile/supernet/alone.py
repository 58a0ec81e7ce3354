"""`supernet alone`: archs trained alone, by the trainer of the supernets, into a table of labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.journalfile import append_line, open_journal
from blockprofile.jsonfile import digest_of
from blockprofile.loudness import LOG
from blockprofile.predict import pool_repeats, read_labels
from blockprofile.run import Advance, open_run, run_digest, show_progress, silent
from blockprofile.space import INACTIVE, Archs, Space, decode, describe_space
from blockprofile.supernet.data import DataSet, load_test
from blockprofile.supernet.evaluate import check_archs, write_labels
from blockprofile.supernet.images import Images
from blockprofile.supernet.judging import Judge, JudgeOptions, binomial_sd
from blockprofile.supernet.request import Training
from blockprofile.supernet.samplers import make_sampler
from blockprofile.supernet.shared import build_supernet
from blockprofile.supernet.spread import count_workers, spread
from blockprofile.supernet.training import Trainer
from blockprofile.supernet.weights import CHECKPOINT_NAME, load_training, save_training, save_weights

KIND = "alone"
TABLE_NAME, JOURNAL_NAME = "labels.parquet", "trainings.jsonl"


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """Accuracies of archs that were trained alone, one for each training; ``seeds`` tell those of an arch apart."""

    folder: Path
    archs: Archs
    seeds: NDArray[np.int64]
    top1: NDArray[np.float64]
    n_images: int
    n_new: int


def space_of_one(space: Space, arch: Archs) -> Space:
    """Return the space that allows one arch alone."""
    allowed = [
        (codes[0] if arch[slot.index] == INACTIVE else int(arch[slot.index]),)
        for slot, codes in zip(space.slots, space.allowed, strict=True)
    ]
    return space.restricted(allowed, name=space.name)


def stratified_archs(table: Path, space: Space, n: int, *, seed: int, column: str = "top1_percent") -> Archs:
    """Draw archs from a table of labels, one from each of n parts of equal size in the order of the labels.

    Raises
    ------
    OptionError
        If the table has fewer archs.
    DataError
        If it cannot be read, or lacks the column.
    """
    pooled = pool_repeats(read_labels(table, space).within(space), [column])
    archs, values = pooled.table.archs, pooled.table.label(column)
    if n > len(archs):
        raise OptionError(f"--n is {n}, and {table} has {len(archs)} archs of space {space.name!r}")
    rng = np.random.default_rng([seed, 10])
    parts = np.array_split(np.argsort(values, kind="stable"), n)
    return archs[[int(rng.choice(part)) for part in parts]]


def train_alone(
    space: str | Path | Space,
    training: Training,
    archs: Archs,
    *,
    out: str | Path,
    repeats: int = 1,
    on: str = "held-out",
    keep_weights: bool = False,
    workers: int | str = "auto",
) -> Alone:
    """Train archs alone, each ``repeats`` times, or go on where a killed command was.

    Parameters
    ----------
    training
        As for a supernet. Trainings of one arch have the seeds ``recipe.seed``, ``recipe.seed + 1``, ...; the images
        are split by the first.
    archs
        uint8, shape (n, n_slots).
    on
        ``held-out`` or, for final figures, ``test``.
    keep_weights
        Keep the weights of every training, as ``NUMBER-SEED.safetensors``.
    workers
        How many are trained at once, each in a process; no result depends on it. ``auto`` is as many as the cores that
        may be used have room for, with the recipe's threads each; on a CUDA device it is one.

    Raises
    ------
    UserError, DataError
        As `train_supernet`; or if an arch is none of the space.
    """
    chosen = training.recipe
    if on not in {"held-out", "test"}:
        raise OptionError(f"--on {on!r} is unknown; choices: held-out, test")
    if repeats < 1:
        raise OptionError(f"--repeats is {repeats}; must be at least 1")
    if chosen.largest_epochs:
        raise OptionError("--largest-epochs has no effect on an arch that is trained alone")
    where = training.load_space(space)
    check_archs(where, archs)
    images = training.load_data(where)
    judged = load_test(images, training.data) if on == "test" else images.held_out
    config = {
        "space": describe_space(where, space), "data": images.describe(), "recipe": chosen.describe(), "on": on,
        "archs": digest_of([arch.tobytes().hex() for arch in archs]), "n": len(archs), "repeats": repeats,
    }  # fmt: skip
    n_workers = count_workers(workers, accelerator=chosen.accelerator, threads=chosen.threads)
    jobs = [(arch, chosen.seed + repeat) for repeat in range(repeats) for arch in archs]
    keys = [f"{arch.tobytes().hex()}-{seed}" for arch, seed in jobs]
    with open_run(out, kind=KIND, config=config) as folder:
        done = _journal(folder, run_digest(config))
        left = [number for number, key in enumerate(keys) if key not in done]
        n_steps, are_apart = chosen.steps(len(images.train)), min(n_workers, len(left)) > 1
        with show_progress("training", len(left) * n_steps, unit="updates") as advance:
            tasks = (
                (
                    space_of_one(where, jobs[number][0]), images, judged,
                    replace(training, recipe=replace(chosen, seed=jobs[number][1])),
                    _Place(folder, number, digest_of([run_digest(config), keys[number]]), keep_weights),
                    silent if are_apart else advance,
                )
                for number in left
            )  # fmt: skip
            for number, top1 in zip(left, spread(_train_one, tasks, workers=n_workers), strict=True):
                append_line(folder / JOURNAL_NAME, {"key": keys[number], "top1_percent": top1})
                (folder / checkpoint_name(number)).unlink(missing_ok=True)
                done[keys[number]] = top1
                LOG.info("%d of %d trained alone: %.2f %%", len(done), len(jobs), top1)
                if are_apart:
                    advance(n_steps)
        top1s = np.array([done[key] for key in keys])
        rows, seeds = np.stack([arch for arch, _ in jobs]), np.array([seed for _, seed in jobs])
        noise = np.array([binomial_sd(value, len(judged)) for value in top1s])
        columns = {"top1_percent": top1s, "sd_percent": noise, "seed": seeds}
        write_labels(folder / TABLE_NAME, where, rows, columns)
    return Alone(folder, rows, seeds, top1s, len(judged), len(left))


def _journal(folder: Path, digest: str) -> dict[str, float]:
    found = {}
    for line in open_journal(folder / JOURNAL_NAME, {"trainings": digest}, what="set of trainings"):
        if not (isinstance(line.get("key"), str) and isinstance(line.get("top1_percent"), float)):
            raise DataError(f"{folder / JOURNAL_NAME} holds a line that is no training: {line}")
        found[line["key"]] = line["top1_percent"]
    return found


def checkpoint_name(number: int) -> str:
    """Return the name of the checkpoint of one of the trainings."""
    return f"{number:04d}-{CHECKPOINT_NAME}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a training is kept: its run's folder, its number there, the digest of all that decides it."""

    folder: Path
    number: int
    digest: str
    keep_weights: bool


def _train_one(
    space: Space, data: DataSet, judged: Images, training: Training, place: _Place, advance: Advance
) -> float:
    """Train the one arch of a space and judge it, with the batch statistics of its own training."""
    recipe = training.recipe
    net = build_supernet(space, seed=recipe.seed)
    trainer = Trainer(net, data, make_sampler("uniform", space), recipe)
    checkpoint = place.folder / checkpoint_name(place.number)
    if checkpoint.is_file():
        load_training(checkpoint, trainer, place.digest)
        advance(trainer.position.step)
    trainer.run(
        save=lambda: save_training(checkpoint, trainer, place.digest), every_s=training.save_every_s,
        tell=lambda _report: advance(1),
    )  # fmt: skip
    arch = trainer.archs_of(0)[0]
    options = JudgeOptions(bn="own", accelerator=recipe.accelerator, threads=recipe.threads)
    top1 = Judge(net, data, options, images=judged).accuracy(arch)
    if place.keep_weights:
        weights = place.folder / f"{place.number:04d}-{recipe.seed}.safetensors"
        save_weights(weights, net.module, {"arch": decode(space, arch), "top1_percent": top1})
    return top1
