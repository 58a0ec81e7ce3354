"""The same bytes for 1, 2, 3 and 4 workers of 1, 2 and 4 threads each: ofa_mbv3 on note10, forty shards.

Run it with `make checks`, or alone: `python -m benchmarks.check_same_bytes`. Every run is a process of its own; its
shards are compared with those of one worker on one thread, byte for byte, and its time is printed against that run's.
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
PROGRAM = (
    "import sys, torch; torch.set_num_threads(int(sys.argv.pop(1))); from blockprofile.cli.main import main; main()"
)


def sample(folder: Path, workers: int, threads: int) -> float:
    """Sample in a process of its own; return its seconds."""
    command = [sys.executable, "-c", PROGRAM, str(threads), "sample", "--space", "ofa_mbv3", "--device", "note10"]
    command += ["--n", str(N), "--seed", "3", "--workers", str(workers), "--out", str(folder)]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    return time.perf_counter() - started


def digests(folder: Path) -> list[str]:
    """Return what each shard's bytes come to."""
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((folder / "samples").glob("*.parquet"))]


def main() -> None:
    """Compare and time."""
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
