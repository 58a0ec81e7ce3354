"""ONNX Runtime's own profile (``SessionOptions.enable_profiling``): a JSON array of events, times in microseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace, number_of

SHAPE = "a JSON list of events with `cat`, `ts` and `dur`"

_ENDING = "_kernel_time"
_PRECISIONS = {"float16": "fp16", "int8": "int8", "uint8": "int8", "float": "fp32"}
"""Types of values and the precision of models that have any of them, the first that is there."""


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
    batch, precision = _made_for(kernels)
    return Trace(file.path, nodes, whole, len(kept), batch, precision)


def _made_for(kernels: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """Return the images in a batch, by what most nodes are given first (few are given weights), and the precision."""
    batches, types = Counter[int](), set[str]()
    for event in kernels:
        args = event.get("args")
        inputs = args.get("input_type_shape") if isinstance(args, dict) else None
        for place, entry in enumerate(inputs if isinstance(inputs, list) else ()):
            for name, shape in entry.items() if isinstance(entry, dict) else ():
                types.add(name)
                if place == 0 and isinstance(shape, list) and len(shape) == 4 and isinstance(shape[0], int):
                    batches[shape[0]] += 1
    precision = next((word for name, word in _PRECISIONS.items() if name in types), "")
    return max(batches, key=lambda n: batches[n], default=0), precision


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
