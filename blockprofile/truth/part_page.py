"""The page of `blockprofile.truth.part`: every figure in it is computed, and every comparison tested."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from blockprofile.truth.words import fit_rows, markdown_table, plan_rows, scores_words, source_words, unlabelled_rows

ACCURACY = "top1_percent"
Row = dict[str, Any]


def _rate(row: Row, device: str, half: str) -> float:
    """Return accuracy points for a per cent of latency."""
    return float(row[f"{ACCURACY} {half}"]["effect"] / row[f"{device} {half}"]["effect"])


def _lead(first: Row, second: Row, device: str, half: str) -> float:
    """Return by how many standard errors the first of two steps brings more for its latency than the second.

    Notes
    -----
    gain / cost of the first is greater where its gain times the other's cost is: a difference of products, whose error
    is small where that of a quotient by a small cost is not.
    """
    (gain, cost), (other_gain, other_cost) = (
        (row[f"{ACCURACY} {half}"], row[f"{device} {half}"]) for row in (first, second)
    )
    products = ((gain, other_cost), (other_gain, cost))
    difference = gain["effect"] * other_cost["effect"] - other_gain["effect"] * cost["effect"]
    error = np.sqrt(sum((x["effect"] * y["se"]) ** 2 + (y["effect"] * x["se"]) ** 2 for x, y in products))
    return float(difference / error) if error > 0 else float(np.sign(difference)) * np.inf


def _best_step(rows: Sequence[Row], device: str) -> Row:
    """Return the step that by the fitted half brings more for its latency than all others, or than most."""
    return max(rows, key=lambda row: sum(_lead(row, other, device, "fitted") > 0 for other in rows if other is not row))


def devices_words(results: Mapping[str, Any]) -> str:
    """Say which step pays most on each device, chosen by one half, and whether devices disagree, by the other half."""
    from scipy.stats import norm

    devices = list(results["devices"])
    best = {device: _best_step(results["factors"], device) for device in devices}
    told = "; ".join(f"{device}: {row['step']}" for device, row in best.items())
    apart = [(a, b) for a, b in itertools.combinations(devices, 2) if best[a] is not best[b]]
    bound = norm.isf(0.025 / max(len(apart), 1))
    verdicts: dict[str, list[str]] = {"disagree beyond doubt": [], "are undecided": []}
    for a, b in apart:
        least = min(_lead(best[a], best[b], a, "judged"), _lead(best[b], best[a], b, "judged"))
        verdicts["disagree beyond doubt" if least > bound else "are undecided"].append(f"{a} and {b}")
    said = "; ".join(f"{', '.join(pairs)} {what}" for what, pairs in verdicts.items() if pairs)
    verdict = f"By the other half {said}." if said else "The devices agree on it."
    return f"The step that brings most for a per cent of latency, by one half: {told}. {verdict}"


def sentence(results: Mapping[str, Any]) -> str:
    """Say what was found, for a headline."""
    fits = {(row["n"], row["by"]): row["tau"] for row in results["fits"]}
    taus = " and ".join(
        f"{fits[n, 'with pairs']:.2f} ({n} labels)" for n in sorted({row["n"] for row in results["fits"]})
    )
    macs = next(row["tau"] for row in results["unlabelled"] if row["by"] == "macs_m")
    told = (
        f"Of {results['archs']:,} trained networks a part ranks those that were not used with a Kendall's tau of "
        f"{taus}, multiply-adds with {macs:.2f}"
    )
    pairs = [results["devices"][a][b] for a, b in itertools.combinations(results["devices"], 2)]
    if not pairs:
        return f"{told}."
    return f"{told}; times on {', '.join(results['devices'])} rank them alike with a tau of {min(pairs):.2f} at least."


def _factor_row(row: Row, devices: Sequence[str]) -> dict[str, object]:
    gain = row[f"{ACCURACY} fitted"]
    line: dict[str, object] = {
        "step": row["step"], "accuracy [points]": f"{gain['effect']:+.2f} ± {1.96 * gain['se']:.2f}",
    }  # fmt: skip
    for device in devices:
        rates = [_rate(row, device, half) for half in ("fitted", "judged")]
        cost = row[f"{device} fitted"]["effect"]
        line[f"{device}: latency, points for 1 %"] = f"{cost:+.1f} %, {rates[0]:.3f} ({rates[1]:.3f})"
    return line


def _device_parts(results: Mapping[str, Any]) -> list[str]:
    """Set devices side by side; nothing where there are fewer than two."""
    devices = list(results["devices"])
    if len(devices) < 2:
        return []
    pairs = [{"": a, **{b: f"{results['devices'][a][b]:.3f}" for b in devices}} for a in devices]
    return [devices_words(results), markdown_table(pairs), "Kendall's tau between the times of archs on two devices."]


def _unlabelled_words(results: Mapping[str, Any]) -> str:
    told = "Kendall's tau with its 95 % interval (bootstrap over networks), and among the best quarter."
    scored = [row for row in results["unlabelled"] if row["on"] == "scored"]
    if not scored:
        return told
    return (
        f"{told} Zero-cost scores are of networks at their initial weights on images of noise, here of "
        f"{results['scored_at']} pixels, for {scored[0]['archs']} networks; multiply-adds and parameters beside them "
        f"on the same. {scores_words(scored)}"
    )


def part_page(results: Mapping[str, Any]) -> str:
    """Write the page."""
    parts = [
        f"# Ground truth: {results['archs']:,} networks of space {results['space']}",
        f"Every figure here is computed by `judge_part`, a stage of studies, here with `repetitions: "
        f"{results['repetitions']}`. {source_words(results['source'])} Of its networks {results['archs']:,} have all "
        f"figures; two trainings of one differ by a standard deviation of {results['spread']} points.",
        sentence(results),
        "## Ranking networks that were not seen", markdown_table(fit_rows(results["fits"])),
        f"Means of {results['repetitions']} draws of labels, judged by all other networks. Intervals: how often the "
        "95 % interval for a network that was not labelled holds its accuracy.",
        "## Without a label", markdown_table(unlabelled_rows(results["unlabelled"])),
        _unlabelled_words(results),
        "## Planned labels against drawn ones", markdown_table(plan_rows(results["plans"])),
        "Mean squared error of M_b against what all networks say (points squared); *times*: how many times as precise "
        "the plan is, which is how many times as many drawn labels it stands for, with its 95 % interval. Draws that "
        "lack a choice somewhere cannot be weighted to the law and are not counted. Plans "
        "could choose only among networks that were trained.",
        "## Which factors are worth their cost, and do devices agree?",
        markdown_table([_factor_row(row, list(results["devices"])) for row in results["factors"]]),
        "One half of the networks; in brackets what the other half says of the rate. Latency in per cent of "
        "the device's mean.",
        *_device_parts(results),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"
