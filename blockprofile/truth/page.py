"""Writing what was judged as a page: every figure in it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blockprofile.files import make_folder, replacing

__all__ = [
    "fit_rows",
    "markdown_table",
    "plan_rows",
    "scores_words",
    "sentences",
    "share",
    "share_of",
    "unlabelled_rows",
    "write_page",
]

Row = Mapping[str, Any]


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a table.

    Examples
    --------
    >>> print(markdown_table([{"a": 1, "b": "x"}]))
    | a | b |
    |---|---|
    | 1 | x |
    """
    head = list(rows[0]) if rows else []
    lines = [head, ["---"] * len(head), *([str(row[name]) for name in head] for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], text[1].replace(" ", ""), *text[2:]]) if rows else ""


def share(value: float, error: float | None = None) -> str:
    """Write a share in per cent, with the half-width of its 95 % interval.

    Examples
    --------
    >>> share(0.5, 0.05), share(0.98765)
    ('50 ± 10 %', '99 %')
    """
    digits = 0 if value > 0.1 else 1
    told = f"{100 * value:.{digits}f}"
    return f"{told} %" if error is None else f"{told} ± {196 * error:.{digits}f} %"


def share_of(value: float, n: int) -> str:
    """Write how often of ``n`` times something held, with the 95 % interval of Wilson, which is never of width 0.

    Examples
    --------
    >>> share_of(1.0, 50), share_of(0.5, 20)
    ('100 % (93 to 100)', '50 % (30 to 70)')
    """
    from scipy.stats import binomtest

    found = binomtest(round(value * n), n).proportion_ci(method="wilson")
    return f"{100 * value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def fit_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out how fitted labels rank and foretell archs that were not labelled."""
    return [
        {
            "labels": row["n"], "fitted": row["by"], "Kendall's tau": f"{row['tau']:.3f} ± {1.96 * row['tau_se']:.3f}",
            "explained": share(row["explained"]), "RMSE": f"{row['rmse']:.3f}",
            "95 % intervals that hold": share(row["covered"], row["covered_se"]),
        }
        for row in rows
    ]  # fmt: skip


def unlabelled_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out how archs are ranked by what takes no label."""
    return [
        {
            "ranked by": row["by"], "archs": f"{row['archs']:,}",
            "Kendall's tau": f"{row['tau']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
            "among the best quarter": f"{row['best']:.3f}",
        }
        for row in rows
    ]  # fmt: skip


def scores_words(rows: Sequence[Row]) -> str:
    """Say whether a zero-cost score ranks better than the better of multiply-adds and parameters, beyond doubt."""
    counted = max((row for row in rows if row["by"] in {"macs_m", "params_m"}), key=lambda row: float(row["tau"]))
    scores = [row for row in rows if row["by"] not in {"macs_m", "params_m"}]
    better = [row["by"] for row in scores if row["low"] > counted["high"]]
    worse = [row["by"] for row in scores if row["high"] < counted["low"]]
    told = f"Against {counted['by']}, the better of the counted costs (tau {counted['tau']:.2f}): "
    parts = [(better, "better beyond doubt"), (worse, "worse beyond doubt")]
    rest = [row["by"] for row in scores if row["by"] not in {*better, *worse}]
    return (
        told + "; ".join(f"{', '.join(names)} {what}" for names, what in [*parts, (rest, "undecided")] if names) + "."
    )


def plan_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out what planned labels are worth beside drawn ones."""
    return [
        {
            "labels": row["n"], "effects": {"M_b": "M_b", "M_ulb": "M_(u,l,b)"}[row["statistic"]],
            **{name: "" if row[name] is None else f"{row[name]:.4f}" for name in ("drawn", "planned")},
            "times": "" if row["factor"] is None else f"{row['factor']:.2f} ± {1.96 * row['factor_se']:.2f}",
            "repetitions": f"{row['repetitions']} of {row['tried']}",
        }
        for row in rows
    ]  # fmt: skip


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
    old = ", ".join(share(row["kept"]) for row in main)
    middle = [_find(results["estimates"], n=n, how="sharp", statistic="M_ulb") for n in ns]
    covered = ", ".join(share(row["covered"]) for row in middle)
    numbers = ", ".join(map(str, ns))
    return [
        f"Judged by all {results['archs']:,} networks of NAS-Bench-Macro, each trained {results['runs']} times, the "
        "default pruning of labelled networks loses the best network within any limit of multiply-adds by no "
        "more than "
        f"the noise of a training in: {each} ({half} repetitions that chose nothing).",
        f"Pruning by main effects alone, the default before, manages that in {old}.",
        f"The 95 % intervals of block effects from {numbers} networks trained once hold for the truth in {covered}.",
    ]


def write_page(folder: Path, results: Row) -> None:
    """Write the page and its figures.

    Parameters
    ----------
    folder
        Gets ``page.md`` and ``images/``.
    results
        What `blockprofile.truth.judge` found.
    """
    from blockprofile.plot import truth_figures

    truth_figures(make_folder(folder / "images"), results)
    with replacing(folder / "page.md") as file:
        file.write(_page(results).encode())


def _page(results: Row) -> str:
    explained, ours = results["explained"], results["default"]
    head, half = sentences(results), results["repetitions"] - results["repetitions"] // 2
    parts = [
        "# Ground truth: every network of a space, trained",
        f"Every figure here is computed by `blockprofile run truth_macro`, here with `repetitions: "
        f"{results['repetitions']}`. The truth is NAS-Bench-Macro (Su "
        "et al., CVPR 2021, "
        f"Apache-2.0): all {results['archs']:,} archs of a space of three choices in eight layers, each "
        "trained from scratch "
        f"{results['runs']} times on CIFAR-10; two trainings of one arch differ by a standard deviation of "
        f"{results['spread']:.3g} points. Labels are single trainings of archs drawn at random, "
        f"{results['repetitions']} "
        "times; whatever is made of them is judged by the other two trainings of all archs. No device table "
        "covers this space at "
        "32 pixels, so the limits are those of counted costs: multiply-adds, and parameters.",
        " ".join(head),
        "## What blocks are worth: estimates against the truth",
        "![Error and coverage of block effects](images/truth_macro_estimates.png)",
        markdown_table([_estimate_row(row) for row in results["estimates"]]),
        "Error: root mean square over effects and repetitions; bias: of the size of an effect, in per cent "
        "of the mean "
        "size. *Main effects first* is the default of `blockprofile profile labels.csv`; *averaged* is `--plain`.",
        "## Blocks depend on each other, and the scale is half of it",
        f"Main effects explain {share(explained['points']['main'])} of the variance of accuracy between archs "
        "that were left out, "
        f"with pairs {share(explained['points']['both'])}. On the scale of the logarithm of the error it is "
        f"{share(explained['log error']['main'])} and {share(explained['log error']['both'])}: most of what "
        "looks like "
        "interaction is that nothing adds much where little is wrong. Pruning by pairs therefore adds up on "
        "that scale.",
        "## Foretelling archs that were not labelled",
        markdown_table(fit_rows(results["fits"])),
        f"Means of {results['repetitions']} draws of labels, judged by another training of every arch that was not "
        "labelled: two such trainings rank each other with a tau of 0.88. Intervals: how often the 95 % interval for "
        "one training holds it.",
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
        "Where it fails: *the truth* shows how much more could go. With less taken as an arch's own more goes, and the "
        "promise is broken more often, most of all from many labels, when the model is sure of itself.",
        "## Does pruning help a search?",
        _search_words(results["searches"]),
        markdown_table([_search_row(row) for row in results["searches"]]),
        "Lack: true accuracy of the arch that trained best within a limit, less that of the truly best, on "
        "average over limits "
        "and repetitions. As many trainings in all three columns: *pruned* and *whole, labels too* spend "
        "half of them on labels "
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
    """Say where each search lacks least, trainings of labels counted."""
    found = []
    for n in dict.fromkeys(row["n"] for row in rows):
        for algorithm in dict.fromkeys(row["algorithm"] for row in rows):
            mine = [row for row in rows if (row["n"], row["algorithm"]) == (n, algorithm)]
            best = min(mine, key=lambda row: float(row["lack"]))
            found.append(f"{algorithm}, {2 * n} trainings: {best['where']}")
    by_place = {(row["n"], row["algorithm"], row["where"]): float(row["lack"]) for row in rows}
    keys = dict.fromkeys(key[:2] for key in by_place)
    better = sum(by_place[(*key, "pruned")] < by_place[(*key, "whole, labels too")] for key in keys)
    return (
        f"Where each search lacks least, the trainings of labels counted: {'; '.join(found)}. Where the labels are "
        f"there anyway, the pruned space lacks less than the whole one in {better} of {len(keys)} comparisons."
    )


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
