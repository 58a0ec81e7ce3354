"""The stages of studies that begin with images: each a function of plain values that calls the library's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, check_choice
from blockprofile.space import Archs, load_space
from blockprofile.supernet.alone import Alone, train_alone
from blockprofile.supernet.evaluate import evaluate_supernet, write_labels
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.judging import JudgeOptions, binomial_sd
from blockprofile.supernet.rank import rank_supernet
from blockprofile.supernet.request import DEFAULT_SCHEME, Scheme, Training
from blockprofile.supernet.train import tell_worth, train_supernet

N_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage wrote, and its result in words."""

    path: Path
    report: str


def train(space: str, training: Training, *, out: str | Path, scheme: Scheme = DEFAULT_SCHEME) -> StageReport:
    """Train a supernet; see `train_supernet`."""
    trained = train_supernet(space, training, out=out, scheme=scheme)
    return StageReport(trained.folder, "\n".join([*trained.remarks, *tell_worth(trained)]))


def label(
    supernet: str | Path,
    *,
    out: str | Path,
    n: int = 1000,
    seed: int = 0,
    images: int | None = None,
    workers: int | str = "auto",
) -> StageReport:
    """Judge archs of a supernet into a table of labels; see `evaluate_supernet`."""
    found = open_supernet(supernet)
    recipe = found.recipe
    options = JudgeOptions(images=images, accelerator=recipe.accelerator, threads=recipe.threads, workers=workers)
    result = evaluate_supernet(supernet, n, seed=seed, options=options)
    write_labels(Path(out), found.net.space, result.archs, {"top1_percent": result.top1, "sd_percent": result.sd})
    between, noise = float(result.top1.std()), float(result.sd.mean())
    told = f"{len(result.archs)} archs with shared weights: {result.top1.mean():.2f} %, {between:.2g} between archs"
    return StageReport(Path(out), f"{told}, ±{noise:.2g} of one by chance")


def measure(
    space: str,
    *,
    out: str | Path,
    runtime: str = "onnxruntime",
    precision: float = 0.02,
    time_limit: float = 600.0,
    clock: str = "cpu",
    seed: int = 0,
) -> StageReport:
    """Measure the latencies of a space's operators on this machine; see `measure_table`."""
    from blockprofile.device import CLOCKS, Plan, Settings, make_runtime, measure_table, processor_name

    folder = Path(out)
    settings = Settings(provider="cpu", threads=1, batch=1, dtype="float32", clock=check_choice("clock", clock, CLOCKS))
    table = measure_table(
        load_space(space), make_runtime(runtime, settings), folder, name=folder.resolve().name,
        hardware=processor_name(), plan=Plan(precision=precision, time_limit_s=time_limit, seed=seed),
    )  # fmt: skip
    return StageReport(folder, f"{len(table.times)} operators measured, {table.within} within {precision:.1%}")


def rank(
    supernet: str | Path,
    truth: str,
    *,
    out: str | Path,
    column: str = "top1_percent",
    n: int | None = None,
    labels: Sequence[int] = (),
    seed: int = 0,
) -> StageReport:
    """Rank a supernet against archs that were trained alone; see `rank_supernet`."""
    import json

    from blockprofile.files import write_text

    found = open_supernet(supernet)
    recipe = found.recipe
    result = rank_supernet(
        supernet, truth, column=column, n=n, seed=seed, labels=labels,
        options=JudgeOptions(accelerator=recipe.accelerator, threads=recipe.threads),
    )  # fmt: skip
    columns = {"supernet_percent": result.supernet, "truth_percent": result.truth}
    write_labels(Path(out), found.net.space, result.archs, columns)
    plain = {"taus": [asdict(tau) for tau in result.taus], "labels": [asdict(row) for row in result.worth]}
    write_text(Path(out).with_suffix(".json"), json.dumps(plain, indent=2) + "\n")
    told = [f"{t.name}: tau {t.tau:.3f} ({t.low:.3f} to {t.high:.3f}), n {t.n}" for t in result.taus]
    told += [
        f"{row.n} labels, by {row.ranked_by}: tau {row.tau:.3f} ± {1.96 * row.tau_se:.3f}, "
        f"regret {row.regret:.3g} ± {1.96 * row.regret_se:.2g}"
        for row in result.worth
    ]
    return StageReport(Path(out), "\n".join(told))


@dataclass(frozen=True, slots=True)
class FrontVerdict:
    """Fronts whose archs were trained alone.

    ``gain`` is the hypervolume of the second less that of the first, in percent points times the cost's unit, and
    ``low`` to ``high`` its interval of 95 % by what trainings of one arch differ.
    """

    folder: Path
    gain: float
    low: float
    high: float
    report: str


def _spread_out(costs: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Choose n of a front's archs, evenly by their place in the order of cost."""
    order = np.argsort(costs, kind="stable")
    places = np.unique(np.round(np.linspace(0, len(order) - 1, min(n, len(order)))).astype(np.intp))
    found: NDArray[np.intp] = order[places]
    return found


def compare_trained(
    space: str,
    training: Training,
    searches: Sequence[str | Path],
    *,
    out: str | Path,
    cost: str,
    n: int = 3,
    repeats: int = 2,
    workers: int | str = "auto",
) -> FrontVerdict:
    """Train archs of two searches' fronts alone, and say whether the second search found better networks.

    Parameters
    ----------
    searches
        The run folders of two searches of ``space`` (or of a pruned form of it).
    cost
        The metric that is the cost, as the searches have it.
    n
        Archs of each front, evenly along it.
    repeats
        Trainings of each; accuracies are those of the test images.
    workers
        How many are trained at once; see `train_alone`.

    Raises
    ------
    OptionError
        If there are not two searches, or they lack the cost.
    """
    from blockprofile.search import load_search

    if len(searches) != 2:
        raise OptionError(f"searches has {len(searches)} entries; must be two: the original's and the other one")
    picked: list[Archs] = []
    costs: list[NDArray[np.float64]] = []
    for folder in searches:
        front = load_search(folder).front
        if cost not in front.metrics:
            raise OptionError(f"cost {cost!r} is none of the search in {str(folder)!r}: {', '.join(front.metrics)}")
        values = np.asarray(front.metrics[cost], np.float64)
        chosen = _spread_out(values, n)
        picked.append(front.archs[chosen])
        costs.append(values[chosen])
    every = np.unique(np.concatenate(picked), axis=0)
    alone = train_alone(space, training, every, out=out, repeats=repeats, on="test", workers=workers)
    return _verdict(alone, picked, costs)


def _verdict(alone: Alone, picked: list[Archs], costs: list[NDArray[np.float64]]) -> FrontVerdict:
    """Compare the hypervolumes of trained archs; the interval redraws every arch's mean by its trainings' spread."""
    import moocore

    keys = [arch.tobytes() for arch in alone.archs]
    by_arch = {key: alone.top1[[other == key for other in keys]] for key in dict.fromkeys(keys)}
    n_each = len(next(iter(by_arch.values())))
    within = [values.var(ddof=1) for values in by_arch.values()] if n_each > 1 else []
    binomial = np.mean([binomial_sd(float(value), alone.n_images) ** 2 for value in alone.top1])
    # Two trainings can agree by chance: what was counted on so many images is not surer than they allow.
    sd = float(np.sqrt(max(np.mean(within) if within else 0.0, binomial) / n_each))
    lowest = min(float(values.mean()) for values in by_arch.values()) - 1.0
    reference = np.array([1.02 * max(float(each.max()) for each in costs), -lowest])

    def gain(means: dict[bytes, float]) -> float:
        volumes = [
            moocore.hypervolume(np.column_stack([c, [-means[arch.tobytes()] for arch in archs]]), ref=reference)
            for archs, c in zip(picked, costs, strict=True)
        ]
        return float(volumes[1] - volumes[0])

    means = {key: float(values.mean()) for key, values in by_arch.items()}
    rng = np.random.default_rng(0)
    drawn = [gain({key: value + rng.normal(0, sd) for key, value in means.items()}) for _ in range(N_DRAWS)]
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    found = gain(means)
    word = (
        "found better networks than" if low > 0 else "found worse networks than" if high < 0 else "cannot be told from"
    )
    told = f"hypervolume of trained archs {found:+.3g} ({low:+.3g} to {high:+.3g}, by ±{sd:.2g} % of one arch)"
    best = [max(means[arch.tobytes()] for arch in archs) for archs in picked]
    return FrontVerdict(
        alone.folder, found, low, high,
        f"the second search {word} the first: {told}; best {best[1]:.2f} % against {best[0]:.2f} % "
        f"({len(means)} archs trained alone, {n_each} times each, {alone.n_images} test images)",
    )  # fmt: skip
