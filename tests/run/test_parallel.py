"""Tasks: results in order, and a cluster that loses a worker in the middle."""

from __future__ import annotations

import importlib.util
import os
import time

import pytest

from blockprofile.errors import OptionError
from blockprofile.run import Execution
from blockprofile.run.parallel import check_workers, run_tasks


def wait_and_square(number: int) -> int:
    time.sleep(0.01 * (5 - number % 5))
    return number * number


@pytest.mark.parametrize(("workers", "backend"), [(1, "loky"), (3, "threading"), (2, "loky")])
def test_results_come_in_the_order_of_the_tasks(workers: int, backend: str) -> None:
    tasks = ((number,) for number in range(12))
    found = list(run_tasks(wait_and_square, tasks, Execution(workers=workers, backend=backend)))
    assert found == [number * number for number in range(12)]


def test_no_tasks_give_no_results() -> None:
    assert list(run_tasks(wait_and_square, [])) == []


def test_workers_and_backends_that_do_not_exist_are_refused() -> None:
    assert check_workers("auto") == check_workers(-1) == check_workers("-1") == len(os.sched_getaffinity(0))
    for workers in (-2, 0, "1_0", "two"):
        with pytest.raises(OptionError, match=f"--workers is {workers}; it must be at least 1, or auto"):
            check_workers(workers)
    with pytest.raises(OptionError, match="choices: threading, loky, dask"):
        next(run_tasks(wait_and_square, [(1,)], Execution(backend="ray")))


def test_a_cluster_needs_its_address() -> None:
    with pytest.raises(OptionError, match="--scheduler"):
        next(run_tasks(wait_and_square, [(1,)], Execution(backend="dask")))


def test_dask_is_part_of_the_test_tools() -> None:
    assert importlib.util.find_spec("distributed") is not None
