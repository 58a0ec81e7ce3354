"""Archs as networks for other programs: a torch state dict with its YAML, and ONNX.

A folder holds `arch.yaml` (what it is, and how images are normalised), `space.yaml`, `weights.safetensors` (the state
dict of the module that `build_network` makes) and `network.onnx`, whose batch normalisations are folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.device import Layer, onnx_model
from blockprofile.errors import DataError, OptionError
from blockprofile.files import replacing_folder, write_bytes, write_text
from blockprofile.modules import build_network, seeded
from blockprofile.space import (
    Archs,
    Space,
    base_text,
    count_macs,
    count_params,
    decode,
    describe_space,
    encode,
    list_operators,
    load_space,
)
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.evaluate import check_archs
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.judging import Judge, JudgeOptions
from blockprofile.supernet.roles import BN_EPS, roles_of, set_bn_eps, sizeless
from blockprofile.yamlfile import read_yaml, write_yaml

if TYPE_CHECKING:
    from torch import nn

ARCH_NAME, SPACE_NAME, WEIGHTS_NAME, ONNX_NAME = "arch.yaml", "space.yaml", "weights.safetensors", "network.onnx"
_SCHEMA = "blockprofile.network/1"


def folded_layers(space: Space, arch: Archs, network: nn.Module) -> Iterator[Layer]:
    """List weights and biases of a network's layers in the order in which they run, batch normalisation folded in."""
    modules = dict(network.named_modules())
    for number, op in enumerate(list_operators(space, arch)):
        for role in roles_of(sizeless(op)):
            layer: Any = modules[f"{number}.{role.layer}"]
            weight = layer.weight.detach().double().cpu()
            bias = None if layer.bias is None else layer.bias.detach().double().cpu()
            if role.norm:
                norm: Any = modules[f"{number}.{role.norm}"]
                held = {name: value.detach().double().cpu() for name, value in norm.state_dict().items()}
                scale = held["weight"] / (held["running_var"] + norm.eps).sqrt()
                weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
                bias = held["bias"] + ((0.0 if bias is None else bias) - held["running_mean"]) * scale
            yield weight.numpy(), None if bias is None else bias.numpy()


def export_arch(
    space: Space,
    arch: Archs,
    network: nn.Module | None,
    *,
    out: str | Path,
    data: DataSet | None = None,
    made_from: str = "fresh weights of seed 0",
    with_onnx: bool = True,
) -> dict[str, Any]:
    """Write an arch as a folder.

    Parameters
    ----------
    network
        The arch's network; None makes one with torch's own initial weights.
    data
        The images that it was trained on: how they were normalised, and their classes, stand in the YAML then.
    with_onnx
        Write the ONNX file too, which needs the package ``onnx``.

    Returns
    -------
    What `arch.yaml` says.

    Raises
    ------
    ArchError
        If the arch is none of the space.
    OptionError
        If ``onnx`` is not installed.
    """
    import torch
    from safetensors.torch import save

    check_archs(space, arch[None])
    ops = list_operators(space, arch)
    if network is None:
        with seeded(0):
            network = build_network(ops)
    size = space.resolution_of(arch)
    record = None if data is None else data.record
    about: dict[str, Any] = {
        "schema": _SCHEMA, "space": space.base.name, "arch": decode(space, arch), "resolution": size,
        "input": {
            "channels": space.definition.input.channels, "size": size,
            "mean": None if record is None else list(record.mean), "std": None if record is None else list(record.std),
        },
        "bn_eps": next((part.eps for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)), BN_EPS),
        "classes": None if record is None else list(record.classes),
        "macs_m": count_macs(ops) / 1e6, "params_m": count_params(ops) / 1e6, "made_from": made_from,
        "operators": [op.describe() for op in ops],
    }  # fmt: skip
    model = _onnx(space, arch, network) if with_onnx else None
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with replacing_folder(Path(out)) as folder:
        write_yaml(folder / ARCH_NAME, about)
        write_text(folder / SPACE_NAME, base_text(describe_space(space.base, space.base), space.base))
        write_bytes(folder / WEIGHTS_NAME, save(state))
        if model is not None:
            write_bytes(folder / ONNX_NAME, model)
    return about


def _onnx(space: Space, arch: Archs, network: nn.Module) -> bytes:
    try:
        model = onnx_model(list_operators(space, arch), batch=None, layers=folded_layers(space, arch, network))
    except ImportError:
        raise OptionError("ONNX needs the package 'onnx'; install blockprofile[onnx], or give --no-onnx") from None
    found: bytes = model.SerializeToString()
    return found


def export_from_supernet(
    supernet: str | Path,
    arch: Archs,
    *,
    out: str | Path,
    data: str | Path | None = None,
    with_onnx: bool = True,
) -> dict[str, Any]:
    """Write an arch with its weights of a supernet, batch normalisation recalibrated for it.

    Parameters
    ----------
    data
        Where the training images are; left out, where they were. A supernet that was imported and knows no images keeps
        the statistics it has.

    Raises
    ------
    UserError, DataError
        As `open_supernet`, `export_arch` and `SupernetFolder.load_data`.
    """
    found = open_supernet(supernet)
    check_archs(found.net.space, arch[None])
    if found.config["data"] is None:
        network, images, told = found.net.network_of(arch), None, "batch statistics as imported, not recalibrated"
    else:
        images = found.load_data(data)
        judge = Judge(found.net, images, JudgeOptions(threads=found.recipe.threads))
        network = judge.network(arch)
        told = "batch statistics recalibrated"
    made_from = f"the shared weights of {found.folder.resolve().name}, {told}"
    network = network.eval().cpu()
    return export_arch(found.net.space, arch, network, out=out, data=images, made_from=made_from, with_onnx=with_onnx)


def load_exported(folder: str | Path) -> nn.Module:
    """Build the network of an exported folder, in evaluation mode.

    Raises
    ------
    UnknownNameError, DataError
        If a file is missing, damaged, or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    place = Path(folder)
    document = read_yaml(place / ARCH_NAME)
    if document.data.get("schema") != _SCHEMA:
        raise DataError(f"{place / ARCH_NAME}: schema is {document.data.get('schema')!r}; must be {_SCHEMA!r}")
    space = load_space(place / SPACE_NAME)
    if not space.definition.input.searched:
        space = space.at_resolution(document.data["resolution"])
    network = build_network(list_operators(space, encode(space, str(document.data["arch"]))))
    try:
        network.load_state_dict(load_file(place / WEIGHTS_NAME))
    except (SafetensorError, OSError, RuntimeError) as failure:
        reason = str(failure).strip().splitlines()
        raise DataError(f"{place / WEIGHTS_NAME} does not hold this network's weights: {reason[-1].strip()}") from None
    set_bn_eps(network, float(document.data.get("bn_eps", BN_EPS)))
    return network.eval()
