"""Distilled predictors: all four metrics of ofa_mbv3 together, against plain one-hot networks of the published size.

Run it with `make bench`, or alone: `python -m benchmarks.bench_predictors`. The answers are asserted while they are
timed; the baseline is timed in the same run, since machines differ and are shared. Besides elapsed time it counts
processor time, which a busy machine changes less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from benchmarks.figures import keep
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.space import Archs, Space, draw_archs, load_space

N = 262_144
BASELINE_N = 32_768
ROUNDS = 3
CLOUD = ("kirin9000_npu", "rtx2080ti_gpu", "threadripper2990wx_cpu")


def rates(work: Callable[[], object], n: int) -> np.ndarray:
    """Return archs per second and per processor second."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    return n / np.array([time.perf_counter() - started, time.process_time() - busy])


def one_hot(space: Space, archs: Archs) -> torch.Tensor:
    """Encode archs as the published code does: a vector of zeros and ones for each."""
    columns = [
        np.eye(space.n_blocks + 1, dtype=np.float32)[np.minimum(archs[:, s.index], space.n_blocks)]
        for s in space.layer_slots
    ]
    return torch.from_numpy(np.concatenate(columns, axis=1))


def baseline(space: Space) -> Callable[[Archs], list[np.ndarray]]:
    """Make four plain networks on one-hot inputs, three hidden layers of 400, in batches of 4096."""
    torch.manual_seed(0)
    inputs = len(space.layer_slots) * (space.n_blocks + 1)
    sizes = [inputs, 400, 400, 400]
    networks = [
        nn.Sequential(
            *(layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())),
            nn.Linear(400, 1),
        )
        for _ in range(4)
    ]

    def evaluate(archs: Archs) -> list[np.ndarray]:
        with torch.inference_mode():
            parts = [one_hot(space, archs[start : start + 4096]) for start in range(0, len(archs), 4096)]
            return [np.concatenate([network(part).numpy()[:, 0] for part in parts]) for network in networks]

    return evaluate


def main() -> None:
    """Time both, assert that the fast one gives what each predictor gives alone, and print the ratio."""
    space = load_space("ofa_mbv3")
    predictors = load_predictors(space, devices=CLOUD, metrics=["top1_percent"])
    evaluate = Evaluator(space, predictors)
    archs = draw_archs(space, N, np.random.default_rng(0))
    together = evaluate(archs)
    for predictor in predictors:
        assert np.array_equal(together[predictor.metric][-1000:], predictor.predict(archs[-1000:])), predictor.metric
    plain = baseline(space)
    plain(archs[:4096])
    sides = {
        "blockprofile": (lambda: evaluate(archs), N),
        "plain one-hot MLP": (lambda: plain(archs[:BASELINE_N]), BASELINE_N),
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, (work, n) in sides.items():
            found[name].append(rates(work, n))
    cores = torch.get_num_threads()
    print(f"four metrics of ofa_mbv3 together, {N:,} archs, {cores} threads: archs/s, archs per processor second")
    for name, each in found.items():
        print(f"  {name:<17} {np.median(each, axis=0)[0]:>12,.0f} {np.median(each, axis=0)[1]:>12,.0f}")
    ours, theirs = (np.array(each) for each in found.values())
    times, by_processor = (ours / theirs).T
    keep(f"four metrics of ofa_mbv3, {cores} threads", times, against="a plain one-hot network for each")
    keep("the same, by processor time", by_processor, against="a plain one-hot network for each")


if __name__ == "__main__":
    main()
