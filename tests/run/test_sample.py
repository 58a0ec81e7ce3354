"""`sample`: the same data for any workers, after a kill, and when a pool grows; folders that do not mix."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import CoverageError, DataError, OptionError, RunError, UnknownNameError
from blockprofile.run import Execution, PoolRequest, RunFolder, read_run, sample, shard_paths
from blockprofile.run.chunks import CHUNK_SIZE
from blockprofile.space import Archs, CompiledSum, Space

METRICS = ("macs_m", "params_m")
N = 3 * CHUNK_SIZE + 1000


def digest(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in shard_paths(folder)]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool") / "run"
    sample(PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=folder, execution=Execution(workers=1))
    return folder


def test_the_folder_holds_archs_of_the_space_and_their_metrics(pool: Path, moga: Space) -> None:
    parts = list(read_run(pool, moga, METRICS))
    assert [len(archs) for archs, _ in parts] == [CHUNK_SIZE] * 3 + [1000]
    archs, metrics = parts[-1]
    assert moga.contains(archs).all()
    assert metrics["macs_m"].dtype == np.float32
    assert metrics["macs_m"].min() > 0


def test_the_manifest_names_space_predictors_and_seed(pool: Path, moga: Space) -> None:
    config = RunFolder.read(pool).config
    assert config["space"]["hash"] == moga.hash
    assert config["predictors"]["macs_m"]["provenance"] == "counted"
    assert (config["seed"], config["n"], config["law"]) == (5, N, "papers")


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_bytes(pool: Path, tmp_path: Path, workers: int) -> None:
    sample(
        PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=tmp_path / "run", execution=Execution(workers=workers)
    )
    assert digest(tmp_path / "run") == digest(pool)


def test_processes_give_the_same_bytes(pool: Path, tmp_path: Path) -> None:
    execution = Execution(workers=2, backend="loky")
    sample(PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=tmp_path / "run", execution=execution)
    assert digest(tmp_path / "run") == digest(pool)


def test_a_space_with_what_is_asked_most_is_a_request(tmp_path: Path) -> None:
    sample("moga", out=tmp_path / "plain", n=2000, metrics=["macs_m"], seed=3)
    sample(PoolRequest("moga", n=2000, metrics=["macs_m"], seed=3), out=tmp_path / "request")
    plain, request = (shard_paths(tmp_path / name)[0].read_bytes() for name in ("plain", "request"))
    assert plain == request
    with pytest.raises(OptionError, match="n, seed would stand beside the request that is given"):
        sample(PoolRequest("moga"), out=tmp_path / "both", n=3, seed=0)


def test_missing_and_cut_shards_are_made_again(pool: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sample(PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=folder)
    shard_paths(folder)[1].unlink()
    shard_paths(folder)[-1].write_bytes(b"PAR1 cut")
    again = sample(PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=folder)
    assert again.n_new == CHUNK_SIZE + 1000
    assert digest(folder) == digest(pool)


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    n, broken, whole = 40 * CHUNK_SIZE, tmp_path / "broken", tmp_path / "whole"
    arguments = ["sample", "--space", "moga", "--metric", "macs_m", "--n", str(n), "--seed", "2"]
    code = "import sys; from blockprofile.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--out", str(broken)], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(shard_paths(broken)) < 3:
        assert time.monotonic() < deadline, "no shard was written within a minute"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 3 <= len(shard_paths(broken)) < 40
    sample(PoolRequest("moga", n=n, metrics=["macs_m"], seed=2), out=broken)
    sample(PoolRequest("moga", n=n, metrics=["macs_m"], seed=2), out=whole)
    assert digest(broken) == digest(whole)


def test_a_larger_n_extends_a_run_and_a_smaller_one_is_refused(pool: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sample(PoolRequest("moga", n=1000, metrics=METRICS, seed=5), out=folder)
    assert sample(PoolRequest("moga", n=N, metrics=METRICS, seed=5), out=folder).n_new == N
    assert digest(folder) == digest(pool)
    with pytest.raises(RunError, match=f"n is {N} there and 10 here"):
        sample(PoolRequest("moga", n=10, metrics=METRICS, seed=5), out=folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 6}, "seed is 5 there and 6 here"),
        ({"law": "architectures"}, "law is 'papers' there"),
        ({"metrics": ["macs_m"]}, r"predictors\.params_m\.hash is .* there and None here"),
    ],
)
def test_another_configuration_is_refused_by_the_key_that_differs(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    asked: dict[str, object] = {"n": 100, "metrics": list(METRICS), "seed": 5, "law": "papers"}
    sample(PoolRequest("moga", **asked), out=tmp_path / "run")  # type: ignore[arg-type]
    with pytest.raises(RunError, match=told):
        sample(PoolRequest("moga", **{**asked, **change}), out=tmp_path / "run")  # type: ignore[arg-type]


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="is no run folder"):
        sample(PoolRequest("moga", n=10, metrics=METRICS), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_full_disk_leaves_no_partial_shard_and_keeps_the_finished_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    write, calls = pq.write_table, []

    def fill_up(table: object, where: BinaryIO, **options: object) -> None:
        calls.append(where)
        if len(calls) == 2:
            where.write(b"half")
            raise OSError(28, "No space left on device")
        write(table, where, **options)

    monkeypatch.setattr(pq, "write_table", fill_up)
    with pytest.raises(OSError, match=r"No space left on device: .*part-00001\.parquet'"):
        sample(PoolRequest("moga", n=N, metrics=METRICS), out=tmp_path / "run", execution=Execution(workers=1))
    assert [path.name for path in sorted((tmp_path / "run" / "samples").iterdir())] == ["part-00000.parquet"]
    calls.clear()
    with pytest.raises(OSError, match=r"No space left on device"):
        sample(PoolRequest("moga", n=N, metrics=METRICS), out=tmp_path / "run", execution=Execution(workers=3))
    left = [path.name for path in (tmp_path / "run" / "samples").iterdir()]
    assert not [name for name in left if "partial" in name], "nobody writes any more"


def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(UnknownNameError, match="did you mean 'moga'"):
        sample(PoolRequest("mogga"), out=out)
    with pytest.raises(UnknownNameError, match="did you mean 'note10'"):
        sample(PoolRequest("ofa_mbv3", devices=["note01"]), out=out)
    with pytest.raises(CoverageError, match=r"operators that space 'moga' needs .* for ofa_mbv3"):
        sample(PoolRequest("moga", devices=["note10"]), out=out)
    with pytest.raises(OptionError, match="--backend 'lokki'"):
        sample(PoolRequest("moga", n=10, metrics=METRICS), out=tmp_path / "other", execution=Execution(backend="lokki"))
    with pytest.raises(OptionError, match="--workers is 0"):
        sample(PoolRequest("moga", n=10, metrics=METRICS), out=tmp_path / "third", execution=Execution(workers=0))
    assert not out.exists()


def test_a_limit_keeps_every_arch_within_it(tmp_path: Path, ofa_mbv3: Space) -> None:
    folder = tmp_path / "run"
    sample(
        PoolRequest("ofa_mbv3", n=2000, metrics=["macs_m"], devices=["note10"], limit="latency_ms:note10<=25"),
        out=folder,
    )
    _, metrics = next(read_run(folder, ofa_mbv3, ("latency_ms:note10",)))
    assert metrics["latency_ms:note10"].max() <= 25.01
    assert metrics["latency_ms:note10"].max() > 24
    sample(PoolRequest("ofa_mbv3", n=500, metrics=["macs_m"], limit="macs_m>=600"), out=tmp_path / "dear")
    _, metrics = next(read_run(tmp_path / "dear", ofa_mbv3, ("macs_m",)))
    assert 600 <= metrics["macs_m"].min() < 601


def test_a_damaged_shard_is_named(pool: Path, tmp_path: Path, moga: Space) -> None:
    folder = tmp_path / "run"
    sample(PoolRequest("moga", n=10, metrics=METRICS), out=folder)
    shard_paths(folder)[0].write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"part-00000.parquet cannot be read"):
        list(read_run(folder, moga, METRICS))


def test_from_the_command_to_the_kernel_are_six_hops_at_most_and_no_file_is_visited_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[list[str]] = []
    kernel = CompiledSum.__call__

    def watched(self: CompiledSum, archs: Archs) -> np.ndarray:
        files = [Path(frame.filename) for frame in traceback.extract_stack()]
        names = ["/".join(file.parts[-2:]) for file in files if "blockprofile" in file.parts[-3:-1]]
        paths.append([name for name, _ in itertools.groupby(names)])
        return kernel(self, archs)

    monkeypatch.setattr(CompiledSum, "__call__", watched)
    words = ["sample", "--space", "moga", "--metric", "macs_m", "--n", "10", "--workers", "1"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    hops = paths[-1][paths[-1].index("cli/sample.py") :]
    assert len(hops) == len(set(hops)) <= 6, hops  # the seventh file is the kernel's own
