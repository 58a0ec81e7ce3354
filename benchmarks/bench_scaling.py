"""What more cores give: sampling ofa_mbv3 on note10 and profiling it, start included, against one worker.

Run it with `make bench`, or alone: `python -m benchmarks.bench_scaling [N] [WORKERS ...]`. Every run is a process of
its own, as a user starts it, held to as many cores as it has workers; workers take turns in every round, so that a slow
minute of a shared machine meets all of them. Shards and tables are compared byte for byte. A picture of
the rates is written to `runs/bench/scaling.png`.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import keep
from blockprofile.errors import OptionError
from blockprofile.numbers import parse_count
from blockprofile.run import Execution, PoolRequest, draw_and_evaluate, sample
from blockprofile.run.parallel import check_workers

N, SMALL, ROUNDS = 2_000_000, 10_000, 3
POOL = ["--space", "ofa_mbv3", "--device", "note10", "--seed", "3"]


def run(words: Sequence[str], workers: int) -> float:
    """Give a command in a process of its own, on the first ``workers`` cores; return its seconds."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    command = [sys.executable, "-m", "blockprofile", *words, "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return time.perf_counter() - started


def digest(folder: Path) -> str:
    """Return what the bytes of all shards, or of a profile's tables, come to."""
    found, paths = hashlib.sha256(), sorted(folder.rglob("*.parquet"))
    assert paths, f"{folder} holds no table"
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def numbers_of_workers() -> list[int]:
    """List 1, 2, 4, ... up to the cores that may be used."""
    every = check_workers("auto")
    return [2**power for power in range(every.bit_length()) if 2**power <= every]


def scale(command: str, n: int, workers: Sequence[int]) -> dict[int, list[float]]:
    """Time a command for each number of workers, in turns; return the seconds of each round."""
    seconds: dict[int, list[float]] = {number: [] for number in workers}
    for _ in range(ROUNDS):
        digests = set()
        for number in workers:
            with tempfile.TemporaryDirectory() as place:
                words = [command, *POOL, "--n", str(n), "--out", f"{place}/run"]
                seconds[number].append(run(words, number))
                digests.add(digest(Path(place) / "run"))
        assert len(digests) == 1, "the number of workers changes the bytes"
    print(f"{command} of {n:,} archs\n  workers    archs/s, start included (least to most)")
    for number, each in seconds.items():
        rates = sorted(n / one for one in each)
        print(f"  {number:>7} {rates[len(rates) // 2]:>10,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})")
    for number in workers[1:]:
        times = [one / more for one, more in zip(seconds[1], seconds[number], strict=True)]
        keep(f"{command} of {n:,} archs, {number} workers", times, against="one worker")
    return seconds


def scale_cluster(n: int, workers: int) -> None:
    """Time sampling on a Dask cluster of one process and of several, and lose one of these in the middle."""
    from distributed import Client, LocalCluster

    seconds: dict[int, list[float]] = {1: [], workers: []}
    digests = set()
    for turn in range(ROUNDS + 1):
        for number, found in seconds.items():
            with (
                tempfile.TemporaryDirectory() as place,
                LocalCluster(
                    n_workers=number, threads_per_worker=1, dashboard_address=None, silence_logs=50
                ) as running,
            ):
                execution = Execution(backend="dask", scheduler=running.scheduler_address)
                request = PoolRequest("ofa_mbv3", n=n, devices=["note10"], seed=3)
                with Client(running) as client:
                    client.run(draw_and_evaluate, replace(request, n=1).resolve(), 0)  # all import torch before
                if turn == ROUNDS and number > 1:
                    victim = next(iter(running.workers.values())).pid
                    threading.Timer(0.5, os.kill, args=(victim, signal.SIGKILL)).start()
                started = time.perf_counter()
                sample(request, out=f"{place}/run", execution=execution)
                if turn < ROUNDS:
                    found.append(time.perf_counter() - started)
                digests.add(digest(Path(place) / "run"))
    assert len(digests) == 1, "the cluster changes the bytes"
    times = [one / more for one, more in zip(seconds[1], seconds[workers], strict=True)]
    keep(f"sample of {n:,} archs, {workers} Dask workers", times, against="one Dask worker")


def draw(rates: dict[int, list[float]], n: int) -> None:
    """Draw the rates over the number of workers."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
    workers = list(rates)
    line = [sorted(rates[1])[ROUNDS // 2] * number for number in workers]
    axes.plot(workers, line, ":", color="0.6", label="as many times one worker")
    for number, each in rates.items():
        axes.plot([number] * len(each), each, "o", color="tab:blue", alpha=0.7)
    axes.set(xlabel="workers", ylabel="thousand archs/s, start included", title=f"sample {n:,} archs of ofa_mbv3")
    axes.set_xticks(workers, [str(number) for number in workers])
    axes.yaxis.set_major_formatter(lambda rate, _: f"{rate / 1000:,.0f}")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False)
    path = Path("runs/bench/scaling.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"  {path}")


def main(n: int, workers: Sequence[int]) -> None:
    """Time sampling and profiling, large and small."""
    print(f"1 to {workers[-1]} workers, {ROUNDS} rounds in turns")
    seconds = scale("sample", n, workers)
    scale("profile", n, workers)
    scale("sample", SMALL, workers)
    if workers[-1] > 1:
        scale_cluster(n // 2, min(workers[-1], 4))
    draw({number: [n / each for each in found] for number, found in seconds.items()}, n)


def given(words: Sequence[str]) -> tuple[int, list[int]]:
    """Read what was asked for."""
    try:
        n, *workers = [parse_count(word) for word in words] or [N]
    except OptionError as failure:
        sys.exit(str(failure))
    if workers and (workers[0] != 1 or len(workers) == 1):
        sys.exit(f"workers are {', '.join(map(str, workers))}; the first is the baseline, 1, and others follow")
    return n, workers or numbers_of_workers()


if __name__ == "__main__":
    main(*given(sys.argv[1:]))
