"""Network files: safetensors, with what the numbers mean in the header. Nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, one_of
from blockprofile.files import write_bytes
from blockprofile.jsonfile import parse_json
from blockprofile.predict.groups import SlotGroup, group_slots, last_codes, n_codes
from blockprofile.predict.network import ARRAYS
from blockprofile.predict.relu import RELU_ARRAYS, name_trunk, relu_shapes
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "WEIGHTS_NAME", "NetworkFile", "describe_slots", "is_coarse", "network_codes", "network_layout", "pack_header",
    "read_header", "read_network", "read_safetensors", "write_network",
]  # fmt: skip

WEIGHTS_NAME = "weights.safetensors"
FORMATS = {"blockprofile.network/1": ARRAYS, "blockprofile.relu/2": RELU_ARRAYS}
"""The formats of network files and the arrays that each holds; networks of ReLU layers have a trunk besides."""

HEADER_KEY = "blockprofile"
EXACT = frozenset({"constant", "additive", "mean"})
"""Arrays kept in float64; the others are stored in float16."""

COARSE = frozenset({"rows", "previous", "hops", "hidden"})
"""Arrays that can be stored in eight bits, each row (the last axis) with a scale of its own; of the trunk, all."""

SCALE_SUFFIX = ".scale"
LARGEST_INT8 = 127
MEMBER_MARK = "@"
"""Stands before the number of a member, from 2, in the names of its arrays."""
MOST_MEMBERS = 64
MAX_BYTES = 1 << 30


def describe_slots(space: Space) -> tuple[tuple[str, int], ...]:
    """List the slots that a network is made for: names and numbers of codes."""
    return tuple((slot.name, n_codes(space, slot)) for slot in space.slots)


def network_layout(space: Space, n_resolutions: int) -> tuple[tuple[SlotGroup, ...], tuple[int, ...], int]:
    """Lay out a network for a space.

    The input resolution, where the network takes it and it is no slot, is a further slot after the space's.

    Returns
    -------
    The groups, where each slot's rows start, and the number of rows.
    """
    groups = group_slots(space)
    sizes = [n_codes(space, slot) for slot in space.slots]
    if n_resolutions:
        groups = (*groups, SlotGroup((space.n_slots,), (n_resolutions,)))
        sizes.append(n_resolutions)
    offsets = [sum(sizes[:place]) for place in range(len(sizes))]
    return groups, tuple(offsets), sum(sizes)


def network_codes(
    archs: Archs, resolutions: NDArray[np.int64] | None, space: Space, known: Sequence[int]
) -> NDArray[np.uint8]:
    """Write archs as a network reads them.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    resolutions
        Each row's input resolution, shape (n,), where the network takes it.
    known
        The network's resolutions, in ascending order.

    Returns
    -------
    uint8, shape (n, n_slots): inactive layers hold their slot's last code. With resolutions the number of each is one
    more column.
    """
    codes: NDArray[np.uint8] = np.minimum(archs, last_codes(space))
    if resolutions is None:
        return codes
    return np.column_stack([codes, np.searchsorted(np.asarray(known), resolutions).astype(np.uint8)])


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFile:
    """What a network file holds.

    ``format`` is one of `FORMATS`; ``resolutions`` are the input resolutions that it was trained at, empty where it
    takes none as input. ``others`` are the arrays of further members: the file then stands for the mean of all.
    """

    path: Path
    format: str
    metrics: tuple[str, ...]
    slots: tuple[tuple[str, int], ...]
    resolutions: tuple[int, ...]
    arrays: Mapping[str, Tensor]
    others: tuple[Mapping[str, Tensor], ...] = ()

    def members(self) -> tuple[NetworkFile, ...]:
        """Return the members as files of one network each."""
        return tuple(replace(self, arrays=arrays, others=()) for arrays in (self.arrays, *self.others))

    def check_space(self, space: Space) -> None:
        """Check that the network is of this space.

        Raises
        ------
        DataError
            Naming the first slot that differs.
        """
        for mine, theirs in zip(self.slots, describe_slots(space), strict=False):
            if mine != theirs:
                raise DataError(f"{self.path} was made for a slot {mine}, space {space.name!r} has {theirs}")
        if len(self.slots) != space.n_slots:
            raise DataError(
                f"{self.path} was made for {len(self.slots)} slots, space {space.name!r} has {space.n_slots}"
            )

    def layout(self, space: Space) -> tuple[tuple[SlotGroup, ...], tuple[int, ...]]:
        """Return groups and offsets, after checking that the arrays have the shapes that they need.

        Raises
        ------
        DataError
            If an array is missing or has another shape.
        """
        groups, offsets, n_rows = network_layout(space, len(self.resolutions))
        try:
            if self.format == "blockprofile.relu/2":
                expected = relu_shapes(self.arrays, n_rows, len(self.metrics))
            else:
                expected = _shapes(self.arrays, len(groups), n_rows, len(self.metrics))
        except IndexError:
            flat = (f"{name!r} of shape {tuple(array.shape)}" for name, array in self.arrays.items() if array.ndim < 2)
            raise DataError(f"{self.path}: an array has too few axes; see {', '.join(flat)}") from None
        for name, shape in expected.items():
            found = tuple(self.arrays[name].shape)
            if found != shape:
                raise DataError(f"{self.path}: array {name!r} has shape {found}; space {space.name!r} needs {shape}")
        return groups, offsets


def _from_int8(path: Path, name: str, arrays: Mapping[str, Tensor]) -> Tensor:
    array, scale = arrays[name].float(), arrays[name + SCALE_SUFFIX].float()
    if scale.shape != (*array.shape[:-1], 1):
        raise DataError(
            f"{path}: array {name + SCALE_SUFFIX!r} has shape {tuple(scale.shape)}; must be {(*array.shape[:-1], 1)}"
        )
    return array * scale


def _shapes(arrays: Mapping[str, Tensor], n_groups: int, n_rows: int, n_metrics: int) -> dict[str, tuple[int, ...]]:
    width, hidden = int(arrays["embed"].shape[-1]), int(arrays["head"].shape[0])
    depth = int(arrays["trunk"].shape[0])
    return {
        "constant": (n_metrics,), "additive": (n_rows, n_metrics), "scale": (n_metrics,), "embed": (n_rows, width),
        "inner": (n_groups, width, width), "inner_bias": (n_groups, width), "mix": (n_groups, width, hidden),
        "direct": (n_groups, width, n_metrics), "trunk": (depth, hidden, hidden), "trunk_bias": (depth, hidden),
        "head": (hidden, n_metrics), "head_bias": (n_metrics,),
    }  # fmt: skip


def write_network(
    path: Path,
    arrays: Mapping[str, Tensor],
    *,
    space: Space,
    metrics: Sequence[str],
    resolutions: Sequence[int],
    eight_bits: bool = False,
    others: Sequence[Mapping[str, Tensor]] = (),
) -> None:
    """Write a network file; the same arrays give the same bytes.

    Parameters
    ----------
    eight_bits
        Whether to store the arrays of `COARSE` in eight bits instead of sixteen.
    others
        The arrays of further members, of the same format.
    """
    from safetensors.torch import save

    file_format = next(name for name, names in FORMATS.items() if set(names) <= set(arrays))
    stored = _pack(file_format, arrays, eight_bits=eight_bits)
    for number, member in enumerate(others, start=2):
        packed = _pack(file_format, member, eight_bits=eight_bits)
        stored |= {f"{name}{MEMBER_MARK}{number}": array for name, array in packed.items()}
    content: dict[str, Any] = {
        "metrics": list(metrics), "slots": describe_slots(space), "resolutions": list(resolutions),
    }  # fmt: skip
    if others:
        content["members"] = 1 + len(others)
    write_bytes(path, save(stored, metadata=pack_header(file_format, content)))


def _pack(file_format: str, arrays: Mapping[str, Tensor], *, eight_bits: bool) -> dict[str, Tensor]:
    """Give the arrays of one member the types that they are stored in."""
    import torch

    stored = {
        name: arrays[name].detach().cpu().to(torch.float64 if name in EXACT else torch.float16).contiguous()
        for name in _list_arrays(file_format, arrays)
    }
    if eight_bits:
        for name in filter(is_coarse, sorted(stored)):
            stored[name], stored[name + SCALE_SUFFIX] = _to_int8(arrays[name].detach().cpu())
    return stored


def is_coarse(name: str) -> bool:
    """Tell whether an array can be stored in eight bits.

    Examples
    --------
    >>> is_coarse("rows"), is_coarse("hidden.1"), is_coarse("hidden_bias.1"), is_coarse("head")
    (True, True, False, False)
    """
    return name.partition(".")[0] in COARSE


def _list_arrays(file_format: str, names: Container[str]) -> list[str]:
    """List what a file of a format holds: its arrays, and of a trunk as many layers as there are."""
    listed = list(FORMATS[file_format])
    if file_format == "blockprofile.relu/2":
        depth = next(depth for depth in count() if name_trunk(depth + 1)[-1][0] not in names)
        listed += [name for layer in name_trunk(depth) for name in layer]
    return listed


def _to_int8(array: Tensor) -> tuple[Tensor, Tensor]:
    """Round to eight bits; the scales are float32, with a last axis of one."""
    import torch

    scale = array.float().abs().amax(-1, keepdim=True) / LARGEST_INT8
    rounded = torch.where(scale > 0, array / scale, 0.0).round()
    return rounded.to(torch.int8).contiguous(), scale.contiguous()


def pack_header(file_format: str, content: Mapping[str, Any]) -> dict[str, str]:
    """Make the header of a file: one entry, since the order of several is not kept."""
    return {HEADER_KEY: json.dumps({"format": file_format, **content})}


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


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read all arrays and the header of a network file.

    Raises
    ------
    DataError
        If the file is missing, truncated, or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    _check_size(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as failure:
        raise DataError(f"{path} cannot be read as safetensors: {failure}") from None
    for name, array in arrays.items():
        if str(array.dtype).removeprefix("torch.") not in {"float64", "float32", "float16", "int8"}:
            raise DataError(f"{path}: array {name!r} holds {array.dtype}; must be float64, float32, float16 or int8")
    return arrays, _unpack_header(path, metadata)


def _check_size(path: Path) -> None:
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a network file alone.

    Raises
    ------
    DataError
        If the file is missing, truncated, or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    _check_size(path)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata()
    except (SafetensorError, OSError, ValueError) as failure:
        raise DataError(f"{path} cannot be read as safetensors: {failure}") from None
    return _unpack_header(path, metadata)


def read_network(path: Path) -> NetworkFile:
    """Read a network file.

    Returns
    -------
    The arrays are float32, ``constant``, ``additive`` and ``mean`` float64.

    Raises
    ------
    DataError
        If the file is truncated, not finite, or not of this format.
    """
    arrays, header = read_safetensors(path)
    file_format = str(header.get("format"))
    if file_format not in FORMATS:
        raise DataError(f"{path} has format {file_format!r}; {one_of(file_format, FORMATS)}")
    n_members = header.get("members", 1)
    if not isinstance(n_members, int) or not 1 <= n_members <= MOST_MEMBERS:
        raise DataError(f"{path}: its header holds members {n_members!r}; must be 1 to {MOST_MEMBERS}")
    try:
        slots = tuple((str(name), int(size)) for name, size in header["slots"])
        metrics = tuple(str(name) for name in header["metrics"])
        resolutions = tuple(int(value) for value in header["resolutions"])
    except (KeyError, TypeError, ValueError) as failure:
        raise DataError(f"{path}: its header is wrong: {failure}") from None
    first, *others = (
        _unpack(path, file_format, {name.partition(MEMBER_MARK)[0]: array for name, array in arrays.items()
                                    if name.partition(MEMBER_MARK)[2] == mark})
        for mark in ("", *map(str, range(2, n_members + 1)))
    )  # fmt: skip
    return NetworkFile(path, file_format, metrics, slots, resolutions, first, tuple(others))


def _unpack(path: Path, file_format: str, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    """Check the arrays of one member and give them the types that they are computed with."""
    import torch

    names = _list_arrays(file_format, arrays)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f"{path} lacks the arrays {', '.join(missing)}")
    for name in filter(is_coarse, names):
        if name + SCALE_SUFFIX in arrays:
            arrays[name] = _from_int8(path, name, arrays)
    for name in names:
        if not torch.isfinite(arrays[name]).all():
            raise DataError(f"{path}: array {name!r} holds values that are not finite")
    return {name: arrays[name].to(torch.float64 if name in EXACT else torch.float32) for name in names}
