"""Models for torch.export and what lowers its programs: torch layers, every step a module that says its place.

Tools name what they make of a module after its path, so a step's module is named as its ONNX nodes are, with ``_`` in
place of ``/``. The steps are those of `blockprofile.device.onnx_graph`; weights are random.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from blockprofile.device.converter import quiet
from blockprofile.device.export_settings import ExportSettings
from blockprofile.modules import seeded, step_modules
from blockprofile.space import Operator, primitives

if TYPE_CHECKING:
    import torch
    from torch import nn


def named_module(operators: Sequence[Operator], names: Sequence[str], *, layout: str = "nchw") -> nn.Module:
    """Build the torch module of operators that run one after another, a submodule for each step.

    Parameters
    ----------
    names
        One for each operator, as `blockprofile.device.node_names.instance_names` gives them.
    layout
        ``nchw``, or ``nhwc``: the input has its channels last, and is transposed first.
    """
    from torch import nn

    class Network(nn.Module):
        """Runs the operators one after another."""

        def __init__(self) -> None:
            super().__init__()
            for op, name in zip(operators, names, strict=True):
                for index, step in enumerate(primitives(op)):
                    self.add_module(step_path(name, index, step.kind), _fold(step_modules(step)))

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            value = features.permute(0, 3, 1, 2) if layout == "nhwc" else features
            for op, name in zip(operators, names, strict=True):
                value = _run_operator(self, op, name, value)
            return value

    return Network().eval()


def _fold(layers: nn.Module) -> nn.Module:
    """Fold normalisations into the convolutions before them, with statistics that are drawn.

    Converters join constants that are the same, and with them the names of the steps that hold them.
    """
    import torch
    from torch import nn
    from torch.nn.utils import fuse_conv_bn_eval

    kept: list[nn.Module] = []
    for layer in layers.children() if isinstance(layers, nn.Sequential) else ():
        if isinstance(layer, nn.BatchNorm2d) and isinstance(kept[-1], nn.Conv2d):
            with torch.no_grad():
                layer.bias.uniform_(-0.1, 0.1)
            kept[-1] = fuse_conv_bn_eval(kept[-1].eval(), layer.eval())
        else:
            kept.append(layer)
    return nn.Sequential(*kept) if isinstance(layers, nn.Sequential) else layers


def _run_operator(network: nn.Module, op: Operator, name: str, entry: torch.Tensor) -> torch.Tensor:
    """Run an operator's steps; what a gate and a shortcut need is kept until they come."""
    main = shortcut = entry
    gate: torch.Tensor | None = None
    for index, step in enumerate(primitives(op)):
        module = network.get_submodule(step_path(name, index, step.kind))
        if step.kind in {"add", "scale"}:
            main, gate = module(main, shortcut if step.kind == "add" else gate), None
        elif step.part == "se":
            gate = module(main if gate is None else gate)
        elif step.part == "shortcut":
            shortcut = module(shortcut)
        else:
            main = module(main)
    return main


def step_path(name: str, index: int, kind: str) -> str:
    """Name the module of a step of an operator that is named."""
    return f"{name}/{index}_{kind}".replace("/", "_")


def example_input(op: Operator, settings: ExportSettings) -> torch.Tensor:
    """Make an input of a model that begins with an operator."""
    import torch

    shape = (op.in_channels, op.in_size, op.in_size)
    ordered = shape if settings.layout == "nchw" else (*shape[1:], shape[0])
    return torch.zeros(settings.batch, *ordered, dtype=torch.float16 if settings.precision == "fp16" else torch.float32)


def exported_program(
    operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings
) -> torch.export.ExportedProgram:
    """Export a model by `torch.export`."""
    import torch

    example = example_input(operators[0], settings)
    with seeded(settings.seed):
        module = named_module(operators, names, layout=settings.layout).to(example.dtype)
    with torch.no_grad(), quiet():
        return torch.export.export(module, (example,))


def pt2_bytes(operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> bytes:
    """Export a model by `torch.export` as the bytes of a ``.pt2`` file."""
    import torch

    held = io.BytesIO()
    program = exported_program(operators, names, settings)
    with quiet():
        torch.export.save(program, held)
    return held.getvalue()
