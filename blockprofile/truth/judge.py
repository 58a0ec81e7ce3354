"""`judge`: what labels, prunings and searches are worth, counted over repetitions, as a stage of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import blockprofile
from blockprofile.errors import OptionError
from blockprofile.files import make_folder
from blockprofile.journalfile import append_line, open_journal
from blockprofile.jsonfile import digest_of, write_json
from blockprofile.options import Options
from blockprofile.predict import kendall
from blockprofile.profile import explain_by_order
from blockprofile.prune import OWN_SHARE, RISK, scale_of
from blockprofile.run import Execution, run_tasks, show_progress
from blockprofile.truth.page import write_page
from blockprofile.truth.repetition import DEFAULT, known_truth, name_of, repeat
from blockprofile.truth.scores import check_scored, plan_row, rank_unlabelled, score_archs
from blockprofile.truth.table import Truth
from blockprofile.truth.words import told_source

JOURNAL = "judged.jsonl"
PART = 25
"""Archs that are scored in one task."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats(Options):
    """How often everything is done, its seed, and in how many processes, on which no result depends."""

    repetitions: int = 100
    seed: int = 0
    workers: int | str = 1


HUNDRED = Repeats()


def judge(
    space: str,
    *,
    metric: str,
    out: str | Path,
    costs: Sequence[str] = ("macs_m", "params_m"),
    n: Sequence[int] = (50, 200, 1000),
    searched: Sequence[int] = (50, 200),
    scored: int = 0,
    repeats: Repeats = HUNDRED,
) -> Path:
    """Judge by a table of all archs of a space, each trained several times; what was killed goes on where it was.

    Labels are single trainings of archs drawn at random; everything that is made of them is judged by the other
    trainings of all archs.

    Parameters
    ----------
    space, metric
        A space, and a predictor that is a table of all its archs.
    out
        The folder: ``results.json``, the page and figures, and the journal of what is done.
    costs
        Metrics that add up: limits are set on each of them.
    n
        How many archs are labelled.
    searched
        For which of them searches are compared: as many trainings more, in the pruned space, against all of them in
        the whole space; and planned labels with drawn ones.
    scored
        How many archs zero-cost scores are judged on; 0 leaves them out.
    repeats
        How often. The first half chooses what is taken as archs' own, the second is reported of prunings.

    Returns
    -------
    The folder.

    Raises
    ------
    OptionError
        If a number is out of range.
    DataError
        If the metric is no table of all archs.
    """
    repetitions, seed = repeats.repetitions, repeats.seed
    if repetitions < 4 or min(n) < 20 or not set(searched) <= set(n):
        raise OptionError("judge takes 4 repetitions and 20 labels at least, and searches after numbers among n")
    check_scored(scored)
    truth, priced, _ = known_truth(space, metric, tuple(costs))
    if max(n) > len(truth.archs):
        raise OptionError(f"n is {max(n)}; space {space!r} has {len(truth.archs)} archs")
    folder = make_folder(Path(out))
    half = repetitions // 2
    what = (space, metric, tuple(costs))
    picked = np.random.default_rng(seed).permutation(len(truth.archs))[:scored]
    tasks: dict[str, tuple[Any, ...]] = {
        f"scores {low}": ("scores", what, picked[low : low + PART]) for low in range(0, scored, PART)
    }
    tasks |= {
        f"{size} labels {each}": ("labels", what, (size, each, seed, size in searched))
        for each in range(repetitions)
        for size in n
    }
    found = _run(folder, f"judging {space}", tasks, workers=repeats.workers)
    rows: dict[str, list[Row]] = {}
    for key in (key for key in tasks if not key.startswith("scores")):
        for name, more in found[key].items():
            rows.setdefault(name, []).extend(more)
    results = {
        "space": space, "metric": truth.metric, "source": told_source(truth.source.card),
        "again": kendall(truth.runs[:, 0], truth.runs[:, 1]), "archs": len(truth.archs), "runs": truth.n_runs,
        "spread": truth.spread, "repetitions": repetitions, "seed": seed, "n": list(n), "costs": list(costs),
        "limits": {name: cost.limits.tolist() for name, cost in priced.items()},
        "explained": _explained(truth), "default": name_of(*DEFAULT), "own": OWN_SHARE, "risk": RISK,
        "estimates": summarise(rows["estimates"], ("n", "how", "statistic")),
        "chosen_on": summarise([r for r in rows["prunings"] if r["repetition"] < half], ("n", "cost", "how")),
        "prunings": summarise([r for r in rows["prunings"] if r["repetition"] >= half], ("n", "cost", "how")),
        "searches": summarise(rows.get("searches", []), ("n", "cost", "algorithm", "where")),
        "plans": _factors_of(rows.get("plans", [])),
        "fits": summarise(rows["fits"], ("n", "by")),
        "unlabelled": _unlabelled(truth, picked, [found[key]["scores"] for key in tasks if key.startswith("scores")]),
    }  # fmt: skip
    write_json(folder / "results.json", results, within=folder)
    write_page(folder, results)
    return folder


def _explained(truth: Truth) -> Row:
    """Tell what main effects and pairs explain of the truth, on its own scale and on that of the error."""
    values = truth.runs.mean(axis=1)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(values))[:2000]
    found = {}
    for name, column in {"points": values, "log error": scale_of(truth.metric, values).to(values)}.items():
        told = explain_by_order(truth.space, truth.archs[chosen], column[chosen])
        assert told is not None
        found[name] = {"main": told.main, "both": told.both, "archs": told.n}
    return found


def _run(folder: Path, title: str, tasks: Mapping[str, tuple[Any, ...]], *, workers: int | str) -> dict[str, Any]:
    """Do what is not done yet, and return what every task found."""
    digest = digest_of([str(task) for task in tasks.values()])
    head = {"judged": digest, "version": blockprofile.__version__}
    done = {line["task"]: line["found"] for line in open_journal(folder / JOURNAL, head, what="judgement")}
    left = [key for key in tasks if key not in done]
    with show_progress(title, len(left)) as advance:
        for key, found in zip(
            left, run_tasks(_do, (tasks[key] for key in left), Execution(workers=workers, backend="loky")), strict=True
        ):
            append_line(folder / JOURNAL, {"task": key, "found": found})
            done[key] = json.loads(json.dumps(found))
            advance(1)
    return done


def _do(kind: str, what: tuple[str, str, tuple[str, ...]], trial: Any) -> dict[str, Any]:
    if kind == "scores":
        truth = known_truth(*what)[0]
        return {"scores": score_archs(truth.space, truth.archs[trial])}
    return repeat(what, trial)


def _unlabelled(truth: Truth, picked: NDArray[np.int64], parts: Sequence[Mapping[str, Sequence[float]]]) -> list[Row]:
    if not parts:
        return []
    scores = {name: np.concatenate([np.asarray(part[name], np.float64) for part in parts]) for name in parts[0]}
    return rank_unlabelled(truth.space, truth.archs[picked], truth.runs[picked].mean(axis=1), scores)


def _factors_of(rows: Sequence[Row]) -> list[Row]:
    found = []
    for n, statistic in dict.fromkeys((row["n"], row["statistic"]) for row in rows):
        part = [row for row in rows if (row["n"], row["statistic"]) == (n, statistic)]
        found.append(
            {"n": n, "statistic": statistic, "tried": len(part)} | plan_row([(r["drawn"], r["planned"]) for r in part])
        )
    return found


def summarise(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """Average the figures of all repetitions, with the standard error of each; shares limit by limit too."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    found = []
    for key, members in groups.items():
        line: Row = dict(zip(keys, key, strict=True))
        line["repetitions"] = len({member["repetition"] for member in members})
        for name in members[0]:
            if name in keys or name == "repetition":
                continue
            column = np.array([member[name] for member in members], np.float64)
            line[name] = column.mean(axis=0).tolist()
            if column.ndim == 1:
                spread = column.std(ddof=1) if len(column) > 1 else 0.0
                line[f"{name}_se"] = float(spread / np.sqrt(line["repetitions"]))
        if "most" in line:
            line["most_95"] = float(np.quantile([member["most"] for member in members], 0.95))
        found.append(line)
    return found
