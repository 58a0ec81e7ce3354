"""The files of a supernet's weights and of a training that is under way: safetensors, checked by name and shape.

Counters of batch normalisations are left out: statistics are computed anew for every arch before it is judged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import DataError, one_of
from blockprofile.files import write_bytes
from blockprofile.jsonfile import digest_of, parse_json
from blockprofile.supernet.training import Position, Trainer
from blockprofile.yamlfile import Document

if TYPE_CHECKING:
    from torch import Tensor, nn

CHECKPOINT_NAME, WEIGHTS_NAME = "checkpoint.safetensors", "weights.safetensors"
FORMAT = "blockprofile.supernet/1"
_HEADER = "blockprofile"
_WEIGHT, _MOMENTUM = "weight:", "momentum:"


def float_values(module: nn.Module) -> dict[str, Tensor]:
    """Return parameters and statistics by name: what a file holds of a module."""
    return {name: value for name, value in module.state_dict().items() if value.is_floating_point()}


def _write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    import torch
    from safetensors.torch import save

    plain = {
        name: value.detach().cpu().contiguous(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    header = {**about, "digest": digest_of(dict(about))}
    write_bytes(path, save(plain, metadata={_HEADER: json.dumps({"format": FORMAT, **header})}))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as failure:
        raise DataError(f"{path} cannot be read as safetensors: {failure}") from None
    about = parse_json(metadata.get(_HEADER, "null"), path)
    if not isinstance(about, dict) or about.pop("format", None) != FORMAT:
        raise DataError(f"{path} holds no weights of a supernet: its header does not say {FORMAT!r}")
    if about.pop("digest", None) != digest_of(about):
        raise DataError(f"{path} is damaged: its header is not as it was written")
    return tensors, about


def fill_tensors(path: Path, into: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, prefix: str = "") -> None:
    """Copy tensors into others of the same names and shapes.

    Raises
    ------
    DataError
        Naming the first tensor that is missing, that nothing takes, of another shape, or not finite.
    """
    import torch

    for name, value in into.items():
        if prefix + name not in tensors:
            raise DataError(f"{path} has no tensor {prefix + name!r}; {one_of(prefix + name, sorted(tensors)[:4])}")
        found = tensors[prefix + name]
        if found.shape != value.shape or not found.is_floating_point():
            raise DataError(
                f"{path}: tensor {prefix + name!r} is {str(found.dtype).removeprefix('torch.')} "
                f"{tuple(found.shape)}; must be float32 {tuple(value.shape)}"
            )
        if not torch.isfinite(found).all():
            raise DataError(f"{path}: tensor {prefix + name!r} holds values that are not finite")
    strange = [name for name in tensors if name.startswith(prefix) and name.removeprefix(prefix) not in into]
    if strange:
        raise DataError(f"{path} has a tensor {strange[0]!r}, which nothing takes")
    with torch.no_grad():
        for name, value in into.items():
            value.copy_(tensors[prefix + name])


def save_weights(path: Path, module: nn.Module, about: Mapping[str, Any]) -> None:
    """Write the weights of a supernet whole or not at all; the same weights give the same bytes."""
    _write(path, float_values(module), about)


def load_weights(path: Path, module: nn.Module) -> dict[str, Any]:
    """Read weights into a module; return what the file says of them.

    Raises
    ------
    DataError
        If the file is damaged, or a tensor is missing, of another shape, or not finite.
    """
    tensors, about = _read(path)
    fill_tensors(path, float_values(module), tensors)
    return about


def save_training(path: Path, trainer: Trainer, config: str) -> None:
    """Write all that a training needs to go on: weights, momentum, position.

    Parameters
    ----------
    config
        The digest of the configuration.
    """
    named = dict(trainer.net.module.named_parameters())
    momentum = {
        _MOMENTUM + name: trainer.optimizer.state[value]["momentum_buffer"]
        for name, value in named.items()
        if trainer.optimizer.state.get(value, {}).get("momentum_buffer") is not None
    }
    weights = {_WEIGHT + name: value for name, value in float_values(trainer.net.module).items()}
    _write(path, weights | momentum, {"config": config, **asdict(trainer.position)})


def load_training(path: Path, trainer: Trainer, config: str) -> None:
    """Put a trainer where `save_training` left another.

    Raises
    ------
    DataError
        If the file is damaged, of another configuration, or does not fit.
    """
    import torch

    tensors, about = _read(path)
    if about.pop("config", None) != config:
        raise DataError(f"{path} belongs to another training; choose another --out")
    position = Document(path, about, None).validate(Position)
    held = {name: value for name, value in tensors.items() if name.startswith(_MOMENTUM)}
    fill_tensors(
        path, float_values(trainer.net.module), {k: v for k, v in tensors.items() if k not in held}, prefix=_WEIGHT
    )
    named = dict(trainer.net.module.named_parameters())
    buffers = {
        name: torch.zeros_like(named[name]) for name in (key.removeprefix(_MOMENTUM) for key in held) if name in named
    }
    fill_tensors(path, buffers, held, prefix=_MOMENTUM)
    for name, value in buffers.items():
        trainer.optimizer.state[named[name]]["momentum_buffer"] = value
    trainer.position = position
