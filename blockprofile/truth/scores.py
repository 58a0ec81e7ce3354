"""What needs no label at all: counted costs and zero-cost scores, judged by how they rank archs that were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict import kendall, load_predictors, tau_of
from blockprofile.profile import fit_pair_model
from blockprofile.prune import N_DRAWS, scale_of
from blockprofile.space import Archs, Space
from blockprofile.zerocost import SCORES

Doubles = NDArray[np.float64]
Row = dict[str, Any]

COUNTED = ("macs_m", "params_m")
FEWEST = 20


def tau_row(by: str, scores: Doubles, values: Doubles, *, seed: int = 0) -> Row:
    """Tell how scores rank archs: tau with its 95 % interval (bootstrap over archs), and tau among the best quarter."""
    told = tau_of(by, scores, values, seed=seed)
    best = np.flatnonzero(values >= np.quantile(values, 0.75))
    return {
        "by": by, "archs": told.n, "tau": told.tau, "low": told.low, "high": told.high,
        "best": kendall(scores[best], values[best]),
    }  # fmt: skip


def judge_fit(
    space: Space, archs: Archs, values: Doubles, others: Archs, truth: Doubles, *, metric: str, order: int
) -> dict[str, float]:
    """Fit labels and judge it by archs that were not labelled.

    Parameters
    ----------
    archs, values
        What is labelled.
    others, truth
        What is not, with the value that one training gave.
    metric
        The metric, which tells on what scale it adds up.
    order
        1: main effects alone. 2: pairs as well.

    Returns
    -------
    ``tau`` (Kendall's), ``explained`` (share of the variance), ``rmse``, and ``covered``: how often the 95 % interval
    for one training of an arch that was not labelled holds it.
    """
    scale = scale_of(metric, values)
    model = fit_pair_model(space, archs, scale.to(values), order=order)
    told = model.mean()(others)[0]
    spread = model.draw(N_DRAWS, np.random.default_rng(0))(others).var(axis=0, ddof=1)
    half = 1.96 * np.sqrt(spread + model.sizes.rest)
    apart = scale.back(told) - truth
    inside = (scale.back(told - half) <= truth) & (truth <= scale.back(told + half))
    return {
        "tau": kendall(told, truth), "explained": float(1 - np.mean(apart**2) / np.var(truth)),
        "rmse": float(np.sqrt(np.mean(apart**2))), "covered": float(inside.mean()),
    }  # fmt: skip


def check_scored(n: int) -> None:
    """Check how many archs are to be scored.

    Raises
    ------
    OptionError
        If they are too few to tell a rank correlation from.
    """
    if n != 0 and n < FEWEST:
        raise OptionError(f"scored is {n}; must be 0, or {FEWEST} archs at least")


def at_size(space: Space, size: int) -> Space:
    """Take a space's networks at images of another size, which costs less and changes no weight."""
    image = replace(space.definition.input, default=size, resolutions=(size,))
    return Space(replace(space.definition, input=image))


def score_archs(space: Space, archs: Archs) -> dict[str, list[float]]:
    """Score archs at their initial weights: score -> one value for each."""
    return {name: [score(space, arch) for arch in archs] for name, score in SCORES.items()}


def rank_unlabelled(space: Space, archs: Archs, values: Doubles, scores: Mapping[str, Doubles]) -> list[Row]:
    """Tell how multiply-adds, parameters and scores rank archs."""
    counted = {each.metric: each.predict(archs).astype(np.float64) for each in load_predictors(space, metrics=COUNTED)}
    return [tau_row(by, each, values) for by, each in (counted | dict(scores)).items()]


def plan_row(errors: Sequence[tuple[float, float]]) -> Row:
    """Tell how many times as precise planned labels are as drawn ones.

    Parameters
    ----------
    errors
        The mean squared error of effects from drawn and from planned labels, repetition by repetition.

    Returns
    -------
    The means, their quotient and its standard error over repetitions; None for all where there are fewer than two.
    """
    if len(errors) < 2:
        return {"drawn": None, "planned": None, "factor": None, "factor_se": None, "repetitions": len(errors)}
    drawn, planned = np.array(errors).T
    factor = float(drawn.mean() / planned.mean())
    error = float(np.std(drawn / drawn.mean() - planned / planned.mean(), ddof=1) / np.sqrt(len(errors)))
    return {
        "drawn": float(drawn.mean()), "planned": float(planned.mean()), "factor": factor, "factor_se": factor * error,
        "repetitions": len(errors),
    }  # fmt: skip
