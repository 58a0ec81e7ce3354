"""The figures of docs/search.md: distance to exact fronts, MoGA's ablation, maximal accuracy.

Run one of them: `python -m benchmarks.study_search exact | ablation | accuracy [SEEDS]`. Each prints a Markdown table;
`ablation` also draws its fronts into `docs/images/`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

from blockprofile.search import (
    NSGA2,
    Aims,
    HierarchicalMutation,
    Objective,
    RandomMutation,
    SearchResult,
    hypervolume,
    reference_point,
    search,
)
from blockprofile.search.sorting import nondominated
from blockprofile.space import Space, list_spaces, load_space

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
Floats = NDArray[np.float64]

ADDITIVE = {
    "ofa_mbv3": ("macs_m:max", "latency_ms:note10:min"),
    "moga": ("macs_m:max", "latency_ms:mace_gpu:min"),
}


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def spread(values: Sequence[float], form: str = ".4f") -> str:
    """Write mean and standard deviation."""
    array = np.asarray(values)
    deviation = array.std(ddof=1) if len(array) > 1 else float("nan")
    return f"{array.mean():{form}} ± {deviation:{form}}"


# -- exact fronts ----------------------------------------------------------------------------------------------


def study_exact(n_seeds: int) -> None:
    """Tell how far the searchers are from the true front of the whole space."""
    rows = []
    for name, goals in ADDITIVE.items():
        exact = search(name, goals, algorithm="exact")
        low, span = exact.front.points.min(axis=0), np.ptp(exact.front.points, axis=0)
        truth = (exact.front.points - low) / span
        for algorithm in ("nsga2", "mutation", "random"):
            for budget in (2_000, 10_000):
                shares, distances = [], []
                for seed in range(n_seeds):
                    result = search(name, goals, algorithm=algorithm, budget=budget, seed=seed)
                    assert result.hypervolume <= exact.hypervolume * (1 + 1e-6)
                    shares.append(100 * result.hypervolume / exact.hypervolume)
                    distances.append(float(moocore.igd_plus((result.front.points - low) / span, ref=truth)))
                rows.append(
                    (
                        f"{name} ({len(truth)} points)",
                        algorithm,
                        f"{budget:,}",
                        spread(shares, ".2f"),
                        spread(distances),
                    )
                )
    print_table(("space (true front)", "algorithm", "evaluations", "hypervolume, % of the true one", "IGD+"), rows)


# -- MoGA's ablation -------------------------------------------------------------------------------------------

POPULATION, GENERATIONS = 70, 120
ACCURACY, LATENCY, PARAMS = "top1_percent", "latency_ms:mace_gpu", "params_m"
THREE = (Objective(ACCURACY, "max", 0.4), Objective(LATENCY, "min", 0.4), Objective(PARAMS, "max", 0.2))
TWO = THREE[:2]
RANDOM_DRAWS = HierarchicalMutation(random=1.0, reinforced=0.0, prior=0.0)
VARIANTS: dict[str, tuple[tuple[Objective, ...], NSGA2]] = {
    "three objectives, hierarchical": (THREE, NSGA2(population=POPULATION, mutation=HierarchicalMutation())),
    "three objectives, random": (THREE, NSGA2(population=POPULATION, mutation=RANDOM_DRAWS)),
    "two objectives, hierarchical": (TWO, NSGA2(population=POPULATION, mutation=HierarchicalMutation())),
    "two objectives, random": (TWO, NSGA2(population=POPULATION, mutation=RANDOM_DRAWS)),
    "three objectives, our default mutation": (THREE, NSGA2(population=POPULATION)),
}


def study_ablation(n_seeds: int) -> None:
    """Repeat MoGA's Figure 5: mutators, and two against three objectives."""
    runs = {
        name: [
            search(
                "moga", Aims(goals, metrics=[PARAMS]), algorithm=algorithm, seed=seed, budget=POPULATION * GENERATIONS
            )
            for seed in range(n_seeds)
        ]
        for name, (goals, algorithm) in VARIANTS.items()
    }
    problem = runs["three objectives, random"][0].problem
    worst = reference_point(problem)
    rows = []
    for name, results in runs.items():
        plane = [volume(result, TWO, worst[:2]) for result in results]
        solid = [volume(result, THREE, worst) for result in results]
        best = [best_within(result, 10.0) for result in results]
        top, params = zip(*best, strict=True)
        rows.append((name, spread(plane, ".2f"), spread(solid, ".2f"), spread(top, ".3f"), spread(params, ".2f")))
    print_table(
        ("variant", "hypervolume, 2 objectives", "hypervolume, 3 objectives", "top-1 % within 10 ms", "its params (M)"),
        rows,
    )
    from scipy.stats import wilcoxon

    base = runs["three objectives, random"]
    for name, results in runs.items():
        if results is base or n_seeds < 6:
            continue
        for label, goals in (("2", TWO), ("3", THREE)):
            pairs = [(volume(a, goals, worst[: len(goals)]), volume(b, goals, worst[: len(goals)]))
                     for a, b in zip(results, base, strict=True)]  # fmt: skip
            ratio = np.mean([a / b for a, b in pairs])
            p = wilcoxon([a - b for a, b in pairs]).pvalue
            print(f"- {name} / three objectives, random: {label}-objective hypervolume x {ratio:.4f}, p {p:.3g}")
    draw_ablation(runs)


def volume(result: SearchResult, goals: Sequence[Objective], reference: Floats) -> float:
    """Return the hypervolume of all evaluated archs in some of their metrics."""
    points = np.stack([goal.minimised(result.archive.metrics) for goal in goals], axis=1)
    return hypervolume(points[nondominated(points)], reference)


def best_within(result: SearchResult, limit_ms: float) -> tuple[float, float]:
    """Return top-1 and parameters of the most accurate arch within a latency."""
    metrics = result.archive.metrics
    within = np.flatnonzero(metrics[LATENCY] <= limit_ms)
    best = within[np.argmax(metrics[ACCURACY][within])]
    return float(metrics[ACCURACY][best]), float(metrics[PARAMS][best])


def draw_ablation(runs: dict[str, list[SearchResult]]) -> None:
    """Draw the fronts of the first seed, and the hypervolume over evaluations of all seeds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    worst = reference_point(runs["three objectives, random"][0].problem)
    for color, (name, results) in zip(plt.colormaps["tab10"].colors, runs.items(), strict=False):  # type: ignore[attr-defined]
        points = np.stack([goal.minimised(results[0].archive.metrics) for goal in TWO], axis=1)
        front = points[nondominated(points)]
        front = front[np.argsort(front[:, 1])]
        left.step(front[:, 1], -front[:, 0], where="post", color=color, label=name)
        ends = np.linspace(POPULATION * 5, POPULATION * GENERATIONS, 24).astype(int)
        curves = np.array([[prefix_volume(result, end, worst[:2]) for end in ends] for result in results])
        right.plot(ends, curves.mean(axis=0), color=color)
        right.fill_between(ends, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.15, linewidth=0)
    left.set(xlabel="latency on mace_gpu, ms (calibrated)", ylabel="top-1, % (calibrated)", title="Fronts, seed 0")
    right.set(xlabel="evaluations", ylabel="hypervolume, % x ms", title="Mean and range over seeds")
    left.legend(fontsize=8)
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / "search_ablation.png", dpi=110)
    print(f"drawn: {IMAGES / 'search_ablation.png'}")


def prefix_volume(result: SearchResult, n: int, reference: Floats) -> float:
    """Return the two-objective hypervolume after ``n`` evaluations."""
    points = np.stack([goal.minimised(result.archive.metrics)[:n] for goal in TWO], axis=1)
    return hypervolume(points[nondominated(points)], reference)


# -- maximal accuracy ------------------------------------------------------------------------------------------


def study_accuracy(n_seeds: int) -> None:
    """Search for maximal top-1 in ofa_mbv3 with 20 + 4 x 50 evaluations."""
    spaces: dict[str, Space] = {"ofa_mbv3": load_space("ofa_mbv3"), **pruned_spaces()}
    rows = []
    for name, space in spaces.items():
        for algorithm in (RandomMutation(), NSGA2(population=20), "random"):
            results = [search(space, ["top1_percent:max"], algorithm=algorithm, seed=seed) for seed in range(n_seeds)]
            best = [float(result.top(1).metrics[ACCURACY][0]) for result in results]
            rows.append((name, results[0].algorithm, spread(best, ".3f"), f"{max(best):.3f}"))
    print_table(("space", "algorithm", f"best top-1 %, {n_seeds} seeds", "best of all"), rows)


KEPT = ("e4k5", "e4k7", "e6k3", "e6k5", "e6k7")
"""The blocks that BlockProfile keeps in ofa_mbv3 for maximal accuracy."""


def pruned_spaces() -> dict[str, Space]:
    """Make BlockProfile's own pruning for maximal accuracy, and load those for it that are shipped."""
    space = load_space("ofa_mbv3")
    codes = [space.block_names.index(name) for name in KEPT]
    allowed = [codes if slot.kind == "layer" else space.allowed[slot.index] for slot in space.slots]
    pruned = {f"ofa_mbv3, only {' '.join(KEPT)}": space.restricted(allowed, name="ofa_mbv3 for accuracy")}
    shipped = [name for name in list_spaces() if name.startswith("insight/ofa_mbv3") and "accuracy" in name]
    return pruned | {name: load_space(name) for name in shipped}


STUDIES: dict[str, tuple[Callable[[int], Any], int]] = {
    "exact": (study_exact, 10),
    "ablation": (study_ablation, 10),
    "accuracy": (study_accuracy, 5),
}


def main() -> None:
    """Run the study that is named."""
    if len(sys.argv) < 2 or sys.argv[1] not in STUDIES:
        sys.exit(f"usage: python {sys.argv[0]} {' | '.join(STUDIES)} [SEEDS]")
    study, n_seeds = STUDIES[sys.argv[1]]
    study(int(sys.argv[2]) if len(sys.argv) > 2 else n_seeds)


if __name__ == "__main__":
    main()
