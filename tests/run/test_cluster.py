"""A real Dask cluster of two processes that loses one in the middle: the table is the same."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import LocalCluster

from blockprofile.errors import RunError
from blockprofile.predict import parts
from blockprofile.profile.profile import profile_run
from blockprofile.run import Execution, PoolRequest, sample
from blockprofile.run.chunks import CHUNK_SIZE
from blockprofile.run.parallel import run_tasks

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as running:
        yield running


def slow_process_id(number: int) -> tuple[int, int]:
    time.sleep(0.1)
    return number, os.getpid()


def test_sample_and_profile_are_the_same_on_a_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    n = 12 * CHUNK_SIZE
    where = Execution(backend="dask", scheduler=cluster.scheduler_address)
    victim = next(iter(cluster.workers.values())).pid
    threading.Timer(0.7, os.kill, args=(victim, signal.SIGKILL)).start()
    sample(PoolRequest("moga", n=n, metrics=["macs_m"]), out=tmp_path / "there", execution=where)
    sample(PoolRequest("moga", n=n, metrics=["macs_m"]), out=tmp_path / "here")
    there = profile_run(tmp_path / "there", execution=where)
    here = profile_run(tmp_path / "here")
    pd.testing.assert_frame_equal(there.table, here.table, check_exact=True)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.run.cluster.CONNECT_SECONDS", 0.5)
    with pytest.raises(RunError, match="no Dask scheduler answers"):
        list(run_tasks(slow_process_id, [(1,)], Execution(backend="dask", scheduler="tcp://127.0.0.1:1")))


def test_workers_that_are_all_lost_are_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.run.cluster.POLL_SECONDS", 0.2)
    monkeypatch.setattr("blockprofile.run.cluster.LOST_SECONDS", 1.0)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as running:
        found = run_tasks(
            slow_process_id, ((n,) for n in range(40)), Execution(backend="dask", scheduler=running.scheduler_address)
        )
        next(found)
        running.scale(0)
        started = time.monotonic()
        with pytest.raises(RunError, match="no workers for 1 s; what was finished is kept"):
            list(found)
        assert time.monotonic() - started < 20


def out_of_time(number: int) -> int:
    assert parts._THREAD.one_core, "a worker of a cluster takes more than its core"
    time.sleep(0.01 * (number % 4))
    if number == 30:
        raise TimeoutError("the task's own")
    return number


def test_results_that_come_as_the_wait_ends_are_taken_and_a_tasks_own_timeout_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("blockprofile.run.cluster.POLL_SECONDS", 0.01)
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as running:
        where = Execution(backend="dask", scheduler=running.scheduler_address)
        found = run_tasks(out_of_time, ((number,) for number in range(31)), where)
        assert [next(found) for _ in range(30)] == list(range(30))
        with pytest.raises(TimeoutError, match="the task's own"):
            next(found)


def test_a_scheduler_that_is_lost_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.run.cluster.POLL_SECONDS", 0.2)
    monkeypatch.setattr("blockprofile.run.cluster.LOST_SECONDS", 1.0)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as running:
        found = run_tasks(
            slow_process_id, ((n,) for n in range(40)), Execution(backend="dask", scheduler=running.scheduler_address)
        )
        next(found)
        running.close()
        started = time.monotonic()
        with pytest.raises(RunError, match=r"the Dask scheduler at .* is (lost|gone)"):
            list(found)
        assert time.monotonic() - started < 40
