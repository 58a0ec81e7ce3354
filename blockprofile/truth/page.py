"""Writing what was judged as a page: every figure in it is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blockprofile.files import make_folder, replacing
from blockprofile.plot import metric_title, truth_figures
from blockprofile.truth.words import (
    fit_rows,
    markdown_table,
    plan_rows,
    scores_words,
    share,
    share_of,
    source_words,
    unlabelled_rows,
)

Row = Mapping[str, Any]


def _find(rows: Sequence[Row], **where: object) -> Row:
    return next(row for row in rows if all(row[key] == value for key, value in where.items()))


def sentences(results: Row) -> list[str]:
    """Say what was found, for a headline."""
    cost, half = results["costs"][0], results["repetitions"] - results["repetitions"] // 2
    ours, ns = results["default"], results["n"]
    rows = [_find(results["prunings"], n=n, cost=cost, how=ours) for n in ns]
    main = [_find(results["prunings"], n=n, cost=cost, how="main effects") for n in ns]
    each = "; ".join(
        f"from {n} labels {share_of(row['kept'], half)} of the repetitions, with {share(1 - row['left'])} of the space "
        "gone"
        for n, row in zip(ns, rows, strict=True)
    )
    old = ", ".join(share_of(row["kept"], half) for row in main)
    covered = {
        name: ", ".join(share(_find(results["estimates"], n=n, how="sharp", statistic=name)["covered"]) for n in ns)
        for name in ("M_ulb", "M_b")
    }
    numbers = ", ".join(map(str, ns))
    return [
        f"Judged by all {results['archs']:,} networks of {results['space']}, each trained {results['runs']} times, the "
        f"default pruning of labelled networks loses the best network within any limit of {metric_title(cost)} by no "
        f"more than the noise of a training in: {each} ({half} repetitions that chose nothing).",
        f"Pruning by main effects alone manages that in {old}.",
        f"The 95 % intervals of a block's effect from {numbers} networks trained once hold for the truth at one place "
        f"in {covered['M_ulb']}, over the whole network in {covered['M_b']}.",
    ]


def write_page(folder: Path, results: Row) -> None:
    """Write the page and its figures."""
    truth_figures(make_folder(folder / "images"), results)
    with replacing(folder / "page.md") as file:
        file.write(_page(results).encode())


def _page(results: Row) -> str:
    explained, ours = results["explained"], results["default"]
    head, half = sentences(results), results["repetitions"] - results["repetitions"] // 2
    parts = [
        "# Ground truth: every network of a space, trained",
        f"Every figure here is computed by `judge`, a stage of studies, here with `repetitions: "
        f"{results['repetitions']}`. {source_words(results['source'])} All {results['archs']:,} archs of the space "
        f"were trained {results['runs']} times; two trainings of one arch differ by a standard deviation of "
        f"{results['spread']:.3g} points. Labels are single trainings of archs drawn at random, "
        f"{results['repetitions']} times; whatever is made of them is judged by the other trainings of all archs. The "
        f"limits are those of {' and of '.join(metric_title(name) for name in results['costs'])}.",
        " ".join(head),
        "## What blocks are worth: estimates against the truth",
        "![Error and coverage of block effects](images/truth_macro_estimates.png)",
        markdown_table([_estimate_row(row) for row in results["estimates"]]),
        "Error: root mean square over effects and repetitions; bias: of the size of an effect, in per cent "
        "of the mean "
        "size. *Main effects first* is the default of `blockprofile profile labels.csv`; *averaged* is `--plain`.",
        "## What pairs of choices add, and on which scale",
        f"Main effects explain {share(explained['points']['main'])} of the variance of accuracy between archs that "
        f"were left out, with pairs {share(explained['points']['both'])}. On the scale of the logarithm of the error, "
        f"on which pruning by pairs adds up, it is {share(explained['log error']['main'])} and "
        f"{share(explained['log error']['both'])}.",
        "## Foretelling archs that were not labelled",
        markdown_table(fit_rows(results["fits"])),
        f"Means of {results['repetitions']} draws of labels, judged by another training of every arch that was not "
        f"labelled: two such trainings rank all archs alike with a tau of {results['again']:.2f}. Intervals: how often "
        "the 95 % interval for one training holds it.",
        *_unlabelled_parts(results["unlabelled"]),
        "## Planned labels against drawn ones",
        markdown_table(plan_rows(results["plans"])),
        "Mean squared error of block effects (points squared) from archs that `blockprofile label plan` chose, against "
        "archs drawn at random; *times*: how many times as precise the plan is, which is how many times as many drawn "
        "labels it stands for, with its 95 % interval.",
        "## What a pruning keeps",
        "![Share of repetitions that lose less than the noise, against what is left](images/truth_macro_kept.png)",
        markdown_table([_pruning_row(row, ours) for row in results["prunings"]]),
        f"Kept: repetitions in which the best arch that is left lacks no more than {results['spread']:.3g} "
        "points at any of twenty "
        "limits (5 %, 10 %, ... of all archs are within). Survives: how often the very best arch within a "
        "limit is left, "
        "averaged over limits. Lack: the greatest of a repetition, its mean and its 95 % quantile. Random "
        "prunings have the "
        f"size of those by pairs. *The truth* prunes by what it is judged by: what could go at most. {half} "
        "repetitions; the others chose the share of what is not explained that is taken as every arch's own, and the "
        "risk that the model is allowed:",
        "![How often the best arch survives](images/truth_macro_survival.png)",
        markdown_table([_pruning_row(row, ours) for row in results["chosen_on"] if row["how"].startswith("pairs")]),
        "*The truth* shows how much more could go; the rows of a smaller share or a greater risk, what more goes and "
        "how often the promise is then broken.",
        "## Does pruning help a search?",
        _search_words(results["searches"]),
        markdown_table([_search_row(row) for row in results["searches"]]),
        "Lack: true accuracy of the arch that trained best within a limit, less that of the truly best, on "
        "average over limits and repetitions; where none that was trained is within a limit, the worst arch there is "
        "taken. As many trainings in all three columns: *pruned* and *whole, labels too* spend half of them on labels "
        "that were drawn at random and choose from these as well; *whole* searches with all of them.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _unlabelled_parts(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    return [
        "## Without a label",
        markdown_table(unlabelled_rows(rows)),
        "Kendall's tau with the mean of all trainings, its 95 % interval (bootstrap over archs), and among the best "
        "quarter. Zero-cost scores are of networks at their initial weights on images of noise. " + scores_words(rows),
    ]


def _search_words(rows: Sequence[Row]) -> str:
    """Say where a search in the pruned space lacks less than one in the whole, beyond doubt, and where more."""
    found = {(row["algorithm"], row["n"], row["where"]): row for row in rows}
    keys = dict.fromkeys(key[:2] for key in found)
    told = []
    for where, what in (
        ("whole", "Against a search of the whole space that spends on trainings what the labels cost"),
        ("whole, labels too", "Where the labels are there anyway"),
    ):
        sides: dict[str, list[str]] = {"less": [], "more": [], "undecided": []}
        for algorithm, n in keys:
            ours, other = (found[algorithm, n, side] for side in ("pruned", where))
            apart, error = ours["lack"] - other["lack"], math.hypot(ours["lack_se"], other["lack_se"])
            side = "undecided" if abs(apart) <= 1.96 * error else "less" if apart < 0 else "more"
            sides[side].append(f"{algorithm} ({2 * n})")
        named = "; ".join(f"{side}: {', '.join(names)}" for side, names in sides.items() if names)
        told.append(f"{what}, the search in the pruned space lacks {named}.")
    return " ".join(told) + " In brackets the trainings. Undecided: within the 95 % interval of two separate means."


def _estimate_row(row: Row) -> dict[str, object]:
    return {
        "labels": row["n"], "effects": {"M_b": "M_b", "M_ulb": "M_(u,l,b)"}[row["statistic"]],
        "how": {"sharp": "main effects first", "plain": "averaged"}[row["how"]], "error": f"{row['rmse']:.3f}",
        "bias": f"{100 * row['bias']:+.1f} ± {196 * row['bias_se']:.1f} %", "half-width": f"{row['half']:.3f}",
        "intervals that hold": share(row["covered"], row["covered_se"]),
    }  # fmt: skip


def _pruning_row(row: Row, ours: str) -> dict[str, object]:
    name = f"**{ours} (default)**" if row["how"] == ours else row["how"]
    return {
        "labels": row["n"], "limits of": row["cost"], "pruned by": name, "archs left": share(row["left"]),
        "kept": share_of(row["kept"], row["repetitions"]), "survives": share(row["survives"]),
        "lack": f"{row['most']:.2f}, {row['most_95']:.2f}", "hypervolume": share(row["hypervolume"]),
    }  # fmt: skip


def _search_row(row: Row) -> dict[str, object]:
    return {
        "trainings": 2 * row["n"], "search": row["algorithm"], "where": row["where"],
        "lack": f"{row['lack']:.3f} ± {1.96 * row['lack_se']:.3f}",
    }  # fmt: skip
