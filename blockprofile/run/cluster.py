"""Work on a Dask cluster that the user names; needs the extra ``blockprofile[dask]``."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from blockprofile.errors import OptionError, RunError

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")

TASKS_PER_THREAD = 3
CONNECT_SECONDS = 10
POLL_SECONDS = 2.0
LOST_SECONDS = 60.0
"""How long a scheduler may be without workers before the work is given up; new ones may come meanwhile."""
_GO_ON = "what was finished is kept, and the same command goes on"


def run_on_cluster(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], *, scheduler: str | None
) -> Iterator[Result]:
    """Call ``function`` on every task on a cluster; results come in order, a lost worker's tasks are repeated.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler is named.
    RunError
        If the scheduler does not answer, has no workers, or loses all of them for a minute; or if it is lost itself.

    Notes
    -----
    What workers send back is unpickled: whoever runs the scheduler or a worker can run code here. Name only those that
    you trust.
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
            yield _wait(client, pending.popleft(), scheduler)
            pending.extend(client.submit(function, *task, pure=False) for task in itertools.islice(queue, 1))


def _wait(client: Client, future: Future, scheduler: str) -> Any:
    """Wait for a result as long as there is somebody to make it."""
    from distributed import CancelledError, TimeoutError  # noqa: A004
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    lost_since: float | None = None
    while True:
        try:
            return future.result(timeout=POLL_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()  # came as the time ended; or raises the function's own
        except (CancelledError, CommClosedError) as failure:
            raise RunError(f"the Dask scheduler at {scheduler!r} is lost: {_first_line(failure)}; {_GO_ON}") from None
        except KilledWorker as failure:
            raise RunError(f"workers at {scheduler!r} were lost again and again: {_first_line(failure)}") from None
        if _has_workers(client):
            lost_since = None
            continue
        lost_since = lost_since or time.monotonic()
        if time.monotonic() - lost_since > LOST_SECONDS:
            raise RunError(
                f"the Dask scheduler at {scheduler!r} is gone or has had no workers for {LOST_SECONDS:.0f} s; {_GO_ON}"
            )


def _has_workers(client: Client) -> bool:
    # nthreads() would ask a scheduler that may be gone; this is what the client was told last.
    if client.status != "running":
        return False
    try:
        return bool(client.sync(client.scheduler.ncores, callback_timeout=POLL_SECONDS))
    except (OSError, TimeoutError):
        return False


def _first_line(failure: BaseException) -> str:
    return str(failure).strip().partition("\n")[0] or type(failure).__name__
