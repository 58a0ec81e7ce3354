"""MnasNet's soft and hard latency constraint against each other: two rewards, the same seeds and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare import Paired, best_within, compare_paired, parse_algorithm
from blockprofile.errors import OptionError
from blockprofile.files import replacing
from blockprofile.numbers import write_number
from blockprofile.search import SearchResult, parse_reward, search

if TYPE_CHECKING:
    import pandas as pd

REWARDS_NAME = "rewards.parquet"
FORMS = ("soft", "hard")
SLACK = 0.1
"""An arch is near the target if its latency is within a tenth of it."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RewardComparison:
    """Searches under both rewards, one per form and seed; ``folder`` is None if they were not kept."""

    target: float
    latency: str
    runs: dict[str, tuple[SearchResult, ...]]
    folder: Path | None = None

    def values(self, form: str) -> list[tuple[Floats, Floats]]:
        """Return accuracy and latency of all evaluations, search by search."""
        metrics = [run.archive.metrics for run in self.runs[form]]
        return [(m["top1_percent"].astype(np.float64), m[self.latency].astype(np.float64)) for m in metrics]

    def paired(self, figure: str) -> Paired:
        """Compare soft with hard, seed by seed, in a column of `rewards_frame`."""
        frame = rewards_frame(self)
        soft, hard = (frame.loc[frame["form"] == form, figure].to_numpy(np.float64) for form in FORMS)
        return compare_paired(soft, hard)


def compare_rewards(
    space: str | Path,
    *,
    latency: str,
    target: float,
    algorithm: str = "mutation",
    budget: int | None = None,
    seeds: int = 5,
    seed: int = 0,
    out: str | Path | None = None,
) -> RewardComparison:
    """Search with the soft and with the hard reward.

    Parameters
    ----------
    space
        A shipped name or a file.
    latency
        The latency's column, such as ``latency_ms:tflite_cpu``.
    algorithm, budget, seeds, seed
        As in `blockprofile.compare.compare`.
    out
        A folder that keeps all searches, the table ``rewards.parquet`` and the figure.

    Raises
    ------
    UserError
        As `blockprofile.search.search`.

    References
    ----------
    Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019, section 6.2: the soft
    constraint explores a wider range of latencies, the hard one stays below the target.
    """
    if seeds < 1:
        raise OptionError(f"--seeds is {seeds}; it must be at least 1")
    folder = None if out is None else Path(out)
    runs: dict[str, tuple[SearchResult, ...]] = {}
    for form in FORMS:
        runs[form] = tuple(
            search(
                space, [parse_reward(f"{latency}:{write_number(target)}:{form}")], algorithm=parse_algorithm(algorithm),
                budget=budget, seed=number, out=None if folder is None else folder / form / f"seed-{number}",
            )
            for number in range(seed, seed + seeds)
        )  # fmt: skip
    found = RewardComparison(float(target), latency, runs, folder)
    if folder is not None:
        from blockprofile.papers.rewards_plot import save_rewards

        with replacing(folder / REWARDS_NAME, within=folder) as file:
            rewards_frame(found).to_parquet(file, index=False)
        save_rewards(found, folder / "figures" / "rewards")
    return found


def rewards_frame(comparison: RewardComparison) -> pd.DataFrame:
    """Return one row per form and seed.

    Returns
    -------
    Columns ``form``, ``seed``; of the arch with the best reward ``top1_percent`` and ``latency``;
    ``best_within``, the best accuracy within the target; ``share_within`` and ``share_near``, the shares of
    evaluations within the target and within a tenth of it; ``latency_spread``, their standard deviation.
    """
    import pandas as pd

    rows = []
    for form, runs in comparison.runs.items():
        for run, (accuracy, latency) in zip(runs, comparison.values(form), strict=True):
            best = int(run.top(1).numbers[0])
            near = np.abs(latency / comparison.target - 1) <= SLACK
            rows.append(
                {
                    "form": form, "seed": run.seed, "top1_percent": accuracy[best], "latency": latency[best],
                    "best_within": best_within(accuracy, latency, comparison.target),
                    "share_within": float((latency <= comparison.target).mean()),
                    "share_near": float(near.mean()), "latency_spread": float(latency.std()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
