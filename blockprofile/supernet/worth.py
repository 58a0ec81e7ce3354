"""What a few networks trained alone are worth beside a supernet: tau and regret of each and of both.

Both is the supernet as a control variate: label = a + b * supernet + one value for each choice, shrunk as far as the
labels ask for. What the supernet has right needs no label, and what it has wrong of single choices is learnt from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import fit_factors
from blockprofile.errors import OptionError
from blockprofile.label import plan_archs
from blockprofile.predict import kendall
from blockprofile.space import Archs, CompiledSum, Space

REPETITIONS = 20
CANDIDATES = 2000
ROUNDS = 20
MIN_LABELS = 5

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Worth:
    """How archs without label are ordered, on average over repetitions, each with its standard error.

    ``ranked_by`` is ``supernet``, ``labels`` (one value for each choice, fitted to ``n`` of them) or ``both``.
    ``regret`` is how much the arch that is taken for the best is below the best, in the truth's unit.
    """

    n: int
    ranked_by: str
    tau: float
    tau_se: float
    regret: float
    regret_se: float


def label_worth(
    space: Space, archs: Archs, supernet: Doubles, trainings: Sequence[Doubles], *, labels: Sequence[int], seed: int = 0
) -> tuple[Worth, ...]:
    """Order archs by a supernet, by labels of some of them, and by both, and judge it by the archs that have none.

    Parameters
    ----------
    archs, supernet
        uint8 (n, n_slots), and what the supernet gives them, shape (n,).
    trainings
        Every arch's accuracies when trained alone. A label is one of them at random; archs without label are judged by
        the mean of theirs.
    labels
        How many archs are labelled, chosen by `plan_archs` from 2,000 at random, 20 times over.

    Raises
    ------
    OptionError
        As `check_labels`.
    """
    check_labels(labels, len(archs))
    rows = [
        (n, *found)
        for n in labels
        for repetition in range(REPETITIONS)
        for found in _repeat(space, archs, supernet, trainings, n, np.random.default_rng([seed, 13, n, repetition]))
    ]
    worth = []
    for n, how in dict.fromkeys((row[0], row[1]) for row in rows):
        found = np.array([row[2:] for row in rows if row[:2] == (n, how)])
        (tau, regret), (tau_se, regret_se) = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
        worth.append(Worth(n, how, float(tau), float(tau_se), float(regret), float(regret_se)))
    return tuple(worth)


def check_labels(labels: Sequence[int], n_archs: int) -> None:
    """Refuse numbers of labels that are too few to fit, or leave fewer archs to judge by.

    Raises
    ------
    OptionError
        With what is allowed.
    """
    for n in labels:
        if not MIN_LABELS <= n <= n_archs // 2:
            raise OptionError(f"--labels is {n}; from {MIN_LABELS} to {n_archs // 2}, half of the archs with a truth")


def _repeat(
    space: Space,
    archs: Archs,
    supernet: Doubles,
    trainings: Sequence[Doubles],
    n: int,
    rng: np.random.Generator,
) -> list[tuple[str, float, float]]:
    """Label archs once; return how, tau and regret of each way to order the others."""
    pool = rng.permutation(len(archs))[:CANDIDATES]
    planned = {arch.tobytes() for arch in plan_archs(space, n, candidates=archs[pool])}
    chosen = np.array([arch.tobytes() in planned for arch in archs])
    values = np.array([rng.choice(trainings[row]) for row in np.flatnonzero(chosen).tolist()])
    slope, both = fit_beside(space, archs[chosen], supernet[chosen], values)
    orders = {
        "supernet": supernet[~chosen],
        "labels": CompiledSum(space, [fit_factors(space, archs[chosen], values)])(archs[~chosen])[0],
        "both": slope * supernet[~chosen] + both(archs[~chosen])[0],
    }
    rest = np.array([trainings[row].mean() for row in np.flatnonzero(~chosen).tolist()])
    return [(how, kendall(order, rest), float(rest.max() - rest[np.argmax(order)])) for how, order in orders.items()]


def fit_beside(space: Space, archs: Archs, supernet: Doubles, labels: Doubles) -> tuple[float, CompiledSum]:
    """Fit a slope on a supernet's accuracies and a sum over slots to labels, in turn until both stand still."""
    values = np.zeros(len(labels))
    centred = supernet - supernet.mean()
    power = float(centred @ centred)
    for _ in range(ROUNDS):
        slope = float(centred @ (labels - values)) / power if power > 0 else 0.0
        rest = CompiledSum(space, [fit_factors(space, archs, labels - slope * supernet)])
        values = np.asarray(rest(archs)[0], np.float64)
    return slope, rest
