"""What a search returns: its front, its history, and tables of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.html import html_table
from blockprofile.picture import Picture, draw, html_picture
from blockprofile.search.archive import Archive
from blockprofile.search.problem import Problem
from blockprofile.search.random_mutation import front_of
from blockprofile.search.reference import fronts_by_generation, hypervolume
from blockprofile.space import Archs, decode_all

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Evaluations:
    """Some evaluations of a search, by their numbers in the order of evaluation.

    ``numbers`` is int64, shape (n,).
    """

    archive: Archive
    numbers: Ints

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def archs(self) -> Archs:
        """The archs: uint8, shape (n, n_slots)."""
        return self.archive.archs[self.numbers]

    @property
    def metrics(self) -> dict[str, NDArray[np.float32]]:
        """Metric -> float32, shape (n,)."""
        return {name: values[self.numbers] for name, values in self.archive.metrics.items()}

    @property
    def points(self) -> NDArray[np.float64]:
        """The minimised goals: float64, shape (n, m)."""
        return self.archive.points[self.numbers]

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether all limits are kept: bool, shape (n,)."""
        return self.archive.violations[self.numbers] <= 0

    def __repr__(self) -> str:
        goals = ", ".join(f"{goal.name} {goal.direction}" for goal in self.archive.problem.goals)
        return f"{len(self)} archs of {self.archive.problem.space.name}: {goals}"

    def _repr_html_(self) -> str:
        frame = self.to_frame()[["evaluation", *self.archive.problem.metrics, "arch"]].head(MOST_SHOWN)
        rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
        more = f"; the first {MOST_SHOWN}" if len(self) > MOST_SHOWN else ""
        return html_table(rows, title=f"{self!r}{more}")

    def texts(self) -> list[str]:
        """Write the archs in readable form."""
        space = self.archive.problem.space
        return decode_all(space, self.archs)

    def to_frame(self, *, codes: bool = False) -> pd.DataFrame:
        """Return a data frame, one row an evaluation.

        Parameters
        ----------
        codes
            Give the archs as one uint8 column per slot instead of as text.

        Returns
        -------
        Columns ``evaluation``, ``generation``, ``parent``, ``mate``, ``feasible``, the metrics, and ``arch`` or
        the slots.
        """
        import pandas as pd

        archive, slots = self.archive, self.archive.problem.space.slots
        columns: dict[str, Any] = {
            "evaluation": self.numbers,
            "generation": archive.generation[self.numbers],
            "parent": archive.parent[self.numbers],
            "mate": archive.mate[self.numbers],
            "feasible": self.feasible,
            **self.metrics,
        }
        columns |= {slot.name: self.archs[:, slot.index] for slot in slots} if codes else {"arch": self.texts()}
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Parameters
    ----------
    archive
        All evaluations.
    reference
        The reference point of the hypervolume, minimised: float64, shape (m,).
    seconds_evaluating, seconds_searching
        In the predictors, and in the search itself, in this process.
    last_word
        Why it ended before its budget, or empty.
    folder
        The run folder, or None.
    """

    problem: Problem
    archive: Archive
    reference: NDArray[np.float64]
    algorithm: str
    seed: int
    seconds_evaluating: float = 0.0
    seconds_searching: float = 0.0
    last_word: str = ""
    folder: Path | None = None

    @cached_property
    def front(self) -> Evaluations:
        """The feasible evaluations that no other dominates, best in the first goal first; empty if none is feasible."""
        feasible = np.flatnonzero(self.archive.violations <= 0)
        front = front_of(self.archive, feasible)
        return Evaluations(self.archive, front[np.argsort(self.archive.points[front, 0], kind="stable")])

    @property
    def asked(self) -> dict[str, int]:
        """How many archs each of the user's own predictors was asked for in this process."""
        return {metric: n for metric, n in self.problem.evaluate.asked.items() if metric in self.problem.costly}

    @property
    def history(self) -> Evaluations:
        """All evaluations, in order."""
        return Evaluations(self.archive, np.arange(len(self.archive)))

    @cached_property
    def hypervolume(self) -> float:
        """The volume between front and reference point, in the product of the goals' units."""
        return hypervolume(self.front.points, self.reference)

    def top(self, n: int, *, goal: int = 0) -> Evaluations:
        """Return the ``n`` best feasible evaluations by one goal."""
        feasible = np.flatnonzero(self.archive.violations <= 0)
        order = np.argsort(self.archive.points[feasible, goal], kind="stable")
        return Evaluations(self.archive, feasible[order[:n]])

    def to_frame(self, *, codes: bool = False) -> pd.DataFrame:
        """Return all evaluations; see `Evaluations.to_frame`."""
        return self.history.to_frame(codes=codes)

    def fronts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Work out the front after every generation.

        Returns
        -------
        Two data frames. The members: ``generation``, ``evaluation``. The progress: ``generation``,
        ``n_evaluations``, ``n_feasible``, ``n_front``, ``hypervolume``.
        """
        import pandas as pd

        archive = self.archive
        feasible = np.flatnonzero(archive.violations <= 0)
        generations = np.arange(archive.n_generations)
        ends = np.searchsorted(archive.generation, generations, side="right")
        feasible_ends = np.searchsorted(feasible, ends)
        found = list(fronts_by_generation(archive.points[feasible], feasible_ends.tolist(), self.reference))
        sizes = np.array([len(places) for places, _ in found], np.int64)
        places = np.concatenate([places for places, _ in found]) if found else np.zeros(0, np.int64)
        members = pd.DataFrame({"generation": np.repeat(generations, sizes), "evaluation": feasible[places]})
        progress = pd.DataFrame(
            {
                "generation": generations,
                "n_evaluations": ends,
                "n_feasible": feasible_ends,
                "n_front": sizes,
                "hypervolume": [volume for _, volume in found],
            }
        )
        return members, progress

    def draw(self) -> Picture:
        """Draw all evaluations and the front; a notebook shows the picture, ``.save("front.pdf")`` writes it."""
        return draw("show_search", self)

    def __repr__(self) -> str:
        n = f"{len(self.archive):,} evaluations"
        return f"Search of {self.problem.space.name} by {self.algorithm}: {n}, a front of {self.front!r}"

    def _repr_html_(self) -> str:
        return self.front._repr_html_() + html_picture(self.draw())

    def progress(self) -> pd.DataFrame:
        """Return size and hypervolume of the front after every generation."""
        return self.fronts()[1]
