"""Reading a finished search back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, RunError
from blockprofile.run.manifest import read_manifest
from blockprofile.search.archive import Archive
from blockprofile.search.objectives import Goal, Objective
from blockprofile.search.record import read_evaluations
from blockprofile.search.request import build_problem
from blockprofile.search.result import SearchResult
from blockprofile.search.reward import Reward
from blockprofile.space import Space, load_space

__all__ = ["load_search"]


def load_search(folder: str | Path, *, space: Space | None = None) -> SearchResult:
    """Read a search, finished or not, from its run folder; nothing is evaluated again.

    Parameters
    ----------
    folder
        The run folder.
    space
        The space, where the run was made from one that has neither a shipped name nor a file.

    Raises
    ------
    UnknownNameError
        If the folder is no run, or its space or a predictor is no longer found.
    RunError
        If it is another kind of run, or the space has changed since.
    DataError
        If manifest or tables are damaged.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest.kind != "search":
        raise RunError(f"{str(path)!r} is a run of kind {manifest.kind!r}; expected a search")
    config = manifest.config
    try:
        told, wanted = config["space"], [_goal(entry) for entry in config["goals"]]
        where = load_space(told["source"]).at_resolution(told["resolution"]) if space is None else space
        if where.hash != told["hash"]:
            raise RunError(f"space {told['source']!r} has changed since the search in {str(path)!r} was made")
        problem, _ = build_problem(
            where, wanted, limits=config["limits"], devices=config["devices"], metrics=list(config["predictors"])
        )
        archive = Archive(problem)
        for generation in read_evaluations(path, problem):
            archive.append(generation.proposal, generation.values)
        reference = problem.natural(_floats(config["reference"]))
        return SearchResult(problem, archive, reference, config["algorithm"]["name"], config["seed"], folder=path)
    except (KeyError, TypeError) as failure:
        raise DataError(f"{path / 'manifest.json'} is damaged: {failure!r}") from None


def _floats(values: Any) -> Any:
    import numpy as np

    return np.asarray(values, np.float64)


def _goal(entry: Mapping[str, Any]) -> Goal:
    return Reward(**entry["reward"]) if "reward" in entry else Objective(**entry)
