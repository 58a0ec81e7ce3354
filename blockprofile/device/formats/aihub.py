"""Qualcomm AI Hub's ``job.download_profile()``: JSON, times in microseconds.

Its ``estimated_inference_time`` is the fastest run; the whole is the median of all runs where they are given. Where a
layer has cycles and no time, it gets its share of the whole by them.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace, number_of

SHAPE = "a JSON object with `execution_summary`"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return isinstance(file.json, dict) and "execution_summary" in file.json


def read(file: ProfileFile) -> Trace:
    """Read the layers' times, and the whole's.

    Raises
    ------
    DataError
        If the whole's time or a layer's name is missing.
    """
    summary, detail = file.json["execution_summary"], file.json.get("execution_detail", [])
    runs = summary.get("all_inference_times") if isinstance(summary, dict) else None
    if isinstance(runs, list) and runs:
        times = [number_of(file, {"time": time}, ["time"], "a run") for time in runs]
        whole, n = median(times), len(times)
    else:
        whole, n = number_of(file, summary, ["estimated_inference_time"], "execution_summary"), 1
    if not isinstance(detail, list) or not all(isinstance(layer, dict) for layer in detail):
        raise file.error("execution_detail is no list of layers")
    return Trace(file.path, tuple(_nodes(file, detail, whole)), whole / 1000, n)


def _nodes(file: ProfileFile, detail: list[dict[str, Any]], whole: float) -> list[NodeTime]:
    names = [str(layer.get("name", "")) for layer in detail]
    times = [_known(file, layer, "execution_time") for layer in detail]
    if not any(times):
        cycles = [_known(file, layer, "execution_cycles") for layer in detail]
        total = sum(cycles)
        if not total:
            return []
        times = [whole * each / total for each in cycles]
    return [NodeTime(name, us / 1000) for name, us in zip(names, times, strict=True)]


def _known(file: ProfileFile, layer: dict[str, Any], field: str) -> float:
    return 0.0 if layer.get(field) is None else number_of(file, layer, [field], f"layer {layer.get('name')!r}")
