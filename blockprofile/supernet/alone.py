"""`supernet alone`: archs trained alone, by the trainer of the supernets, one after another into a table of labels."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.journalfile import append_line, open_journal
from blockprofile.jsonfile import digest_of
from blockprofile.predict import pool_repeats, read_labels
from blockprofile.run import open_run, run_digest, show_progress, silent
from blockprofile.space import INACTIVE, Archs, Space, decode, describe_space
from blockprofile.supernet.data import DataSet, load_test
from blockprofile.supernet.evaluate import check_archs, write_labels
from blockprofile.supernet.images import Images
from blockprofile.supernet.judging import Judge, JudgeOptions, binomial_sd
from blockprofile.supernet.request import Training
from blockprofile.supernet.samplers import make_sampler
from blockprofile.supernet.shared import build_supernet
from blockprofile.supernet.training import Report, Trainer
from blockprofile.supernet.weights import CHECKPOINT_NAME, load_training, save_training, save_weights

__all__ = ["Alone", "space_of_one", "stratified_archs", "train_alone"]

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
    pooled = pool_repeats(read_labels(table, space), [column])
    archs, values = pooled.table.archs, pooled.table.label(column)
    if n > len(archs):
        raise OptionError(f"--n is {n}, and {table} has {len(archs)} archs")
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
    tell: Callable[[int, Report], None] | None = None,
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
    tell
        Called after every update with the number of trainings that are done.

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
    jobs = [(arch, chosen.seed + repeat) for repeat in range(repeats) for arch in archs]
    with open_run(out, kind=KIND, config=config) as folder:
        done = _journal(folder, run_digest(config))
        n_before = len(done)

        def show(report: Report) -> None:
            if tell is not None:
                tell(len(done), report)

        with nullcontext(silent) if tell else show_progress("training", len(jobs), unit="archs") as advance:
            for number, (arch, seed) in enumerate(jobs):
                key = f"{arch.tobytes().hex()}-{seed}"
                if key not in done:
                    top1 = _train_one(
                        space_of_one(where, arch), images, judged, replace(training, recipe=replace(chosen, seed=seed)),
                        checkpoint=folder / CHECKPOINT_NAME, digest=digest_of([run_digest(config), key]),
                        weights=folder / f"{number:04d}-{seed}.safetensors" if keep_weights else None,
                        tell=show,
                    )  # fmt: skip
                    append_line(folder / JOURNAL_NAME, {"key": key, "top1_percent": top1})
                    done[key] = top1
                advance(1)
        top1s = np.array([done[f"{arch.tobytes().hex()}-{seed}"] for arch, seed in jobs])
        rows, seeds = np.stack([arch for arch, _ in jobs]), np.array([seed for _, seed in jobs])
        noise = np.array([binomial_sd(value, len(judged)) for value in top1s])
        columns = {"top1_percent": top1s, "sd_percent": noise, "seed": seeds}
        write_labels(folder / TABLE_NAME, where, rows, columns)
    return Alone(folder, rows, seeds, top1s, len(judged), len(done) - n_before)


def _journal(folder: Path, digest: str) -> dict[str, float]:
    found = {}
    for line in open_journal(folder / JOURNAL_NAME, {"trainings": digest}, what="set of trainings"):
        if not (isinstance(line.get("key"), str) and isinstance(line.get("top1_percent"), float)):
            raise DataError(f"{folder / JOURNAL_NAME} holds a line that is no training: {line}")
        found[line["key"]] = line["top1_percent"]
    return found


def _train_one(
    space: Space,
    data: DataSet,
    judged: Images,
    training: Training,
    *,
    checkpoint: Path,
    digest: str,
    weights: Path | None,
    tell: Callable[[Report], None],
) -> float:
    """Train the one arch of a space and judge it, with the batch statistics of its own training."""
    recipe = training.recipe
    net = build_supernet(space, seed=recipe.seed)
    sampler = make_sampler("uniform", space)
    trainer = Trainer(net, data, sampler, recipe)
    if checkpoint.is_file():
        try:
            load_training(checkpoint, trainer, digest)
        except DataError:
            checkpoint.unlink()  # of the arch before, whose accuracy is in the journal
    trainer.run(save=lambda: save_training(checkpoint, trainer, digest), every_s=training.save_every_s, tell=tell)
    arch = trainer.archs_of(0)[0]
    options = JudgeOptions(bn="own", accelerator=recipe.accelerator, threads=recipe.threads)
    top1 = Judge(net, data, options, images=judged).accuracy(arch)
    if weights is not None:
        save_weights(weights, net.module, {"arch": decode(space, arch), "top1_percent": top1})
    return top1
