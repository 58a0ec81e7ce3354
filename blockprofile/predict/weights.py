"""Network files: safetensors, with what the numbers mean in the header. Nothing is unpickled.

A file holds one network or several whose mean is the prediction: the first axis of every array counts them. Of each
there are the weights of its linear layers (``weight0``, ``bias0`` ..., float32, shaped as torch's), ``scale``, which
multiplies its output, and the additive part that is added to it (``constant`` and ``additive``, float64), where there
is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import DataError
from blockprofile.files import write_bytes
from blockprofile.jsonfile import parse_json
from blockprofile.predict.onehot import OneHot

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS_NAME = "weights.safetensors"
FORMAT = "blockprofile.network/2"
HEADER_KEY = "blockprofile"
ADDITIVE = ("constant", "additive")
EXACT = frozenset({*ADDITIVE, "scale"})
"""Arrays kept in float64; the others are float32."""

MOST_MEMBERS = 64
MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFile:
    """What a network file holds.

    ``arrays`` have the members as their first axis; see the head of this module.
    """

    path: Path
    inputs: OneHot
    arrays: Mapping[str, Tensor]

    @property
    def n_members(self) -> int:
        """Count the networks whose mean is the prediction."""
        return int(self.arrays["scale"].shape[0])

    @property
    def depth(self) -> int:
        """Count the linear layers."""
        return _depth(self.arrays)

    def member(self, place: int) -> NetworkFile:
        """Return one of the networks."""
        arrays = {name: array[place : place + 1] for name, array in self.arrays.items()}
        return NetworkFile(self.path, self.inputs, arrays)


def _depth(arrays: Mapping[str, Tensor]) -> int:
    return next(layer for layer in count() if f"weight{layer}" not in arrays)


def write_network(path: Path, arrays: Mapping[str, Tensor], inputs: OneHot) -> None:
    """Write a network file; the same arrays give the same bytes."""
    import torch
    from safetensors.torch import save

    stored = {
        name: array.detach().cpu().to(torch.float64 if name in EXACT else torch.float32).contiguous()
        for name, array in arrays.items()
    }
    content = {"format": FORMAT, "slots": inputs.slots, "resolutions": inputs.resolutions}
    write_bytes(path, save(stored, metadata={HEADER_KEY: json.dumps(content)}))  # one entry: several have no order


def read_network(path: Path) -> NetworkFile:
    """Read a network file.

    Raises
    ------
    DataError
        If the file is missing, truncated, not of this format, holds values that are not finite, or its arrays do not
        fit together.
    """
    import torch

    arrays, header = _read_safetensors(path)
    if header.get("format") != FORMAT:
        raise DataError(f"{path} has format {header.get('format')!r}; must be {FORMAT!r}")
    try:
        slots = tuple((str(name), int(size)) for name, size in header["slots"])
        resolutions = tuple(int(value) for value in header["resolutions"])
    except (KeyError, TypeError, ValueError) as failure:
        raise DataError(f"{path}: its header is wrong: {failure!r}") from None
    inputs = OneHot(slots, resolutions)
    for name, shape in _shapes(path, arrays, inputs.n_rows).items():
        if tuple(arrays[name].shape) != shape:
            raise DataError(f"{path}: array {name!r} has shape {tuple(arrays[name].shape)}; must be {shape}")
    for name, array in arrays.items():
        needed = torch.float64 if name in EXACT else torch.float32
        if array.dtype != needed:
            raise DataError(f"{path}: array {name!r} holds {array.dtype}; must be {needed}")
        if not torch.isfinite(array).all():
            raise DataError(f"{path}: array {name!r} holds values that are not finite")
    return NetworkFile(path, inputs, arrays)


def _shapes(path: Path, arrays: Mapping[str, Tensor], n_rows: int) -> dict[str, tuple[int, ...]]:
    """Say which shape each array must have, given the sizes that are free."""
    depth = _depth(arrays)
    names = [f"{kind}{layer}" for layer in range(depth) for kind in ("weight", "bias")]
    if any(name in arrays for name in ADDITIVE):
        names += ADDITIVE
    if depth == 0 or arrays.keys() != {*names, "scale"}:
        raise DataError(f"{path} holds arrays {', '.join(sorted(arrays))}; needed are {', '.join([*names, 'scale'])}")
    members = int(arrays["scale"].numel())
    if not 1 <= members <= MOST_MEMBERS:
        raise DataError(f"{path} holds {members} networks; must be 1 to {MOST_MEMBERS}")
    if any(arrays[f"bias{layer}"].ndim != 2 for layer in range(depth)):
        raise DataError(f"{path}: a bias has too few or too many axes; must have one for networks, one for numbers")
    sizes = [n_rows, *(int(arrays[f"bias{layer}"].shape[1]) for layer in range(depth - 1)), 1]
    shapes: dict[str, tuple[int, ...]] = {"scale": (members,)}
    for layer, (before, after) in enumerate(pairwise(sizes)):
        shapes |= {f"weight{layer}": (members, after, before), f"bias{layer}": (members, after)}
    if ADDITIVE[0] in names:
        shapes |= {"constant": (members,), "additive": (members, n_rows)}
    return shapes


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read all arrays and the header."""
    from safetensors import SafetensorError, safe_open

    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as failure:
        raise DataError(f"{path} cannot be read as safetensors: {failure}") from None
    return arrays, _unpack_header(path, metadata)


def _unpack_header(path: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        content = parse_json((metadata or {})[HEADER_KEY], path)
    except (KeyError, DataError):
        raise DataError(
            f"{path} is not one of this program's network files: its header has no {HEADER_KEY!r}"
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: its header holds {content!r}; must be a mapping")
    return content
