"""Reading a finished search back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, RunError
from blockprofile.predict import Card
from blockprofile.run import RunFolder, kept_card, parse_limit
from blockprofile.search.archive import Archive
from blockprofile.search.objectives import Goal, Objective
from blockprofile.search.problem import Problem
from blockprofile.search.record import read_evaluations
from blockprofile.search.reference import complete_reference
from blockprofile.search.request import Aims, build_problem
from blockprofile.search.result import SearchResult
from blockprofile.search.reward import Reward
from blockprofile.space import Archs, Space


def load_search(folder: str | Path, *, space: Space | None = None) -> SearchResult:
    """Read a search, finished or not, from its run folder; nothing is evaluated again, nothing else is needed.

    Parameters
    ----------
    space
        The space, if it is there already; None takes the one that the run keeps.

    Raises
    ------
    UnknownNameError
        If the folder is no run.
    RunError
        If it is another kind of run, or of another space than ``space``.
    DataError
        If manifest or tables are damaged.
    """
    run = RunFolder.read(folder, "search")
    path, config, file = run.path, run.config, run.file
    try:
        where = run.space if space is None else space
        if where.hash != config["space"]["hash"]:
            raise RunError(f"the search in {str(path)!r} was of another space than {where.name!r}")
        predictors = [
            KeptPredictor(about["metric"], about["unit"], about["caption"], kept_card(about, file))
            for about in config["predictors"].values()
        ]
        problem = Problem(
            where, [_goal(entry) for entry in config["goals"]], predictors=predictors,
            limits=[parse_limit(text) for text in config["limits"]],
        )  # fmt: skip
        archive = Archive(problem)
        for generation in read_evaluations(path, problem, run=run.digest):
            archive.append(generation.proposal, generation.values)
        reference = problem.natural(np.asarray(config["reference"], np.float64))  # None becomes NaN
        reference = complete_reference(reference, archive.points)
        return SearchResult(problem, archive, reference, config["algorithm"]["name"], config["seed"], folder=path)
    except (KeyError, TypeError, AttributeError) as failure:
        raise DataError(f"{file} is damaged: {failure!r}") from None


def reopen_problem(result: SearchResult) -> Problem:
    """Return the problem of a search so that it evaluates archs; that of one that was read back loads its predictors.

    Raises
    ------
    UserError, DataError
        If one is gone, has changed, or cannot be read.
    """
    problem = result.problem
    if result.folder is None or not any(isinstance(each, KeptPredictor) for each in problem.predictors):
        return problem
    config = RunFolder.read(result.folder).config
    again, described = build_problem(
        problem.space,
        Aims(problem.goals, limits=problem.limits, devices=config["devices"], metrics=config.get("metrics", ())),
    )
    for metric, about in described.items():
        then = config["predictors"].get(metric, {}).get("hash", "none")
        if about.get("hash") != then:
            raise RunError(f"the predictor of {metric!r} is not what the search was made with: hash {then} then")
    return again


@dataclass
class KeptPredictor:
    """What a finished search keeps of a predictor: its card and caption. Its values are in the folder."""

    metric: str
    unit: str
    caption: str
    card: Card | None

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Refuse: the predictor itself is not needed to read a search, and may be gone.

        Raises
        ------
        RunError
            Always.
        """
        raise RunError(
            f"{self.metric!r} was read from a finished search and cannot be evaluated for {len(archs)} archs"
        )


def _goal(entry: Mapping[str, Any]) -> Goal:
    return Reward(**entry["reward"]) if "reward" in entry else Objective(**entry)
