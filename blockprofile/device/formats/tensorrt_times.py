"""TensorRT's ``trtexec --exportTimes``: the times of every run of a whole model, in milliseconds."""

from __future__ import annotations

from statistics import median

from blockprofile.device.formats.trace import ProfileFile, Trace, number_of

SHAPE = "a JSON list of runs with `computeMs`"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    data = file.json
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "computeMs" in data[0]


def read(file: ProfileFile) -> Trace:
    """Read the median of the time that the device computed, copies left out.

    Raises
    ------
    DataError
        If a run has no such time.
    """
    times = [number_of(file, run, ["computeMs"], f"run {number}") for number, run in enumerate(file.json, start=1)]
    return Trace(file.path, (), median(times), len(times))
