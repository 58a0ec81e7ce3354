"""`judge_part`: where some archs of a space were trained, what a part of them says of the rest, and what devices make
of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.content import content_file
from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.files import make_folder, replacing
from blockprofile.jsonfile import write_json
from blockprofile.label import plan_archs
from blockprofile.options import Options
from blockprofile.predict import (
    ARCHS_NAME,
    LabelledArchs,
    column_of,
    find_metric,
    kendall,
    number_archs,
    read_labels,
    weigh_archs,
)
from blockprofile.profile import MetricInfo, Profile, Settings, label_responses
from blockprofile.space import Archs, Space, load_space
from blockprofile.truth.part_page import ACCURACY, part_page
from blockprofile.truth.scores import at_size, check_scored, judge_fit, plan_row, rank_unlabelled, score_archs
from blockprofile.truth.words import told_source

Doubles = NDArray[np.float64]
Row = dict[str, Any]
KEYS = ["statistic", "u", "layer", "block", "depth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostColumns(Options):
    """The columns of a table that are costs: ``speeds`` of images a second, a latency is a thousand over it; and ms."""

    speeds: Sequence[str] = ()
    latencies: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Options):
    """How many archs zero-cost scores are judged on, 0 for none, and at what size of images; None is the space's."""

    scored: int = 0
    scored_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials(Options):
    """How often labels are drawn, the standard deviation between two trainings of an arch, and the seed."""

    repetitions: int = 20
    spread: float = 0.27
    seed: int = 0


NO_COSTS = CostColumns()
TWENTY = Trials()
NO_SCORES = Scored()


def judge_part(
    space: str,
    *,
    metric: str,
    timed: str,
    out: str | Path,
    columns: CostColumns = NO_COSTS,
    n: Sequence[int] = (200, 1000),
    trials: Trials = TWENTY,
    scores: Scored = NO_SCORES,
) -> Path:
    """Judge by a table of some trained archs: fit to a part, judge by the rest.

    Parameters
    ----------
    metric
        A predictor that is a table of archs: what they reached.
    timed
        A file of the content folder ``data`` with the same archs, row for row.
    out
        The folder: ``results.json`` and ``page.md``.
    columns
        What archs cost.
    n
        How many archs are labelled.
    trials
        How often, and by what seed.
    scores
        What zero-cost scores are judged on.

    Raises
    ------
    OptionError
        If more archs are to be labelled than half of those that are there, or too few are scored.
    UnknownNameError
        If there is no such metric or file.
    DataError
        If the table cannot be read, lacks a column, or has a cost that is not above 0.
    """
    repetitions, seed = trials.repetitions, trials.seed
    where = load_space(space)
    path = content_file("data", timed)
    labels = read_labels(path, where)
    card, folder = find_metric(metric, where)
    reached = read_labels(folder / ARCHS_NAME, where)
    if not np.array_equal(reached.archs, labels.archs):
        raise DataError(f"{folder / ARCHS_NAME} and {path} do not hold the same archs, row for row")
    asked = (*columns.speeds, *columns.latencies)
    if missing := [name for name in asked if name not in labels.labels]:
        raise DataError(f"{path} has no column {missing[0]!r}; {one_of(missing[0], labels.labels)}")
    values = {name: labels.labels[name] for name in asked} | {ACCURACY: reached.label(column_of(card))}
    if wrong := [name for name in asked if (values[name] <= 0).any()]:
        raise DataError(f"{path} has values of {wrong[0]!r} that are not above 0")
    costs = {name.partition(":")[2]: 1000 / values[name] for name in columns.speeds}
    costs |= {name.partition(":")[2]: values[name] for name in columns.latencies}
    first, _ = number_archs(labels.archs)
    whole = first[np.all([np.isfinite(each[first]) for each in values.values()], axis=0)]
    archs, accuracy = labels.archs[whole], values[ACCURACY][whole]
    costs = {name: each[whole] for name, each in costs.items()}
    if 2 * max(n) > len(archs):
        raise OptionError(f"n is {max(n)}; {timed} has {len(archs)} archs that have all figures, half are to judge by")
    check_scored(scores.scored)
    results = {
        "space": space, "source": told_source(card),
        "archs": len(archs), "spread": trials.spread, "repetitions": repetitions,
        "fits": _fits(where, archs, accuracy, n, (repetitions, seed)),
        "unlabelled": _unlabelled(where, archs, accuracy, (scores.scored, scores.scored_at), seed=seed),
        "scored_at": scores.scored_at or where.resolution,
        "plans": _plans(where, archs, accuracy, n, (repetitions, seed)),
        "factors": _factors(where, archs, accuracy, costs, seed),
        "devices": {a: {b: kendall(costs[a], costs[b]) for b in costs} for a in costs},
    }  # fmt: skip
    folder = make_folder(Path(out))
    write_json(folder / "results.json", results, within=folder)
    with replacing(folder / "page.md") as file:
        file.write(part_page(results).encode())
    return folder


def _fits(space: Space, archs: Archs, values: Doubles, n: Sequence[int], how: tuple[int, int]) -> list[Row]:
    """Fit main effects, and pairs, to labels, and judge them by what they have not seen."""
    found: list[Row] = []
    for size in n:
        for name, order in (("main effects", 1), ("with pairs", 2)):
            told = []
            for repetition in range(how[0]):
                rows = np.random.default_rng((how[1], size, repetition)).permutation(len(archs))
                seen, other = rows[:size], rows[size:]
                told.append(
                    judge_fit(
                        space, archs[seen], values[seen], archs[other], values[other], metric=ACCURACY, order=order
                    )
                )
            row: Row = {"n": size, "by": name}
            for key in told[0]:
                column = np.array([each[key] for each in told])
                row |= {key: float(column.mean()), f"{key}_se": float(column.std(ddof=1) / np.sqrt(len(told)))}
            found.append(row)
    return found


def _unlabelled(space: Space, archs: Archs, values: Doubles, scored: tuple[int, int | None], *, seed: int) -> list[Row]:
    """Judge what takes no label: counted costs on all archs, and beside zero-cost scores on those that are scored."""
    found = [row | {"on": "all"} for row in rank_unlabelled(space, archs, values, {})]
    n, size = scored
    if n:
        picked = np.random.default_rng(seed).permutation(len(archs))[:n]
        scores = score_archs(space if size is None else at_size(space, size), archs[picked])
        columns = {name: np.asarray(each) for name, each in scores.items()}
        found += [row | {"on": "scored"} for row in rank_unlabelled(space, archs[picked], values[picked], columns)]
    return found


def _responses(space: Space, archs: Archs, values: Mapping[str, Doubles]) -> Profile:
    weights, how, _ = weigh_archs(space, archs, law="papers")
    labelled = {name: LabelledArchs(archs, each, weights, how) for name, each in values.items()}
    info = {name: MetricInfo("", "trained", 0.0) for name in values}
    return Profile(label_responses(space, labelled, info=info, settings=Settings(taus=())))


def _plans(space: Space, archs: Archs, values: Doubles, n: Sequence[int], how: tuple[int, int]) -> list[Row]:
    """Compare archs that were planned with archs that were drawn: the error of block effects against all archs'."""
    whole = _responses(space, archs, {ACCURACY: values}).rows("M_b")[[*KEYS, "effect"]]
    number = {arch.tobytes(): place for place, arch in enumerate(archs)}
    found: list[Row] = []
    for size in n:
        errors: list[tuple[float, float]] = []
        for repetition in range(how[0]):
            rng = np.random.default_rng((how[1], size, repetition))
            offered = archs[rng.permutation(len(archs))[: max(2 * size, len(archs) // 2)]]
            planned = plan_archs(space, size, candidates=offered)
            both = []
            for chosen in (planned, offered[:size]):
                rows = np.array([number[arch.tobytes()] for arch in chosen])
                try:
                    profile = _responses(space, archs[rows], {ACCURACY: values[rows]})
                except DataError:  # A few drawn archs need not hold every choice.
                    break
                mine = profile.rows("M_b").merge(whole, on=KEYS)
                both.append(float(np.mean((mine["effect_x"] - mine["effect_y"]) ** 2)))
            if len(both) == 2:
                errors.append((both[1], both[0]))
        found.append(plan_row(errors) | {"n": size, "statistic": "M_b", "tried": how[0]})
    return found


def _factors(space: Space, archs: Archs, values: Doubles, costs: Mapping[str, Doubles], seed: int) -> list[Row]:
    """Tell what a step of each factor brings and costs, from one half of the archs and from the other."""
    rows = np.random.default_rng(seed).permutation(len(archs))
    halves = {}
    for half, part in (("fitted", rows[::2]), ("judged", rows[1::2])):
        shares = {name: 100 * each[part] / each.mean() for name, each in costs.items()}
        halves[half] = _responses(space, archs[part], {ACCURACY: values[part], **shares})
    steps = halves["fitted"].rows("M_factor", ACCURACY)
    found: list[Row] = []
    for step in steps[steps["u"] == 0]["block"]:
        row: Row = {"step": step}
        for half, profile in halves.items():
            for metric in (ACCURACY, *costs):
                one = profile.rows("M_factor", metric)
                one = one[(one["u"] == 0) & (one["block"] == step)].iloc[0]
                row[f"{metric} {half}"] = {"effect": float(one["effect"]), "se": float(one["se"])}
        found.append(row)
    return found
