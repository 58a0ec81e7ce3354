"""Parallel work: results come in the order of the tasks, whatever the number of workers.

Every worker, also the only one, keeps to one core: what it calls works in one thread.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from blockprofile.accelerator import check_accelerator
from blockprofile.errors import OptionError, RunError, check_choice
from blockprofile.options import Options
from blockprofile.predict import on_one_core, reset_threads
from blockprofile.run.forked import ForkedPool, can_fork

BACKENDS: tuple[str, ...] = ("auto", "fork", "threading", "loky", "dask")

Result = TypeVar("Result")


def check_workers(workers: int | str) -> int:
    """Return the number of workers; ``auto`` and -1 stand for every core that this process may use.

    Affinity and the limits of a container (cgroups) are heeded.

    Raises
    ------
    OptionError
        If it is neither, nor a whole number of at least 1.
    """
    if str(workers) in {"auto", "-1"}:
        from joblib import cpu_count

        return int(cpu_count())
    text = str(workers)
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise OptionError(f"--workers is {workers}; it must be at least 1, or auto for every core that may be used")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(Options):
    """Where the work is done; no result depends on it.

    Parameters
    ----------
    workers
        How many, each on one core; ``auto`` is every core that may be used. Without meaning for ``dask``.
    backend
        One of `BACKENDS`. ``fork``: processes that begin with all that this one has loaded, in which nothing waits for
        an interpreter's lock; on Linux, where this process has no other threads. ``threading``: threads, for what
        computes in kernels (numpy, torch and pyarrow let other threads run meanwhile). ``auto`` takes the first where
        it can. ``loky``: processes that start anew, for functions and archs of an interactive session.
    scheduler
        For ``dask``: the scheduler's address, such as ``tcp://10.0.0.5:8786``.
    accelerator
        What evaluates the predictors: ``cpu``, or ``cuda`` for torch's CUDA device, for which the workers, then
        threads, draw. Sums are the same to the last bit, networks within rounding.

    Raises
    ------
    OptionError
        If one of them is not allowed, or has no effect beside the others.
    """

    workers: int | str = "auto"
    backend: str = "auto"
    scheduler: str | None = None
    accelerator: str = "cpu"

    def __post_init__(self) -> None:
        check_choice("--backend", self.backend, BACKENDS)
        if self.workers != "auto":  # which needs no check, and whose cores are counted when the work begins
            check_workers(self.workers)
        check_accelerator(self.accelerator)
        if self.accelerator != "cpu" and self.backend not in {"auto", "threading"}:
            raise OptionError(
                f"--accelerator {self.accelerator} is of this process, and --backend {self.backend} works in others; "
                "choices: auto, threading"
            )
        if self.scheduler is not None and self.backend != "dask":
            raise OptionError(
                f"--scheduler {self.scheduler!r} has no effect with --backend {self.backend}; add --backend dask"
            )
        if self.backend == "dask" and self.workers != "auto":
            raise OptionError(
                f"--workers {self.workers} has no effect with --backend dask: the cluster's workers do the work"
            )


HERE = Execution()


def run_tasks(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], execution: Execution = HERE
) -> Iterator[Result]:
    """Call ``function`` on every task and yield the results in the order of the tasks.

    Parameters
    ----------
    function
        A function of a module (it travels to the workers).

    Raises
    ------
    OptionError
        If ``dask`` is not installed or has no scheduler, or workers cannot be forked.
    RunError
        If a forked worker is ended from outside.
    """
    if execution.backend == "dask":
        from blockprofile.run.cluster import run_on_cluster

        yield from run_on_cluster(partial(_work, function), tasks, scheduler=execution.scheduler)
        return
    n_workers, tasks = _no_more_than_tasks(check_workers(execution.workers), iter(tasks))
    if n_workers <= 1:
        for task in tasks:
            yield _work(function, *task)
        return
    if execution.backend == "loky":
        yield from _run_anew(function, tasks, n_workers)
    elif execution.accelerator == "cpu" and _is_forking(execution.backend):
        yield from _run_in(ForkedPool(n_workers), function, tasks, n_workers)
    else:
        try:
            yield from _run_in(ThreadPoolExecutor(n_workers, "worker"), function, tasks, n_workers)
        finally:
            reset_threads()


def _run_anew(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], n_workers: int) -> Iterator[Result]:
    """Work in processes that start anew.

    One that has grown is replaced after a task. The pool warns of that from the thread that minds the processes: as an
    error it would end the thread, and nobody would be told of any result.
    """
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_workers, backend="loky", return_as="generator", pre_dispatch="2*n_jobs", mmap_mode="c")
    with _named_end(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
        yield from pool(delayed(_work_in)(str(Path.cwd()), function, *task) for task in tasks)


def _no_more_than_tasks(n_workers: int, tasks: Iterator[tuple[Any, ...]]) -> tuple[int, Iterator[tuple[Any, ...]]]:
    """Count the workers that there is work for, and return the tasks again."""
    first = list(islice(tasks, n_workers))
    return len(first), chain(first, tasks)


def _is_forking(backend: str) -> bool:
    """Tell whether workers are forked.

    Raises
    ------
    OptionError
        If they are to be, and cannot.
    """
    if backend == "fork" and not can_fork():
        raise OptionError(
            "--backend fork needs Linux and a process that has no other threads and no CUDA device in use; "
            "choices: auto, threading, loky"
        )
    return backend == "fork" or (backend == "auto" and can_fork())


def _run_in(
    pool: Executor, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], n_workers: int
) -> Iterator[Result]:
    """Work in a pool; when this ends, in whatever way, none of its workers works any more."""
    pending = deque[Future[Result]]()
    try:
        with _named_end():
            for task in tasks:
                pending.append(pool.submit(_work, function, *task))
                if len(pending) == 2 * n_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _named_end() -> Iterator[None]:
    """Say in words that a worker was ended from outside."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool:
        raise RunError(
            "a worker was ended from outside, as the system does when memory runs out; what was finished is kept: give "
            "the command again, with fewer --workers"
        ) from None


def _work_in(folder: str, function: Callable[..., Result], *task: Any) -> Result:
    """Work in a folder: a process that was started for earlier tasks would look for files in theirs."""
    os.chdir(folder)
    return _work(function, *task)


def _work(function: Callable[..., Result], *task: Any) -> Result:
    with on_one_core():
        return function(*task)
