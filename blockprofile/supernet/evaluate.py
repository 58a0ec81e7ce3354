"""`supernet evaluate`: the accuracies of many archs, kept one by one, and as a table that predictors are fitted to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError, OptionError
from blockprofile.files import make_folder
from blockprofile.journalfile import append_line, open_journal
from blockprofile.jsonfile import digest_of
from blockprofile.run import Advance, show_progress
from blockprofile.space import Archs, Space, count_archs, decode_all, draw_archs, explain_arch
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.folder import SupernetFolder, open_supernet
from blockprofile.supernet.images import Images
from blockprofile.supernet.judging import Judge, JudgeOptions, binomial_sd
from blockprofile.supernet.spread import count_workers, spread
from blockprofile.supernet.weights import WEIGHTS_NAME

CACHE_NAME = "evaluations"
MAX_ROUNDS = 100
SECONDS_HERE = 5.0
"""What takes no longer is judged by this process: others need some seconds to begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """Accuracies with shared weights.

    ``sd`` is the standard deviation of each in percent: binomial and, of the mean of the repeats, by recalibration;
    ``recalibration_sd`` is that between two repeats, None where every arch was judged once.
    """

    archs: Archs
    top1: NDArray[np.float64]
    sd: NDArray[np.float64]
    recalibration_sd: float | None
    n_images: int
    n_new: int


class Verdicts:
    """Accuracies by arch in a supernet's folder, so that no arch is judged twice in the same way.

    Several processes may add to them at once: what two of them judge is there twice, with one value.

    Parameters
    ----------
    judge
        How archs are judged, on which images.
    """

    def __init__(self, found: SupernetFolder, judge: Judge) -> None:
        self.space, self._found, self._judge = found.net.space, found, judge
        self.n_new = 0
        head = {
            "schema": "blockprofile.verdicts/1", "images": judge.images.digest, **judge.options.describe(),
            "normalised": [*judge.data.record.mean, *judge.data.record.std], "train": judge.data.record.split,
        }  # fmt: skip
        self.folder = make_folder(found.folder / CACHE_NAME, what="the folder")
        self._path = self.folder / f"{digest_of(head)[:16]}.jsonl"
        self._known: dict[tuple[str, int], float] = {}
        for line in open_journal(self._path, head, what="evaluation"):
            arch, repeat, top1 = line.get("arch"), line.get("repeat"), line.get("top1_percent")
            if not (isinstance(arch, str) and isinstance(repeat, int) and isinstance(top1, int | float)):
                raise DataError(f"{self._path} holds a line that is no accuracy: {line}")
            self._known[arch, repeat] = float(top1)

    def of(self, arch: Archs, repeat: int = 0) -> float:
        """Return the accuracy of an arch, judged now if it was not before."""
        key = (arch.tobytes().hex(), repeat)
        if key not in self._known:
            self._keep(key, self._judge.accuracy(arch, repeat=repeat))
        return self._known[key]

    def judge(self, archs: Archs, repeats: int, advance: Advance) -> NDArray[np.float64]:
        """Return the accuracies of archs, shape (n, repeats): those that need long by several processes at once."""
        options, started = self._judge.options, time.monotonic()
        workers = count_workers(options.workers, accelerator=options.accelerator, threads=options.threads)
        asked = {(arch.tobytes().hex(), repeat): arch for arch in archs for repeat in range(repeats)}
        left = deque(key for key in asked if key not in self._known)
        advance(len(archs) * repeats - len(left))
        while left and (workers == 1 or time.monotonic() - started < SECONDS_HERE):
            key = left.popleft()
            self.of(asked[key], key[1])
            advance(1)
        place = self._found.folder.resolve()
        weights = place, (place / WEIGHTS_NAME).stat().st_mtime_ns
        tasks = ((weights, self._judge.data, self._judge.images, options, asked[k], k[1]) for k in left)
        for key, top1 in zip(left, spread(_judge_one, tasks, workers=workers), strict=True):
            self._keep(key, top1)
            advance(1)
        return np.array([[self.of(arch, repeat) for repeat in range(repeats)] for arch in archs])

    def _keep(self, key: tuple[str, int], top1: float) -> None:
        append_line(self._path, {"arch": key[0], "repeat": key[1], "top1_percent": top1})
        self._known[key] = top1
        self.n_new += 1


@lru_cache(maxsize=1)
def _open_once(folder: Path, _written_ns: int) -> SupernetFolder:
    """Open a supernet; a process that is used again opens what was trained anew in the same folder."""
    return open_supernet(folder)


def _judge_one(
    weights: tuple[Path, int], data: DataSet, images: Images, options: JudgeOptions, arch: Archs, repeat: int
) -> float:
    return Judge(_open_once(*weights).net, data, options, images=images).accuracy(arch, repeat=repeat)


def draw_distinct(space: Space, n: int, *, seed: int) -> Archs:
    """Draw distinct archs under the papers' law; where the space has no more, all that were found.

    Raises
    ------
    OptionError
        If the space has fewer archs.
    """
    there = count_archs(space)
    if n > there:
        raise OptionError(f"--n is {n}, and space {space.name!r} has {there} archs")
    rng, found = np.random.default_rng([seed, 9]), np.empty((0, space.n_slots), np.uint8)
    for _ in range(MAX_ROUNDS):
        drawn = np.concatenate([found, draw_archs(space, 2 * n, rng)])
        _, first = np.unique(drawn, axis=0, return_index=True)
        found = drawn[np.sort(first)][:n]
        if len(found) == n:
            return found
    raise OptionError(f"--n is {n}; {MAX_ROUNDS} rounds of drawing found {len(found)} distinct archs of {there}")


def check_archs(space: Space, archs: Archs) -> None:
    """Refuse archs that a supernet has no weights for.

    Raises
    ------
    ArchError
        Saying why the first of them is none of its space.
    """
    inside = space.contains(archs)
    if not inside.all():
        raise ArchError(explain_arch(space, archs[int(np.flatnonzero(~inside)[0])]))


def evaluate_supernet(
    supernet: str | Path,
    archs: Archs | int = 1000,
    *,
    seed: int = 0,
    repeats: int = 1,
    data: str | Path | None = None,
    on: str = "held-out",
    options: JudgeOptions | None = None,
) -> Evaluated:
    """Judge archs of a supernet, on images that it was not trained on.

    Parameters
    ----------
    archs
        Which ones, or how many distinct ones, drawn by ``seed``.
    repeats
        How often each is judged, with other images for its batch statistics.
    data
        Where the images are; left out, where they were.
    on
        ``held-out`` or, for final figures, ``test``.

    Raises
    ------
    UserError, DataError
        If the supernet, the images or an option are wrong.
    """
    from blockprofile.supernet.data import load_test

    if repeats < 1:
        raise OptionError(f"--repeats is {repeats}; must be at least 1")
    if on not in {"held-out", "test"}:
        raise OptionError(f"--on {on!r} is unknown; choices: held-out, test")
    found = open_supernet(supernet)
    rows = draw_distinct(found.net.space, archs, seed=seed) if isinstance(archs, int) else archs
    check_archs(found.net.space, rows)
    images = found.load_data(data)
    judged: Images | None = load_test(images, data or images.record.path) if on == "test" else None
    recipe = found.recipe
    chosen = options or JudgeOptions(accelerator=recipe.accelerator, threads=recipe.threads)
    verdicts = Verdicts(found, judge := Judge(found.net, images, chosen, images=judged))
    with show_progress("judging", len(rows) * repeats) as advance:
        top1 = verdicts.judge(rows, repeats, advance)
    spread = float(np.sqrt(top1.var(axis=1, ddof=1).mean())) if repeats > 1 else None
    mean, n_images = top1.mean(axis=1), len(judge.images)
    noise = np.array([binomial_sd(value, n_images) for value in mean])
    sd = np.hypot(noise, (spread or 0.0) / np.sqrt(repeats))
    return Evaluated(rows, mean, sd, spread, n_images, verdicts.n_new)


def write_labels(path: Path, space: Space, archs: Archs, columns: Mapping[str, Sequence[float] | NDArray[Any]]) -> None:
    """Write archs with labels as a table that `predictor fit` and `profile` read, by its name as Parquet or CSV.

    Raises
    ------
    OptionError
        If the name is neither's.
    """
    import pandas as pd

    from blockprofile.files import replacing

    frame = pd.DataFrame({"arch": decode_all(space, archs)})
    if len(space.definition.input.resolutions) > 1 and not space.definition.input.searched:
        frame["resolution"] = space.resolution
    for name, values in columns.items():
        frame[name] = np.asarray(values)
    if path.suffix not in {".parquet", ".csv"}:
        raise OptionError(f"--out {str(path)!r} must end in .parquet or .csv")
    make_folder(path.parent, what="the folder of --out")
    with replacing(path) as file:
        if path.suffix == ".csv":
            frame.to_csv(file, index=False)
        else:
            frame.to_parquet(file, index=False)
