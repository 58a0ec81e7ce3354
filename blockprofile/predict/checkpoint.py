"""Reading the accuracy predictors that Once-for-All publishes as torch checkpoints.

Both are networks with three hidden layers of 400 and ReLU on one-hot inputs.

References
----------
Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020;
github.com/mit-han-lab/once-for-all, accuracy predictors for MobileNetV3 and ResNet50.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import DataError
from blockprofile.metric import check_metric
from blockprofile.predict.folder import replacing_predictor, write_card
from blockprofile.predict.onehot import OneHot, n_codes
from blockprofile.predict.weights import WEIGHTS_NAME, write_network
from blockprofile.space import Slot, Space, Value, load_space
from blockprofile.tensorfile import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 1 << 26

PERCENT = 100.0

Columns = Callable[[Slot, Value], Sequence[int]]
"""The inputs that are 1 when a slot holds a value."""


@dataclass(frozen=True, slots=True)
class CheckpointLayout:
    """How a published checkpoint encodes an arch.

    ``layers`` are the names of the linear layers, ``base`` the name of a number that is added to the output;
    ``first_resolution`` is the input of the first entry of ``resolutions``.
    """

    space: str
    n_inputs: int
    layers: tuple[str, ...]
    base: str
    resolutions: tuple[int, ...]
    first_resolution: int
    columns: Columns


def _mobilenet_columns(slot: Slot, value: Value) -> Sequence[int]:
    """20 x 3 kernels (3, 5, 7), then 20 x 3 expansions (3, 4, 6), unit by unit; nothing where inactive."""
    if slot.kind != "layer":
        return ()
    place = 4 * (slot.unit - 1) + slot.layer - 1
    expansion, kernel = str(value)[1:].split("k")
    return 3 * place + ("3", "5", "7").index(kernel), 60 + 3 * place + ("3", "4", "6").index(expansion)


_RESNET_LAYERS = {1: 0, 2: 4, 3: 8, 4: 14}
_RESNET_WIDTHS = {"stem_mid": 0, "stem_out": 1}


def _resnet_columns(slot: Slot, value: Value) -> Sequence[int]:
    """8 resolutions, 2 stem depths, 6 x 3 widths, then 18 x 3 bottleneck ratios; nothing where inactive."""
    code = slot.choices.index(value)
    if slot.name == "stem_depth":
        return (8 + code,)
    if slot.kind == "depth":
        return ()
    if slot.kind == "layer":
        return (28 + 3 * (_RESNET_LAYERS[slot.unit] + slot.layer - 1) + code,)
    place = _RESNET_WIDTHS.get(slot.name, 1 + slot.unit)
    return (10 + 3 * place + code,)


LAYOUTS = (
    CheckpointLayout(
        "ofa_mbv3", 128, ("0", "2", "4", "6"), "", (160, 176, 192, 208, 224), 123, _mobilenet_columns
    ),
    CheckpointLayout(
        "ofa_resnet50", 82, ("layers.0.0", "layers.1.0", "layers.2.0", "layers.3"), "base_acc",
        (128, 144, 160, 176, 192, 224, 240, 256), 0, _resnet_columns,
    ),
)  # fmt: skip
"""The published ones; that for MobileNetV3 knows resolutions from 112 in steps of 16, the space those from 160."""


def convert_checkpoint(tensors: Mapping[str, Tensor], *, source: Path) -> tuple[dict[str, Tensor], OneHot, Space]:
    """Turn a published checkpoint into a network on one-hot slots.

    Returns
    -------
    The arrays of a network file (in percent, without an additive part), its inputs, and the space that it is for.

    Raises
    ------
    DataError
        If it is none of the published layouts.
    """
    layout = next((known for known in LAYOUTS if _fits(tensors, known)), None)
    if layout is None:
        shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(tensors.items())[:4])
        raise DataError(
            f"{source} is none of the known checkpoints (128 or 82 inputs, three hidden layers of one size); "
            f"it holds {shapes or 'nothing'}"
        )
    unread = sorted(tensors.keys() - _names(layout))
    if unread:
        raise DataError(
            f"{source} holds {len(unread)} tensors that no checkpoint of {layout.space} has: {', '.join(unread[:4])}"
        )
    space = load_space(layout.space)
    return *_convert(tensors, layout, space), space


def _names(layout: CheckpointLayout) -> set[str]:
    """Return the names of all tensors that a layout may have."""
    return {layout.base, *(f"{name}.{part}" for name in layout.layers for part in ("weight", "bias"))}


def _fits(tensors: Mapping[str, Tensor], layout: CheckpointLayout) -> bool:
    weights = [tensors.get(f"{name}.weight") for name in layout.layers]
    if any(weight is None or weight.ndim != 2 for weight in weights) or _n_values(tensors, layout.base) != 1:
        return False
    sizes = [layout.n_inputs] + [int(weight.shape[0]) for weight in weights if weight is not None]
    shapes = [tuple(weight.shape) for weight in weights if weight is not None]
    biases = [tensors.get(f"{name}.bias") for name in layout.layers]
    fitting = all(bias is None or tuple(bias.shape) == (shape[0],) for bias, shape in zip(biases, shapes, strict=True))
    return fitting and sizes[-1] == 1 and shapes == list(zip(sizes[1:], sizes[:-1], strict=True))


def _n_values(tensors: Mapping[str, Tensor], base: str) -> int:
    return (tensors[base].numel() if base in tensors else 0) if base else 1


def _convert(tensors: Mapping[str, Tensor], layout: CheckpointLayout, space: Space) -> tuple[dict[str, Tensor], OneHot]:
    import torch

    weights = [tensors[f"{name}.weight"].float() for name in layout.layers]
    biases = [
        tensors.get(f"{name}.bias", torch.zeros(len(weight))).float()
        for name, weight in zip(layout.layers, weights, strict=True)
    ]
    columns = []
    for slot in space.slots:
        for code in range(n_codes(space, slot)):
            used = layout.columns(slot, slot.choices[code]) if code < slot.n_choices else ()
            columns.append(weights[0][:, list(used)].sum(dim=1))
    start = layout.first_resolution
    columns += [weights[0][:, start + place] for place in range(len(layout.resolutions))]
    weights[0] = torch.stack(columns, dim=1)
    if layout.base:
        biases[-1] = biases[-1] + tensors[layout.base].float().reshape(1)
    arrays = {"scale": torch.tensor([PERCENT])}
    for place, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        arrays |= {f"weight{place}": weight[None], f"bias{place}": bias[None]}
    return arrays, OneHot.of(space, layout.resolutions)


def import_predictor(path: Path, *, out: Path, name: str) -> dict[str, Any]:
    """Write a predictor folder from a published checkpoint.

    Parameters
    ----------
    name
        The metric becomes ``top1_percent:NAME``: another scale than ImageNet validation.

    Raises
    ------
    DataError
        As `read_tensors` and `convert_checkpoint`; nothing is written then.
    """
    check_metric(f"top1_percent:{name}")
    arrays, inputs, space = convert_checkpoint(read_tensors(path, max_bytes=MAX_BYTES), source=path)
    card = {
        "schema": "blockprofile.predictor/1",
        "name": out.resolve().name,
        "title": f"Once-for-All's accuracy predictor of {space.name}, imported from {path.name}",
        "kind": "network",
        "metric": f"top1_percent:{name}",
        "unit": "%",
        "provenance": "user",
        "floor": None,
        "spaces": [space.name],
        "resolutions": list(inputs.resolutions),
        "sources": [
            "Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020"
        ],
        "made_from": f"the published checkpoint {path.name}, its numbers unchanged",
        "error": {"notes": "Against accuracies of the supernet: not published with the checkpoint."},
        "not_for": "Comparison with ImageNet validation accuracies: it was fitted on held-out training images.",
    }
    with replacing_predictor(out) as folder:
        write_network(folder / WEIGHTS_NAME, arrays, inputs)
        write_card(folder, card)
    return card
