"""Tasks: results in order, and a cluster that loses a worker in the middle."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blockprofile.errors import OptionError, RunError
from blockprofile.run import Execution
from blockprofile.run.parallel import check_workers, run_tasks


def wait_and_square(number: int) -> int:
    time.sleep(0.01 * (5 - number % 5))
    return number * number


def process_id(number: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def end_itself(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def outgrow(number: int) -> int:
    """Let this process of a pool be replaced, as one is that has grown."""
    from joblib.externals.loky import process_executor

    process_executor._MEMORY_LEAK_CHECK_DELAY, process_executor._MAX_MEMORY_LEAK_SIZE = -1.0, -(1 << 40)
    return number


@contextmanager
def another_thread() -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.parametrize(("workers", "backend"), [(1, "loky"), (3, "threading"), (2, "loky"), (3, "fork"), (3, "auto")])
def test_results_come_in_the_order_of_the_tasks(workers: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # whatever ran before
    tasks = ((number,) for number in range(12))
    found = list(run_tasks(wait_and_square, tasks, Execution(workers=workers, backend=backend)))
    assert found == [number * number for number in range(12)]


def test_workers_are_forked_where_no_other_thread_is(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [(number,) for number in range(4)]
    auto, forked = Execution(workers=2), Execution(workers=2, backend="fork")
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # whatever runs the tests
    found = set(run_tasks(process_id, tasks, auto))
    assert 1 <= len(found) <= 2, "a quick worker may do all tasks"
    assert os.getpid() not in found
    assert set(run_tasks(process_id, tasks[:1], forked)) == {os.getpid()}, "one task is done here"
    monkeypatch.undo()
    with another_thread():
        assert set(run_tasks(process_id, tasks, auto)) == {os.getpid()}
        with pytest.raises(OptionError, match="--backend fork needs Linux and a process that has no other threads"):
            next(run_tasks(process_id, tasks, forked))


def test_a_forked_worker_that_is_killed_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    for backend in ("auto", "loky"):
        with pytest.raises(RunError, match="a worker was ended from outside"):
            list(run_tasks(end_itself, ((number,) for number in range(9)), Execution(workers=2, backend=backend)))


def test_processes_that_have_grown_are_replaced_without_a_word() -> None:
    program = (
        "from blockprofile.run import Execution, run_tasks\nfrom tests.run.test_parallel import outgrow\n"
        "print(*run_tasks(outgrow, [(n,) for n in range(8)], Execution(workers=2, backend='loky')))"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout, ran.stderr) == ("0 1 2 3 4 5 6 7\n", "")


def test_processes_that_work_again_are_where_this_one_is_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found = list(run_tasks(os.getcwd, [(), ()], Execution(workers=2, backend="loky")))
        assert found == [str(tmp_path / name)] * 2


def test_forked_workers_end_with_a_parent_that_is_killed() -> None:
    program = (
        "import os, sys, time\nfrom blockprofile.run.parallel import Execution, run_tasks\n"
        "def tell(n):\n    os.write(1, b'%d\\n' % os.getpid())\n    time.sleep(60)\n"
        "list(run_tasks(tell, [(1,), (2,)], Execution(workers=2, backend='fork')))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    for _ in range(100):
        if not any(is_running(worker) for worker in workers):
            return
        time.sleep(0.05)
    pytest.fail("workers run on")


def is_running(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_no_tasks_give_no_results() -> None:
    assert list(run_tasks(wait_and_square, [])) == []


def test_workers_and_backends_that_do_not_exist_are_refused() -> None:
    assert check_workers("auto") == check_workers(-1) == check_workers("-1") == len(os.sched_getaffinity(0))
    for workers in (-2, 0, "1_0", "two"):
        with pytest.raises(OptionError, match=f"--workers is {workers}; it must be at least 1, or auto"):
            check_workers(workers)
    with pytest.raises(OptionError, match="choices: auto, fork, threading, loky, dask"):
        next(run_tasks(wait_and_square, [(1,)], Execution(backend="ray")))


def test_a_cluster_needs_its_address() -> None:
    with pytest.raises(OptionError, match="--scheduler"):
        next(run_tasks(wait_and_square, [(1,)], Execution(backend="dask")))


def test_dask_is_part_of_the_test_tools() -> None:
    assert importlib.util.find_spec("distributed") is not None
