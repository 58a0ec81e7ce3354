"""Warming a machine up before it is measured: a GPU raises its clock only when it has work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from blockprofile.device.runtime import Prepared

WARM_RUNS, WARM_S, WARM_SHARE, WARM_LIMIT_S = 9, 2.0, 0.01, 60.0
"""Runs of a window of warming up, seconds between windows that are compared, how alike they must be, when to stop."""


def warm_up(
    sentinel: Prepared,
    *,
    now: Callable[[], float] = time.monotonic,
    progress: Callable[[str], None] = lambda _: None,
) -> bool:
    """Run the sentinel until its time stands still: a GPU raises its clock only when it has work.

    Returns
    -------
    Whether it came to stand still: the medians of the last two windows, `WARM_S` apart at least, differ by less than
    `WARM_SHARE`. After `WARM_LIMIT_S` it is left at that.
    """
    start, first = now(), 0.0
    recent: deque[tuple[float, float]] = deque()
    while (spent := now() - start) < WARM_LIMIT_S:
        window = float(np.median([sentinel.read().ms for _ in range(WARM_RUNS)]))
        first = first or window
        recent.append((spent, window))
        while len(recent) > 1 and recent[1][0] <= spent - WARM_S:
            recent.popleft()
        at, before = recent[0]
        if at <= spent - WARM_S and abs(before / window - 1) < WARM_SHARE:
            progress(f"warm after {spent:.0f} s: the sentinel takes {window:.4g} ms, {first:.4g} ms at first")
            return True
    progress(f"not steady after {WARM_LIMIT_S:.0f} s of warming up; rounds are corrected by the sentinel")
    return False
