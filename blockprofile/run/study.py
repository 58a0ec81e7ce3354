"""Studies: YAML files that name a sequence of stages, each one library function with its arguments.

A stage's keys are the function's parameters, and the fields of its records of options; paths are relative to the
study's output folder and stay inside it. Everything is checked before the first stage runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from blockprofile.command import typed_by_nobody
from blockprofile.content import content_dir
from blockprofile.errors import OptionError, RunError, UnknownNameError, UserError, one_of
from blockprofile.predict import CARD_NAME
from blockprofile.run.hints import StageParameter, gather, names_of, parameters_of, wrong_type
from blockprofile.yamlfile import Document, read_yaml


@dataclass(frozen=True, slots=True)
class _Kind:
    """A stage's function as ``module:name``, and which of its parameters are paths in the output folder.

    ``inputs`` are files or predictor folders in the output folder if they are there, and names (of what is shipped) if
    not.
    """

    function: str
    paths: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    def load(self) -> Callable[..., Any]:
        module, _, name = self.function.partition(":")
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found


STAGES: Mapping[str, _Kind] = {
    "sample": _Kind("blockprofile.run.sample:sample", ("out",), ("space", "devices", "metrics")),
    "profile": _Kind("blockprofile.profile.profile:profile_run", ("run",)),
    "heatmap": _Kind("blockprofile.plot.heatmap:heatmap", ("run", "out")),
    "prune": _Kind("blockprofile.prune.pruning:prune", ("run", "out")),
    "search": _Kind("blockprofile.search.api:search", ("out",), ("space", "devices", "metrics")),
    "compare": _Kind("blockprofile.compare.api:compare", ("out",), ("space", "insights", "devices", "metrics")),
    "compare_rewards": _Kind("blockprofile.papers.rewards:compare_rewards", ("out",)),
    "latency_shares": _Kind("blockprofile.papers.latency_shares:latency_shares", ("out",)),
    "figures": _Kind("blockprofile.plot.comparison:comparison_figures", ("run", "out")),
    "report": _Kind("blockprofile.report.api:report", ("run", "out")),
    "supernet_train": _Kind("blockprofile.supernet.stages:train", ("out",)),
    "supernet_label": _Kind("blockprofile.supernet.stages:label", ("supernet", "out")),
    "supernet_rank": _Kind("blockprofile.supernet.stages:rank", ("supernet", "out"), ("truth",)),
    "compare_trained": _Kind("blockprofile.supernet.stages:compare_trained", ("searches", "out")),
    "predictor_fit": _Kind("blockprofile.predict.fit:fit_predictor", ("table", "out")),
    "lut_measure": _Kind("blockprofile.supernet.stages:measure", ("out",)),
    "judge_ofa": _Kind("blockprofile.truth.ofa:judge_ofa", ("out",)),
    "judge_part": _Kind("blockprofile.truth.part:judge_part", ("out",)),
    "judge": _Kind("blockprofile.truth.judge:judge", ("out",)),
    "figure2": _Kind("blockprofile.papers.figure2:figure2", ("out",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A study file. ``out`` is the output folder unless the user names another."""

    schema: Literal["blockprofile.study/1"]
    name: str
    title: str
    out: str
    stages: tuple[dict[str, dict[str, Any]], ...]
    sources: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study: its file's words, and its stages in order as (name, arguments)."""

    file: StudyFile
    path: Path
    stages: tuple[tuple[str, dict[str, Any]], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage did; ``out`` is the path that it was told to write, if any."""

    stage: str
    result: Any
    seconds: float
    out: Path | None = None


def stage_parameters(name: str) -> dict[str, StageParameter]:
    """Return what a stage takes from a study."""
    return parameters_of(STAGES[name].load())


def list_studies() -> tuple[str, ...]:
    """Name the shipped studies."""
    return tuple(sorted(path.stem for path in content_dir("analysis").glob("*.yaml")))


def find_study(name: str | Path) -> Path:
    """Find a study by path, or a shipped one by name (``quickstart`` or ``analysis/quickstart.yaml``).

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = content_dir("analysis") / f"{path.stem}.yaml"
    if shipped.is_file() and path.parent in {Path(), Path("analysis")}:
        return shipped
    raise UnknownNameError(f"there is no study {str(name)!r}; {one_of(path.stem, list_studies())}")


def read_study(path: Path) -> Study:
    """Read a study and check its stages.

    Raises
    ------
    DefinitionError
        With the place of an unknown stage, an unknown or missing key, options that are not allowed or have no effect
        beside others, or a path that leaves the folder.
    """
    document = read_yaml(path)
    file = document.validate(StudyFile)
    if not _is_inside(file.out):
        raise document.error(f"{file.out!r} is not below the folder that the study is run in; use --out", ("out",))
    stages = [_check_stage(document, index, stage) for index, stage in enumerate(file.stages)]
    return Study(file, path, tuple(stages))


def _check_stage(document: Document, index: int, stage: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if len(stage) != 1:
        names = ", ".join(str(name) for name in stage) or "none"
        raise document.error(f"a stage has one name; this one has {names}", ("stages", index))
    name, arguments = next(iter(stage.items()))
    place = ("stages", index, name)
    if name not in STAGES:
        raise document.error(f"stage {name!r} is unknown; {one_of(name, STAGES)}", place)
    _check_arguments(document, name, arguments, place)
    try:
        gather(STAGES[name].load(), arguments)
    except UserError as failure:
        raise document.error(str(failure), place) from None
    return name, dict(arguments)


def _check_arguments(document: Document, name: str, arguments: Mapping[str, Any], place: tuple[str | int, ...]) -> None:
    """Refuse arguments that a stage does not take, one by one."""
    parameters = stage_parameters(name)
    for key, value in arguments.items():
        where = (*place, key)
        if key == "scheduler" or (key == "backend" and value == "dask"):
            raise document.error("a study names no cluster; give `blockprofile run` --scheduler", where)
        if key not in parameters:
            raise document.error(f"stage {name!r} takes no {key!r}; {one_of(key, parameters)}", where)
        if told := wrong_type(value, parameters[key].hint):
            raise document.error(f"{value!r} is wrong: {told}", where)
        if key in STAGES[name].paths and not _is_inside(value):
            raise document.error(f"{value!r} leaves the study's output folder", where)
    for key, parameter in parameters.items():
        if parameter.is_required and key not in arguments:
            raise document.error(f"stage {name!r} needs {key!r}", place)


def _is_inside(value: Any) -> bool:
    values = [] if value is None else value if isinstance(value, list) else [value]
    return all(not Path(item).is_absolute() and ".." not in Path(item).parts for item in values)


def _within(folder: Path, value: Any) -> Any:
    """Resolve paths of the study; a link in the folder does not lead them out of it."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_within(folder, item) for item in value]
    path = folder / value
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RunError(f"{str(path)!r} leads out of the study's folder {str(folder)!r} through a link")
    return path


def _found(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_found(folder, item) for item in value]
    if not isinstance(value, str):
        return value
    place = folder / value
    is_there = place.is_file() or (place / CARD_NAME).is_file()
    return str(_within(folder, value)) if is_there else value


def run_study(study: Study, *, out: str | Path | None = None, scheduler: str | None = None) -> Iterator[StageResult]:
    """Run the stages of a study, one after the other.

    Parameters
    ----------
    out
        The output folder; None is the one that the study names.
    scheduler
        The address of a Dask scheduler that the user trusts, for the stages that can work on a cluster.

    Yields
    ------
    Each stage's result as it is done.

    Raises
    ------
    OptionError
        If a scheduler is named and no stage can work on a cluster.
    UserError, DataError
        What a stage raises; what earlier stages have written stays.
    """
    folder = Path(study.file.out if out is None else out)
    clustered = {name for name, _ in study.stages if "scheduler" in names_of(STAGES[name].load())}
    if scheduler is not None and not clustered:
        raise OptionError(f"--scheduler {scheduler!r}: no stage of the study works on a cluster")
    for name, arguments in study.stages:
        started = time.perf_counter()
        kind = STAGES[name]
        resolved = {key: _within(folder, value) if key in kind.paths else value for key, value in arguments.items()}
        resolved |= {key: _found(folder, arguments[key]) for key in kind.inputs if key in arguments}
        if scheduler is not None and name in clustered:
            resolved |= {"backend": "dask", "scheduler": scheduler}
        function = kind.load()
        with typed_by_nobody():
            result = function(**gather(function, resolved))
        out_path = Path(resolved["out"]) if resolved.get("out") is not None else None
        yield StageResult(name, result, time.perf_counter() - started, out_path)
