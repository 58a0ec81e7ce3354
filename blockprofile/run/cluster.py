"""Work on a Dask cluster that the user names; needs the extra ``blockprofile[dask]``."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from blockprofile.errors import OptionError, RunError

__all__ = ["run_on_cluster"]

Result = TypeVar("Result")

TASKS_PER_THREAD = 3
CONNECT_SECONDS = 10


def run_on_cluster(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], *, scheduler: str | None
) -> Iterator[Result]:
    """Call ``function`` on every task on a cluster; results come in order, a lost worker's tasks are repeated.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler is named.
    RunError
        If the scheduler does not answer, or has no workers.
    """
    if not scheduler:
        raise OptionError("--backend dask needs --scheduler, the address of a Dask scheduler (tcp://HOST:PORT)")
    try:
        from distributed import Client
    except ImportError:
        raise OptionError("--backend dask needs Dask; install it with `pip install 'blockprofile[dask]'`") from None
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as failure:
        raise RunError(f"no Dask scheduler answers at {scheduler!r}: {failure}") from None
    with client:
        threads = sum(client.nthreads().values())
        if threads == 0:
            raise RunError(f"the Dask scheduler at {scheduler!r} has no workers")
        queue = iter(tasks)
        pending = deque(
            client.submit(function, *task, pure=False) for task in itertools.islice(queue, TASKS_PER_THREAD * threads)
        )
        while pending:
            yield pending.popleft().result()
            pending.extend(client.submit(function, *task, pure=False) for task in itertools.islice(queue, 1))
