"""Checkpoints that others saved with torch: their tensors are read, on the CPU, and nothing else.

A file that asks for anything else is refused and runs nothing. Weights of the project's own are safetensors.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["read_tensors"]

_UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError,
    IndexError, AssertionError,
)  # fmt: skip
"""What torch's reader of tensors raises at truncated and foreign files."""
_FLOATS = frozenset(f"torch.{name}" for name in ("float16", "bfloat16", "float32", "float64"))
_COUNTER = "num_batches_tracked"


def read_tensors(path: Path, *, max_bytes: int) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by name; one within ``state_dict`` is that, counters of batches are left out.

    Raises
    ------
    DataError
        If the file is missing, unfolds to more than ``max_bytes``, is damaged, asks for anything but tensors, or holds
        one that is no plain table of numbers which are finite as float32.
    """
    import torch

    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file")
    _check_size(path, max_bytes)
    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE:  # torch's own words advise to load it all the same
        raise DataError(
            f"{path} is no checkpoint of tensors alone: it is damaged, of another kind, or asks for more than tensors"
        ) from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise DataError(f"{path} is no checkpoint of tensors alone: it must map names to tensors")
    tensors = {str(name): value for name, value in content.items() if not str(name).endswith(_COUNTER)}
    for name, value in tensors.items():
        if odd := _oddity(value):
            raise DataError(f"{path}: tensor {name[:80]!r} {odd}; must be a plain tensor of finite floating numbers")
    return tensors


def _check_size(path: Path, max_bytes: int) -> None:
    """Refuse a file, or an archive whose entries unfold, beyond what is read."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(entry.file_size for entry in archive.infolist()))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        pass  # the older kind, or none: torch tells
    if size > max_bytes:
        raise DataError(f"{path} unfolds to {size:,} bytes; at most {max_bytes:,} are read")


def _oddity(value: Any) -> str:
    """Say what keeps a value from being a plain table of numbers, before anything computes with it."""
    import torch

    if not isinstance(value, torch.Tensor):
        return f"is a {type(value).__name__}"
    kinds = (
        (value.is_meta, "has a shape and no values (a meta tensor)"),
        (value.is_nested, "is nested"),
        (value.layout != torch.strided, f"is stored as {value.layout}"),
        (value.is_quantized, f"is quantized ({value.dtype})"),
        (str(value.dtype) not in _FLOATS, f"holds {value.dtype}"),
    )
    odd = next((what for is_so, what in kinds if is_so), "")
    n_stored = 0 if odd else value.untyped_storage().nbytes() // value.element_size()
    if odd or value.numel() > n_stored:
        return odd or f"has {value.numel():,} values and stores {n_stored:,}"
    return "" if torch.isfinite(value.float()).all() else "holds values that are not finite, or not as float32"
