"""The same bytes for 1, 2, 3 and 4 workers of 1, 2 and 4 threads each: shards of ofa_mbv3 on note10, and profiles.

Run it with `make checks`, or alone: `python -m benchmarks.check_same_bytes`. Every run is a process of its own; its
shards are compared with those of one worker on one thread, byte for byte, and its time is printed against that run's.
Profiles are tables and what pairs explain; there the threads are those of linear algebra too.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARDS = 40
N = 65_536 * (SHARDS - 1) + 33_920
WORKERS, THREADS = (1, 2, 3, 4), (1, 2, 4)
PROFILES = (65_536 * 9, 4_100_000)
"""Sizes of pools whose quantiles are exact, and in bins."""
POOL = ("--space", "ofa_mbv3", "--device", "note10", "--seed", "3")
PROGRAM = (
    "import sys, torch; torch.set_num_threads(int(sys.argv.pop(1))); from blockprofile.cli.main import main; main()"
)


def sample(folder: Path, workers: int, threads: int) -> float:
    """Sample in a process of its own; return its seconds."""
    words = ["-c", PROGRAM, str(threads), "sample", *POOL, "--n", str(N)]
    return give([*words, "--workers", str(workers), "--out", str(folder)], threads)


def profile(folder: Path, n: int, workers: int, threads: int) -> float:
    """Profile in a process of its own; return its seconds."""
    words = ["-m", "blockprofile", "profile", *POOL, "--n", str(n)]
    return give([*words, "--workers", str(workers), "--out", str(folder)], threads)


def give(words: list[str], threads: int) -> float:
    """Start a program whose libraries are to take so many threads; return its seconds."""
    started, wanted = time.perf_counter(), dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=os.environ | wanted)
    return time.perf_counter() - started


def digests(folder: Path) -> list[str]:
    """Return what each table's bytes come to."""
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.parquet"))]


def check_profiles() -> None:
    """Compare profiles."""
    for n in PROFILES:
        expected: list[str] = []
        for workers, threads in ((1, 1), (1, 4), (2, 1), (2, 2), (4, 4)):
            with tempfile.TemporaryDirectory() as place:
                profile(Path(place) / "run", n, workers, threads)
                found = digests(Path(place) / "run")
            assert len(found) == 2
            expected = expected or found
            assert found == expected, f"a profile by {workers} workers of {threads} threads differs"
        print(f"profiles of {n:,} archs: the same bytes")


def main() -> None:
    """Compare and time."""
    check_profiles()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "reference"
        baseline = sample(folder, 1, 1)
        expected = digests(folder)
        assert len(expected) == SHARDS
        print(f"one worker, one thread: {SHARDS} shards, {N} archs in {baseline:.1f} s")
        for workers in WORKERS:
            for threads in THREADS:
                folder = Path(place) / f"w{workers}t{threads}"
                seconds = sample(folder, workers, threads)
                assert digests(folder) == expected, f"{workers} workers of {threads} threads differ"
                print(f"{workers} workers, {threads} threads: the same bytes, {baseline / seconds:.2f} times as fast")


if __name__ == "__main__":
    main()
