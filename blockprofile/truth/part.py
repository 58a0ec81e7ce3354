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

from blockprofile.content import content_dir
from blockprofile.errors import DataError, OptionError
from blockprofile.files import make_folder, replacing
from blockprofile.jsonfile import write_json
from blockprofile.label import plan_archs
from blockprofile.options import Options
from blockprofile.predict import LabelledArchs, load_predictors, number_archs, read_labels, weigh_archs
from blockprofile.profile import MetricInfo, Profile, Settings, fit_pair_model, label_responses
from blockprofile.prune import scale_of
from blockprofile.space import Archs, Space, load_space
from blockprofile.truth.page import markdown_table, share

__all__ = ["judge_part", "kendall"]

Doubles = NDArray[np.float64]
Row = dict[str, Any]
KEYS = ["statistic", "u", "layer", "block", "depth"]
ACCURACY = "top1_percent"


def kendall(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Kendall's tau-b."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostColumns(Options):
    """The columns of a table that are costs: ``speeds`` of images a second, a latency is a thousand over it; and ms."""

    speeds: Sequence[str] = ()
    latencies: Sequence[str] = ()


NO_COSTS = CostColumns()


def judge_part(
    space: str,
    *,
    trained: str,
    out: str | Path,
    columns: CostColumns = NO_COSTS,
    n: Sequence[int] = (200, 1000),
    repetitions: int = 20,
    spread: float = 0.27,
    seed: int = 0,
) -> Path:
    """Judge by a table of some trained archs: fit to a part, judge by the rest.

    Parameters
    ----------
    space
        The space.
    trained
        A file of the content folder ``data``, with a column ``top1_percent``.
    out
        The folder: ``results.json`` and ``page.md``.
    columns
        What archs cost.
    n
        How many archs are labelled.
    repetitions
        How often.
    spread
        The standard deviation between two trainings of an arch.
    seed
        Of everything.

    Raises
    ------
    OptionError
        If more archs are to be labelled than half of those that are there.
    DataError
        If the table cannot be read or lacks a column.
    """
    where = load_space(space)
    path = content_dir("data") / trained
    if not path.resolve().is_relative_to(content_dir("data").resolve()):
        raise DataError(f"{trained!r} leaves the folder of the data")
    labels = read_labels(path, where)
    values = {name: labels.labels[name] for name in (ACCURACY, *columns.speeds, *columns.latencies)}
    costs = {name.partition(":")[2]: 1000 / values[name] for name in columns.speeds}
    costs |= {name.partition(":")[2]: values[name] for name in columns.latencies}
    first, _ = number_archs(labels.archs)
    whole = first[np.all([np.isfinite(each[first]) for each in values.values()], axis=0)]
    archs, accuracy = labels.archs[whole], values[ACCURACY][whole]
    costs = {name: each[whole] for name, each in costs.items()}
    if 2 * max(n) > len(archs):
        raise OptionError(
            f"n is {max(n)}; {trained} has {len(archs)} archs that have all figures, half are to judge by"
        )
    results = {
        "space": space, "archs": len(archs), "spread": spread, "repetitions": repetitions,
        "fits": _fits(where, archs, accuracy, n, (repetitions, seed)),
        "plans": _plans(where, archs, accuracy, n, (repetitions, seed)),
        "factors": _factors(where, archs, accuracy, costs, seed),
        "devices": {a: {b: kendall(costs[a], costs[b]) for b in costs} for a in costs},
    }  # fmt: skip
    folder = make_folder(Path(out))
    write_json(folder / "results.json", results, within=folder)
    with replacing(folder / "page.md") as file:
        file.write(_page(results).encode())
    return folder


def _fits(space: Space, archs: Archs, values: Doubles, n: Sequence[int], how: tuple[int, int]) -> list[Row]:
    """Fit main effects, and pairs, to labels, and tell how they rank what they have not seen; and what is counted."""
    scale = scale_of(ACCURACY, values)
    known = load_predictors(space, metrics=["macs_m", "params_m"])
    counted = {each.metric: each.predict(archs).astype(np.float64) for each in known}
    found: list[Row] = []
    for size in n:
        for name, order in (("main effects", 1), ("with pairs", 2)):
            taus, shares = [], []
            for repetition in range(how[0]):
                rng = np.random.default_rng((how[1], size, repetition))
                rows = rng.permutation(len(archs))
                seen, other = rows[:size], rows[size:]
                model = fit_pair_model(space, archs[seen], scale.to(values[seen]), order=order)
                told = scale.back(model.mean()(archs[other])[0])
                taus.append(kendall(told, values[other]))
                shares.append(1 - np.mean((told - values[other]) ** 2) / np.var(values[other]))
            error = float(np.std(taus, ddof=1) / np.sqrt(len(taus)))
            row = {"labels": size, "by": name, "tau": float(np.mean(taus)), "tau_se": error}
            found.append(row | {"explained": float(np.mean(shares))})
    for name, each in counted.items():
        found.append({"labels": 0, "by": name, "tau": kendall(each, values), "tau_se": 0.0, "explained": None})
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
        errors: dict[str, list[float]] = {"drawn": [], "planned": []}
        for repetition in range(how[0]):
            rng = np.random.default_rng((how[1], size, repetition))
            offered = archs[rng.permutation(len(archs))[: max(2 * size, len(archs) // 2)]]
            planned = plan_archs(space, size, candidates=offered)
            for name, chosen in (("drawn", offered[:size]), ("planned", planned)):
                rows = np.array([number[arch.tobytes()] for arch in chosen])
                try:
                    profile = _responses(space, archs[rows], {ACCURACY: values[rows]})
                except DataError:  # A few drawn archs need not hold every choice.
                    continue
                mine = profile.rows("M_b").merge(whole, on=KEYS)
                errors[name].append(float(np.mean((mine["effect_x"] - mine["effect_y"]) ** 2)))
        mean = {name: float(np.mean(each)) if each else None for name, each in errors.items()}
        by_draw, by_plan = mean["drawn"], mean["planned"]
        found.append({"labels": size, **mean, "factor": by_draw / by_plan if by_draw and by_plan else None})
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


def _rate(row: Row, device: str, half: str) -> tuple[float, float]:
    """Return accuracy points for a per cent of latency, and the standard error of that."""
    gain, cost = row[f"{ACCURACY} {half}"], row[f"{device} {half}"]
    rate = gain["effect"] / cost["effect"]
    return rate, abs(rate) * float(np.hypot(gain["se"] / gain["effect"], cost["se"] / cost["effect"]))


def _best_step(results: Mapping[str, Any], device: str) -> str:
    """Return the step that brings most for a per cent of latency."""
    rates = [_rate(row, device, "fitted")[0] for row in results["factors"]]
    return str(results["factors"][int(np.argmax(rates))]["step"])


def sentence(results: Mapping[str, Any]) -> str:
    """Say what was found, for a headline."""
    fits = {(row["labels"], row["by"]): row["tau"] for row in results["fits"]}
    sizes = sorted({row["labels"] for row in results["fits"]} - {0})
    taus = " and ".join(f"{fits[size, 'with pairs']:.2f} ({size} labels)" for size in sizes)
    devices = list(results["devices"])
    least = min(results["devices"][a][b] for a in devices for b in devices)
    return (
        f"Of {results['archs']:,} networks of Accel-NASBench, trained on ImageNet, a part ranks those that were not "
        f"used with a Kendall's tau of {taus}, multiply-adds with {fits[0, 'macs_m']:.2f}; times on "
        f"{', '.join(devices)} disagree, down to a tau of {least:.2f} between two of them."
    )


def _page(results: Mapping[str, Any]) -> str:
    devices = list(results["devices"])
    fits = [
        {"labels": row["labels"] or "", "ranked by": row["by"], "Kendall's tau": f"{row['tau']:.3f} ± "
         f"{1.96 * row['tau_se']:.3f}", "explained": "" if row["explained"] is None else share(row["explained"])}
        for row in results["fits"]
    ]  # fmt: skip
    plans = [
        {"labels": row["labels"], **{name: "cannot be weighted to the law" if row[name] is None else f"{row[name]:.4f}"
         for name in ("drawn", "planned")}, "times": "" if row["factor"] is None else f"{row['factor']:.2f}"}
        for row in results["plans"]
    ]  # fmt: skip
    factors = []
    for row in results["factors"]:
        gain = row[f"{ACCURACY} fitted"]
        line: dict[str, object] = {
            "step": row["step"],
            "accuracy [points]": f"{gain['effect']:+.2f} ± {1.96 * gain['se']:.2f}",
        }
        for device in devices:
            rates = [_rate(row, device, half)[0] for half in ("fitted", "judged")]
            cost = row[f"{device} fitted"]["effect"]
            line[f"{device}: latency, points for 1 %"] = f"{cost:+.1f} %, {rates[0]:.3f} ({rates[1]:.3f})"
        factors.append(line)
    pairs = [{"": a, **{b: f"{results['devices'][a][b]:.3f}" for b in devices}} for a in devices]
    best = {device: _best_step(results, device) for device in devices}
    agree = len(set(best.values())) == 1
    told = "; ".join(f"{device}: {step}" for device, step in best.items())
    parts = [
        f"# Ground truth: {results['archs']:,} networks of a MnasNet space, on accelerators",
        f"Every figure here is computed by `blockprofile run truth_mnasnet`, here with `repetitions: "
        f"{results['repetitions']}`. {results['archs']:,} networks of "
        "Accel-NASBench "
        "(Ahmad et al., DAC 2024, Apache-2.0) were trained on ImageNet with a shortened schedule, one seed each; two "
        f"trainings differ by {results['spread']} points. Their time per image was measured on accelerators; "
        "the source "
        "does not state the batch.",
        sentence(results),
        "## Ranking networks that were not seen", markdown_table(fits),
        f"Means of {results['repetitions']} draws of labels, judged by all other networks. Multiply-adds and "
        "parameters need no labels.",
        "## Planned labels against drawn ones", markdown_table(plans),
        "Mean squared error of M_b against what all networks say (points squared); *times*: how many times "
        "as precise the plan is, which is how many "
        "times as many drawn labels it stands for. Plans could choose only among networks that were trained.",
        "## Which factors are worth their cost, and do devices agree?", markdown_table(factors),
        "One half of the networks; in brackets what the other half says of the rate. Latency in per cent of "
        "the device's "
        f"mean. The step that brings most for a per cent of latency: {told}. "
        + ("The devices agree on it." if agree else "The devices disagree."),
        markdown_table(pairs),
        "Kendall's tau between the times of whole networks on two devices.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"
