"""What every search algorithm has in common, and drawing archs that were not evaluated yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.initial import InitialPool
from blockprofile.space import Archs

Ints = NDArray[np.int64]
MAX_TRIES = 20
"""Batches of candidates that are made before a generation is taken as full as it got."""


class Searcher(Protocol):
    """An algorithm at work on one archive.

    `ask` changes nothing in the searcher; all that it knows comes from `tell`. So a search that was killed
    is brought back by telling it again what it had evaluated.
    """

    def ask(self, at_most: int, rng: np.random.Generator) -> Proposal:
        """Propose the next generation: at most ``at_most`` archs that are new; none if there are no more."""
        ...

    def tell(self, new: Ints) -> None:
        """Hear that the evaluations of these numbers were added to the archive."""
        ...

    @property
    def last_word(self) -> str:
        """Say why there is nothing left to propose, for a user."""
        ...


class Algorithm(Protocol):
    """The parameters of a search algorithm, from which a searcher is made for each search."""

    @property
    def name(self) -> str:
        """The name that the user gives."""
        ...

    def default_budget(self, n_goals: int) -> int:
        """Return the evaluations that it takes unless told otherwise."""
        ...

    def start(self, archive: Archive, initial: InitialPool) -> Searcher:
        """Make a searcher."""
        ...

    def describe(self) -> dict[str, Any]:
        """Describe the parameters in plain values, for a manifest."""
        ...


def collect_fresh(archive: Archive, n: int, draw: Callable[[int], tuple[Archs, Ints]]) -> tuple[Archs, Ints]:
    """Draw candidates until ``n`` are new, in at most `MAX_TRIES` batches.

    Parameters
    ----------
    draw
        Called with a number of candidates; returns archs and, row by row, where they come from.

    Returns
    -------
    At most ``n`` archs, all new and distinct, and their origins.
    """
    # A population that has converged breeds many known archs: one larger batch is cheaper than a second one.
    archs, origin = draw(n + n // 2 + 4)
    chosen = np.flatnonzero(archive.seen.fresh(archs))[:n]
    archs, origin = archs[chosen], origin[chosen]
    for _ in range(MAX_TRIES - 1):
        if len(archs) >= n:
            break
        more, more_origin = draw(n)
        archs, origin = np.concatenate([archs, more]), np.concatenate([origin, more_origin])
        chosen = np.flatnonzero(archive.seen.fresh(archs))[:n]
        archs, origin = archs[chosen], origin[chosen]
    return np.ascontiguousarray(archs), origin


def draw_fresh(archive: Archive, initial: InitialPool, n: int, rng: np.random.Generator) -> Archs:
    """Draw new archs from the law of the initial pool: at most ``n`` of them."""

    def draw(count: int) -> tuple[Archs, Ints]:
        return initial.draw(count, rng), np.full(count, -1, np.int64)

    return collect_fresh(archive, n, draw)[0]
