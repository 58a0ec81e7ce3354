"""Sampling and profiling of ofa_mbv3 on note10: rates against one arch at a time, memory against a tenth.

Run it with `make bench`, or alone: `python -m benchmarks.bench_pipeline [N]`. Answers are asserted while they
are timed; figures are ratios against a baseline of the same run, since machines differ and are shared.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.figures import keep
from blockprofile.content import content_dir
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.predict.lookup import lookup_key, read_table
from blockprofile.profile.profile import profile_run
from blockprofile.run import PoolRequest, read_run, sample
from blockprofile.space import count_macs, draw_archs, list_operators, load_space

BASELINE_ARCHS = 1500
ROUNDS = 3
HIDDEN = 400
N_CELLS, CELL_ARCHS = 181, 100_000


def one_arch_at_a_time() -> float:
    """Time the way of the published code: walk each arch's layers, look each up, run a 3 x 400 network on it.

    Returns
    -------
    archs per second. The latencies and multiply-adds are asserted against the compiled tables.
    """
    space = load_space("ofa_mbv3")
    table = read_table(content_dir("predictors") / "note10" / "table.parquet", resolution=224)
    widths = [128, HIDDEN, HIDDEN, HIDDEN, 1]
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    network = torch.nn.Sequential(*(part for layer in layers for part in (layer, torch.nn.ReLU())))
    archs = draw_archs(space, BASELINE_ARCHS, np.random.default_rng(0))
    found = np.zeros((2, len(archs)))
    started = time.perf_counter()
    with torch.no_grad():
        for index, arch in enumerate(archs):
            operators = list_operators(space, arch)
            found[0, index] = sum(table[lookup_key(operator)] for operator in operators)
            found[1, index] = count_macs(operators) / 1e6
            features = torch.zeros(1, 128)
            features[0, torch.from_numpy(arch.astype(np.int64) % 128)] = 1.0
            network(features)
    rate = len(archs) / (time.perf_counter() - started)
    ours = Evaluator(space, load_predictors(space, devices=["note10"], metrics=["macs_m"]))(archs)
    np.testing.assert_allclose(found, np.stack(list(ours.values())), rtol=1e-6)
    return rate


def masks_and_quantiles(folder: Path) -> tuple[float, float]:
    """Time the plain way of one metric's layer means and quantiles: a boolean mask per cell.

    Returns
    -------
    Seconds for one metric, and the mean of the first cell.
    """
    space = load_space("ofa_mbv3")
    parts = list(read_run(folder, space, ("latency_ms:note10",)))
    archs = np.concatenate([part for part, _ in parts])
    values = np.concatenate([metrics["latency_ms:note10"] for _, metrics in parts])
    started = time.perf_counter()
    cells = []
    for slot in space.layer_slots:
        for code in space.allowed[slot.index]:
            inside = values[archs[:, slot.index] == code]
            cells.append((inside.mean(dtype=np.float64), np.quantile(inside, [0.01, 0.05, 0.5, 0.95, 0.99])))
    return time.perf_counter() - started, float(cells[0][0])


def peak_memory(n: int) -> float:
    """Profile ``n`` archs in a fresh process, without keeping them; return its peak memory in MiB.

    ``getrusage`` would tell that of this process, from which it is forked, where that is larger.
    """
    code = (
        "import re, sys\n"
        "from blockprofile.profile.profile import profile_pool\n"
        "from blockprofile.run.pool import PoolRequest\n"
        "request = PoolRequest(space='ofa_mbv3', n=int(sys.argv[1]), devices=('note10',), metrics=('macs_m',))\n"
        "profile_pool(request, out=sys.argv[2])\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]) / 1024)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, str(n), f"{folder}/run"], check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


def one_round(n: int) -> tuple[float, float, float, float]:
    """Time everything once.

    Returns
    -------
    archs per second one at a time and by `sample`, and the seconds of a profile, of the plain way and by ours.
    """
    baseline = one_arch_at_a_time()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        done = sample(PoolRequest("ofa_mbv3", n=n, devices=["note10"]), out=run)
        plain, first = masks_and_quantiles(run)
        result = profile_run(run)
    table = result.table
    row = table[(table["statistic"] == "M_ulb") & (table["metric"] == "latency_ms:note10")].iloc[0]
    assert abs(row["value"] - first) < 1e-4 * first
    return baseline, done.n_new / done.seconds, plain * len(done.metrics), result.seconds


def main(n: int) -> None:
    """Run all of it and print one line per figure."""
    found = np.array([one_round(n) for _ in range(ROUNDS)])
    baseline, rate, plain, seconds = found.T
    print(f"one arch at a time {np.median(baseline):,.0f} archs/s, sample {np.median(rate):,.0f} archs/s")
    print(f"profile with 5 quantiles and all intervals: {np.median(seconds):.2f} s, masks {np.median(plain):.2f} s")
    keep(f"sample {n:,} archs", rate / baseline, against="one arch at a time")
    keep(f"profile {n:,} archs", plain / seconds, against="a mask per cell, means and quantiles alone")
    # The published profile evaluates 100,000 archs for each of 181 cells; a cell of a pool holds a ninth of it.
    pool = 9 * CELL_ARCHS
    ours, published = pool / rate + seconds * pool / n, N_CELLS * CELL_ARCHS / baseline
    keep("a profile of the published standard error", published / ours, against="the published way")
    small, large = 10_000_000, 40_000_000
    memory = {size: peak_memory(size) for size in (small, large)}
    print(f"peak memory: {memory[small]:.0f} MiB at {small:,} archs, {memory[large]:.0f} MiB at {large:,}")
    assert memory[large] < 1.25 * memory[small]  # how many blocks wait to be merged differs by a tenth


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
