"""How much is said on stderr: nothing but warnings and errors, the usual, or every stage with its time.

It is the level of the logger ``blockprofile``: ``logging.getLogger("blockprofile").setLevel("ERROR")`` silences
progress bars in a notebook, and ``logging.basicConfig(level="INFO")`` shows the stages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from blockprofile.errors import OptionError

__all__ = ["LOG", "is_quiet", "is_verbose", "loudness"]

LOG = logging.getLogger("blockprofile")


def is_quiet() -> bool:
    """Tell whether progress and remarks are to be left out."""
    return not LOG.isEnabledFor(logging.WARNING)


def is_verbose() -> bool:
    """Tell whether stages are logged."""
    return LOG.isEnabledFor(logging.INFO)


class _Clock(logging.Formatter):
    """Put the seconds since the start before a line."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.time()

    def format(self, record: logging.LogRecord) -> str:
        """Write a line."""
        return f"{record.created - self._start:8.2f} s  {record.getMessage()}"


@contextmanager
def loudness(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Say less, or more, while the block runs.

    Raises
    ------
    OptionError
        If both are asked for.
    """
    if quiet and verbose:
        raise OptionError("--quiet and --verbose contradict each other; leave one out")
    before = LOG.level
    handler = logging.StreamHandler() if verbose else None
    if handler is not None:
        handler.setFormatter(_Clock())
        LOG.addHandler(handler)
    LOG.setLevel(logging.ERROR if quiet else logging.INFO if verbose else before)
    try:
        yield
    finally:
        LOG.setLevel(before)
        if handler is not None:
            LOG.removeHandler(handler)
