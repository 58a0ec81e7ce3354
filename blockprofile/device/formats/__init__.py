"""Readers of profilers' files, one a format; `read_trace` recognises which by what the file holds."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace, known_value, open_profile
from blockprofile.errors import DataError, check_choice, one_of

__all__ = [
    "TRACE_FORMATS",
    "NodeTime",
    "ProfileFile",
    "Trace",
    "find_format",
    "known_value",
    "open_profile",
    "read_trace",
]

TRACE_FORMATS = (
    "onnxruntime", "litert", "litert_times", "tensorrt", "tensorrt_times", "openvino", "aihub", "executorch", "vela",
)  # fmt: skip
"""The formats of profiles of models; each is a module of this package."""


def _module(name: str) -> Any:
    return import_module(f"blockprofile.device.formats.{name}")


def find_format(file: ProfileFile) -> str | None:
    """Tell which format a file has; None where it is none of them."""
    return next((name for name in TRACE_FORMATS if _module(name).recognises(file)), None)


def read_trace(path: Path, *, form: str | None = None, clock_mhz: float | None = None) -> Trace:
    """Read the profile of one model.

    Parameters
    ----------
    form
        The format, of `TRACE_FORMATS`; None recognises it. A file that is recognised as another is refused.
    clock_mhz
        For formats that give cycles.

    Raises
    ------
    UnknownNameError, DataError
        If there is no such file, it cannot be read, or it is of no known format or not of the one named.
    OptionError
        If a format of cycles has no clock.
    """
    if form is not None:
        check_choice("format", form, TRACE_FORMATS)
    file = open_profile(path)
    name = find_format(file)
    if name is None and form is not None:
        raise file.error(f"it is no {form!r}, which is {_module(form).SHAPE}")
    if name is None or form not in {None, name}:
        told = "is of no format that is known" if name is None else f"looks like {name!r}, not {form!r}"
        raise DataError(f"{path} {told}; {one_of(form or '', TRACE_FORMATS)}")
    trace: Trace = _module(name).read(file, **({"clock_mhz": clock_mhz} if name == "vela" else {}))
    if not trace.nodes and trace.whole_ms is None:
        raise DataError(f"{path} holds no node and no time of the whole")
    return trace
