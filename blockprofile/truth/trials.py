"""One repetition: draw labels, estimate, prune, search, and judge by trainings that were not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blockprofile.label import plan_archs
from blockprofile.predict import LabelledArchs, weigh_archs
from blockprofile.profile import MetricInfo, Profile, Settings, Statistic, fit_pair_model, label_responses
from blockprofile.prune import (
    N_DRAWS,
    Known,
    add_own,
    own_spread,
    prune_at_random,
    prune_by_draws,
    prune_profile,
    scale_of,
)
from blockprofile.search import Aims, Algorithm, search
from blockprofile.space import Archs, Space
from blockprofile.truth.scores import judge_fit
from blockprofile.truth.table import Cost, Truth

Doubles = NDArray[np.float64]
N_RANDOM = 4
KEYS = ["statistic", "u", "layer", "block", "depth"]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Archs that were trained once: their rows in the truth, which training, and the truth that judges it."""

    rows: NDArray[np.int64]
    run: int
    values: Doubles
    judge: Doubles


def draw_labels(truth: Truth, n: int, rng: np.random.Generator, *, run: int) -> Labels:
    """Draw distinct archs at random, one training each."""
    rows = rng.choice(len(truth.archs), n, replace=False)
    return Labels(rows, run, truth.runs[rows, run], truth.without(run))


def plan_labels(truth: Truth, n: int, *, run: int, seed: int) -> Labels:
    """Plan which archs to label, as `blockprofile label plan` does, one training each."""
    planned = plan_archs(truth.space, n, seed=seed)
    rows = truth.rows_of(planned)
    return Labels(rows, run, truth.runs[rows, run], truth.without(run))


def fit_others(truth: Truth, labels: Labels) -> dict[str, dict[str, float]]:
    """Fit main effects, and pairs, to labels, and judge both by one training of the archs that have none."""
    others = np.setdiff1d(np.arange(len(truth.archs)), labels.rows)
    unseen = truth.runs[others, (labels.run + 1) % truth.n_runs]
    return {
        name: judge_fit(
            truth.space, truth.archs[labels.rows], labels.values, truth.archs[others], unseen, metric=truth.metric,
            order=order,
        )
        for name, order in (("main effects", 1), ("with pairs", 2))
    }  # fmt: skip


def responses_of(truth: Truth, archs: Archs, values: Doubles, *, plain: bool, noise: Doubles | None = None) -> Profile:
    """Profile labels as `blockprofile profile` does."""
    weights, how, is_whole = weigh_archs(truth.space, archs, law="papers")
    labelled = {truth.metric: LabelledArchs(archs, values, weights, how, noise if is_whole else None)}
    info = {truth.metric: MetricInfo(truth.unit, "trained", 0.0)}
    return Profile(label_responses(truth.space, labelled, info=info, settings=Settings(taus=()), plain=plain))


def estimate(profile: Profile, whole: Profile) -> dict[str, dict[str, float]]:
    """Compare the effects that labels give with the true ones: by statistic, means over the effects that are there."""
    found: dict[str, dict[str, float]] = {}
    statistics: tuple[Statistic, ...] = ("M_b", "M_ulb")
    for statistic in statistics:
        mine = profile.rows(statistic).merge(whole.rows(statistic)[[*KEYS, "effect"]], on=KEYS)
        apart = (mine["effect_x"] - mine["effect_y"]).to_numpy()
        inside = ((mine["ci_low"] <= mine["effect_y"]) & (mine["effect_y"] <= mine["ci_high"])).to_numpy()
        half = ((mine["ci_high"] - mine["ci_low"]) / 2).to_numpy()
        size = np.abs(mine["effect_y"].to_numpy())
        found[statistic] = {
            "bias": float(np.mean(apart * np.sign(mine["effect_y"].to_numpy()) / size.mean())),
            "rmse": float(np.sqrt(np.mean(apart**2))), "covered": float(inside.mean()), "half": float(half.mean()),
        }  # fmt: skip
    return found


def prune_by_main(truth: Truth, gain: Profile, cost: Cost) -> Space:
    """Prune by main effects alone, with the policies' defaults."""
    import pandas as pd

    from blockprofile.profile import exact_table

    table = pd.concat([gain.table, exact_table(truth.space, [cost.predictor], taus=())], ignore_index=True)
    outcomes, _ = prune_profile(Profile(table), truth.space, costs=[cost.name], gain=truth.metric)
    return outcomes[0].space


def prune_by_pairs(
    truth: Truth, labels: Labels, costs: Mapping[str, Cost], *, ways: Sequence[tuple[float, float]], seed: int = 0
) -> dict[tuple[str, float, float], Space]:
    """Prune by pairs for every cost, with several shares of the rest taken as archs' own and several risks."""
    scale = scale_of(truth.metric, labels.values)
    model = fit_pair_model(truth.space, truth.archs[labels.rows], scale.to(labels.values))
    found = {}
    rng = np.random.default_rng(seed)
    sums = model.draw(N_DRAWS, rng)(truth.archs)
    apart = rng.normal(size=sums.shape)
    known = Known(labels.rows, labels.values, truth.spread)
    for own, risk in ways:
        spread = own_spread(model, truth.archs, scale, noise=truth.spread, own=own)
        drawn = add_own(sums, apart, scale, own=spread, known=known)
        for name, cost in costs.items():
            allowed, _ = prune_by_draws(
                truth.space, truth.archs, cost.values, drawn, tolerance=truth.spread, risk=risk, limits=cost.limits
            )
            found[name, own, risk] = truth.space.restricted(allowed, name="pairs")
    return found


def prune_by_truth(truth: Truth, judge: Doubles, cost: Cost) -> Space:
    """Prune by the truth itself: what may go at most, if the best may lose as much."""
    allowed, _ = prune_by_draws(
        truth.space, truth.archs, cost.values, judge[None], tolerance=truth.spread, risk=0.0, limits=cost.limits
    )
    return truth.space.restricted(allowed, name="truth")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a pruning keeps: the share of archs, at every limit whether the best arch survives and what the best that is
    left lacks, the greatest lack, and the share of the hypervolume.
    """

    left: float
    survives: tuple[bool, ...]
    lacks: tuple[float, ...]
    hypervolume: float
    most: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", max(self.lacks))


def judge_pruning(truth: Truth, cost: Cost, judge: Doubles, pruned: Space) -> Judged:
    """Judge a pruned space by trainings that were not seen."""
    inside = pruned.contains(truth.archs)
    best = cost.best_archs(judge)
    lacks = cost.best(judge) - cost.best(judge, inside)
    share = _hypervolume(judge[inside], cost.values[inside], judge, cost) / _hypervolume(
        judge, cost.values, judge, cost
    )
    return Judged(float(inside.mean()), tuple(inside[best].tolist()), tuple(lacks.tolist()), share)


def _hypervolume(gain: Doubles, price: Doubles, judge: Doubles, cost: Cost) -> float:
    """Return the area that archs dominate, against the median accuracy and the greatest cost of the space."""
    order = np.lexsort((-gain, price))
    best = np.maximum.accumulate(np.maximum(gain[order] - float(np.median(judge)), 0.0))
    edges = np.append(price[order], cost.values.max())
    return float(np.sum(best * np.diff(edges)))


def random_prunings(truth: Truth, cost: Cost, judge: Doubles, pruned: Space, rng: np.random.Generator) -> list[Judged]:
    """Judge random prunings of the same size."""
    others = (prune_at_random(truth.space, pruned, rng) for _ in range(N_RANDOM))
    return [judge_pruning(truth, cost, judge, other) for other in others]


class _OneTraining:
    """A training of every arch, as a search sees it."""

    def __init__(self, truth: Truth, run: int) -> None:
        self.metric, self.unit, self.noise = truth.metric, truth.unit, truth.spread
        self._find: Callable[[Archs], NDArray[np.intp]] = truth.source.find
        order = truth.source.find(truth.archs)
        self._values = np.empty(len(order), np.float32)
        self._values[order] = truth.runs[:, run]

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Return the value of one training."""
        return np.asarray(self._values[self._find(archs)], np.float32)


def regret(
    truth: Truth,
    labels: Labels,
    cost: Cost,
    *,
    algorithm: str | Algorithm,
    budget: int,
    within: Space | None,
    seed: int,
) -> float:
    """Search, choose within every limit what trained best, and say what it lacks: points, on average over the limits.

    Parameters
    ----------
    within
        A pruned space: then the labels are chosen from as well, and ``budget`` comes on top of them. None: the whole
        space, and nothing is known before.

    Notes
    -----
    Where no arch that was trained is within a limit, the worst one within it is taken.
    """
    reference = [float(truth.runs.min()), float(cost.values.max())]
    space = truth.space if within is None else within
    found = search(
        space,
        Aims(
            [f"{truth.metric}:max", f"{cost.name}:min"],
            predictors=[_OneTraining(truth, labels.run), cost.predictor],
            reference=reference,
        ),
        algorithm=algorithm,
        budget=budget,
        seed=seed,
    )
    rows = truth.rows_of(np.unique(found.history.archs, axis=0))
    rows = rows if within is None else np.union1d(rows, labels.rows)
    seen = truth.runs[rows, labels.run]
    lacks = []
    for limit, best in zip(cost.limits, cost.best(labels.judge), strict=True):
        fits = np.flatnonzero(cost.values[rows] <= limit)
        judged = labels.judge
        reached = judged[rows[fits[np.argmax(seen[fits])]]] if len(fits) else judged[cost.values <= limit].min()
        lacks.append(best - reached)
    return float(np.mean(lacks))
