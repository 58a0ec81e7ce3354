"""LiteRT's ``litert-benchmark --result_json``: the time of a whole model, in milliseconds with two decimals."""

from __future__ import annotations

from blockprofile.device.formats.trace import ProfileFile, Trace, number_of

SHAPE = "a JSON object with `latency` and `accelerators`"

STEP_MS = 0.01
MOST_ROUNDED = 0.02
"""The share of a time that rounding may make up."""


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return isinstance(file.json, dict) and {"latency", "accelerators"} <= set(file.json)


def read(file: ProfileFile) -> Trace:
    """Read the median over runs.

    Raises
    ------
    DataError
        If it is missing, or so short that two decimals do not tell it.
    """
    latency = file.json["latency"]
    ms = number_of(file, latency, ["median_ms"], "latency")
    runs = number_of(file, latency, ["num_runs"], "latency")
    if MOST_ROUNDED * ms < STEP_MS / 2:
        raise file.error(
            f"its median is {ms:g} ms, rounded to {STEP_MS:g} ms: more than {MOST_ROUNDED:.0%} of it may be rounding; "
            "time whole networks this way, and single operators by benchmark_model"
        )
    return Trace(file.path, (), ms, int(runs))
