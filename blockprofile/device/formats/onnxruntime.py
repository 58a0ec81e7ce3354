"""ONNX Runtime's own profile (``SessionOptions.enable_profiling``): a JSON array of events, times in microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace, number_of

__all__ = ["SHAPE", "read", "recognises"]

SHAPE = "a JSON list of events with `cat`, `ts` and `dur`"

_ENDING = "_kernel_time"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    events = file.json
    return isinstance(events, list) and any(isinstance(e, dict) and {"cat", "ts", "dur"} <= set(e) for e in events[:3])


def read(file: ProfileFile) -> Trace:
    """Read the nodes' median times over all runs but the first, which warms up where there are others.

    Raises
    ------
    DataError
        If the file holds several sessions, no run, or runs of different nodes.
    """
    events = [event for event in file.json if isinstance(event, dict)]
    sessions = sum(event.get("name") == "session_initialization" for event in events)
    if sessions > 1:
        raise file.error(f"it holds {sessions} sessions; give each model a file of its own")
    runs = sorted(_span(file, event) for event in events if event.get("name") == "model_run")
    if not runs:
        raise file.error("it holds no run of the model (model_run)")
    kernels = [event for event in events if event.get("cat") == "Node" and str(event.get("name")).endswith(_ENDING)]
    by_run: list[dict[tuple[str, int], float]] = [{} for _ in runs]
    for event in sorted(kernels, key=lambda event: number_of(file, event, ["ts"], "an event")):
        _place(file, event, runs, by_run)
    kept = by_run[1:] or by_run
    odd = next((node for times in kept for node in times.keys() ^ kept[0].keys()), None)
    if odd is not None:
        raise file.error(f"node {odd[0]!r} is not in all of its {len(runs)} runs; profile one model at a time")
    nodes = tuple(NodeTime(name, median(times[name, n] for times in kept)) for name, n in kept[0])
    whole = median(end - start for start, end in runs[1:] or runs) / 1000
    return Trace(file.path, nodes, whole, len(kept), _batch(kernels))


def _batch(kernels: Sequence[Mapping[str, Any]]) -> int:
    """Return the images in a batch, by the first feature map that a node is given; 0 where no shapes stand there."""
    for event in kernels:
        shapes = event.get("args", {}).get("input_type_shape", []) if isinstance(event.get("args"), dict) else []
        for shape in (value for entry in shapes if isinstance(entry, dict) for value in entry.values()):
            if isinstance(shape, list) and len(shape) == 4 and isinstance(shape[0], int):
                return shape[0]
            break
    return 0


def _span(file: ProfileFile, event: Mapping[str, Any]) -> tuple[float, float]:
    start = number_of(file, event, ["ts"], "a run")
    return start, start + number_of(file, event, ["dur"], "a run")


def _place(
    file: ProfileFile,
    event: Mapping[str, Any],
    runs: list[tuple[float, float]],
    by_run: list[dict[tuple[str, int], float]],
) -> None:
    """Put a node's time in ms into the run in which it began."""
    name, start = str(event["name"]).removesuffix(_ENDING), number_of(file, event, ["ts"], "a node")
    for (begin, end), times in zip(runs, by_run, strict=True):
        if begin <= start <= end:
            number = 0
            while (name, number) in times:
                number += 1
            times[name, number] = number_of(file, event, ["dur"], f"node {name!r}") / 1000
