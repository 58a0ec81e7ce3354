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


def best_of(work: Callable[[], object]) -> tuple[float, float]:
    """Return the smallest elapsed and processor seconds of several rounds."""
    elapsed, processor = [], []
    for _ in range(ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        work()
        elapsed.append(time.perf_counter() - started)
        processor.append(time.process_time() - busy)
    return min(elapsed), min(processor)


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
    elapsed, processor = best_of(lambda: evaluate(archs))
    plain = baseline(space)
    plain(archs[:4096])
    plain_elapsed, plain_processor = best_of(lambda: plain(archs[:BASELINE_N]))
    cores = torch.get_num_threads()
    rate, plain_rate = N / elapsed, BASELINE_N / plain_elapsed
    work, plain_work = N / processor, BASELINE_N / plain_processor
    print(f"four metrics of ofa_mbv3 together, {N:,} archs, {cores} threads: archs/s, archs per processor second")
    print(f"  blockprofile      {rate:>12,.0f} {work:>12,.0f}")
    print(f"  plain one-hot MLP {plain_rate:>12,.0f} {plain_work:>12,.0f}")
    keep(f"four metrics of ofa_mbv3, {cores} threads", rate / plain_rate, against="a plain one-hot network for each")
    keep("the same, by processor time", work / plain_work, against="a plain one-hot network for each")


if __name__ == "__main__":
    main()
