"""`supernet rank`: how well the shared weights order archs, against archs that were trained alone.

Kendall's tau with a bootstrap interval, between a ceiling (two trainings of the same archs) and floors (multiply-adds,
parameters, a score without training). Tau among the best archs is told apart: a search relies on that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError, UnknownNameError
from blockprofile.predict import ARCHS_NAME, LabelTable, Tau, find_metric, number_archs, read_labels, tau_of
from blockprofile.space import Archs, Space, count_macs, count_params, list_operators
from blockprofile.supernet.evaluate import evaluate_supernet
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.judging import JudgeOptions
from blockprofile.supernet.worth import Worth, check_labels, label_worth
from blockprofile.zerocost import synflow

BEST_SHARE = 0.1
MIN_BEST = 10
"""The fewest archs whose order is told apart as that of the best."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How a supernet orders archs; ``taus`` has the supernet first, then ceiling and floors.

    ``worth`` is what labels are worth beside it, empty where none were asked for.
    """

    taus: tuple[Tau, ...]
    archs: Archs
    supernet: NDArray[np.float64]
    truth: NDArray[np.float64]
    worth: tuple[Worth, ...] = ()


def _read_truth(truth: str | Path, space: Space, column: str) -> LabelTable:
    """Read the archs of a space that were trained alone: of a file, or of the table of a predictor that lists archs."""
    path = Path(truth)
    if not path.is_file():
        try:
            card, folder = find_metric(str(truth), space)
        except UnknownNameError as failure:
            raise UnknownNameError(f"--truth {str(truth)!r} is neither a table nor a predictor: {failure}") from None
        if card.kind != "archs":
            raise OptionError(f"--truth {str(truth)!r} is a predictor of kind {card.kind!r}; give one that lists archs")
        path = folder / ARCHS_NAME
    table = read_labels(path, space).within(space)
    table.label(column)
    return table


def rank_supernet(
    supernet: str | Path,
    truth: str | Path,
    *,
    column: str = "top1_percent",
    n: int | None = None,
    seed: int = 0,
    data: str | Path | None = None,
    options: JudgeOptions | None = None,
    labels: Sequence[int] = (),
) -> Ranking:
    """Compare a supernet's order of archs with that of archs trained alone.

    Parameters
    ----------
    truth
        A table with an accuracy for each training (`supernet alone` writes one), or a predictor that lists archs, such
        as ``top1_percent:cifar10``. Archs with several rows give the ceiling.
    column
        The table's column.
    n
        Take so many of the table's archs, drawn by ``seed``; None for all.
    labels
        Say what so many of the table's labels are worth beside the supernet; see `label_worth`.

    Raises
    ------
    UserError, DataError
        If something cannot be read, is of another space, or the table has fewer than three archs.
    """
    found = open_supernet(supernet)
    space = found.net.space
    table = _read_truth(truth, space, column)
    values = table.label(column)
    first, numbers = number_archs(table.archs)
    if len(first) < 3:
        raise DataError(f"{table.path} has {len(first)} archs of space {space.name!r}; an order needs at least 3")
    picked = np.arange(len(first))
    if n is not None and n < len(first):
        picked = np.sort(np.random.default_rng([seed, 12]).permutation(len(first))[:n])
    archs = table.archs[first[picked]]
    trainings = [values[numbers == number] for number in picked]
    check_labels(labels, len(archs))
    mean = np.array([each.mean() for each in trainings])
    evaluated = evaluate_supernet(supernet, archs=archs, data=data, options=options)
    taus = [tau_of("supernet", evaluated.top1, mean, seed=seed)]
    best = np.argsort(-mean, kind="stable")[: max(MIN_BEST, round(BEST_SHARE * len(mean)))]
    if len(best) < len(mean):
        taus.append(tau_of("supernet, best by truth", evaluated.top1[best], mean[best], seed=seed))
    twice = [each for each in trainings if len(each) > 1]
    if len(twice) >= 3:
        pairs = np.array([each[:2] for each in twice])
        taus.append(tau_of("ceiling: two trainings", pairs[:, 0], pairs[:, 1], seed=seed))
    floors = _floors(space, archs)
    taus += [tau_of(f"floor: {name}", scores, mean, seed=seed) for name, scores in floors.items()]
    worth = label_worth(space, archs, evaluated.top1, trainings, labels=labels, seed=seed)
    return Ranking(tuple(taus), archs, evaluated.top1, mean, worth)


def _floors(space: Space, archs: Archs) -> dict[str, NDArray[np.float64]]:
    lists = [list_operators(space, arch) for arch in archs]
    return {
        "multiply-adds": np.array([count_macs(ops) for ops in lists], np.float64),
        "parameters": np.array([count_params(ops) for ops in lists], np.float64),
        "synflow, untrained": np.array([synflow(space, arch) for arch in archs]),
    }
