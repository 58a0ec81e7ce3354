"""Models for torch.export and LiteRT: the torch layers of an operator list, every step a module that says its place.

Tools name what they make of a module after its path, so a step's module is named as its ONNX nodes are, with ``_`` in
place of ``/``. The steps are those of `blockprofile.device.onnx_graph`; weights are random.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import OptionError
from blockprofile.modules import seeded, step_modules
from blockprofile.space import Operator, primitives

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["named_module", "pt2_bytes", "tflite_bytes"]


def named_module(
    operators: Sequence[Operator], names: Sequence[str], *, layout: str = "nchw", marks_end: bool = False
) -> nn.Module:
    """Build the torch module of operators that run one after another, a submodule for each step.

    Parameters
    ----------
    names
        One for each operator, as `blockprofile.device.node_names.instance_names` gives them.
    layout
        ``nchw``, or ``nhwc``: the input has its channels last, and is transposed first.
    marks_end
        The output has one dimension more: converters name what makes the output after the output, and that is then
        no step but a reshape.
    """
    from torch import nn

    class Network(nn.Module):
        """Runs the operators one after another."""

        def __init__(self) -> None:
            super().__init__()
            for op, name in zip(operators, names, strict=True):
                for index, step in enumerate(primitives(op)):
                    self.add_module(_path(name, index, step.kind), _fold(step_modules(step)))

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            value = features.permute(0, 3, 1, 2) if layout == "nhwc" else features
            for op, name in zip(operators, names, strict=True):
                value = _run_operator(self, op, name, value)
            return value.unsqueeze(-1) if marks_end else value

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
        module = network.get_submodule(_path(name, index, step.kind))
        if step.kind in {"add", "scale"}:
            main, gate = module(main, shortcut if step.kind == "add" else gate), None
        elif step.part == "se":
            gate = module(main if gate is None else gate)
        elif step.part == "shortcut":
            shortcut = module(shortcut)
        else:
            main = module(main)
    return main


def _path(name: str, index: int, kind: str) -> str:
    return f"{name}/{index}_{kind}".replace("/", "_")


def _example(op: Operator, *, batch: int, layout: str) -> torch.Tensor:
    import torch

    shape = (op.in_channels, op.in_size, op.in_size)
    return torch.zeros(batch, *(shape if layout == "nchw" else (*shape[1:], shape[0])))


def pt2_bytes(
    operators: Sequence[Operator], names: Sequence[str], *, batch: int, layout: str, seed: int, precision: str
) -> bytes:
    """Export a model by `torch.export` as the bytes of a ``.pt2`` file.

    Parameters
    ----------
    precision
        ``float32`` or ``float16``.
    """
    import torch

    dtype = torch.float16 if precision == "float16" else torch.float32
    with seeded(seed):
        module = named_module(operators, names, layout=layout).to(dtype)
    inputs = (_example(operators[0], batch=batch, layout=layout).to(dtype),)
    held = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of what it deprecates in itself
        torch.export.save(torch.export.export(module, inputs), held)
    return held.getvalue()


def tflite_bytes(operators: Sequence[Operator], names: Sequence[str], *, batch: int, layout: str, seed: int) -> bytes:
    """Convert a model by `litert_torch`, where it is installed, to the bytes of a ``.tflite`` file of float32.

    Raises
    ------
    OptionError
        If it is not installed.
    """
    try:
        import litert_torch
    except ImportError as failure:
        raise OptionError(f"TFLite files need the package {failure.name!r}; pip install litert-torch") from None
    with seeded(seed):
        module = named_module(operators, names, layout=layout, marks_end=True)
    inputs = (_example(operators[0], batch=batch, layout=layout),)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        converted: Any = litert_torch.convert(module, inputs)
        converted.export(str(Path(folder) / "model.tflite"))
        return _one_name_each((Path(folder) / "model.tflite").read_bytes(), operators, names)


def _one_name_each(data: bytes, operators: Sequence[Operator], names: Sequence[str]) -> bytes:
    """Name every value after its own step alone.

    The converter adds the names of whatever shares a constant with it; the constant is the first one's, so of several
    steps the last is meant.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    paths = [_path(name, i, step.kind) for op, name in zip(operators, names, strict=True)
             for i, step in enumerate(primitives(op))]  # fmt: skip
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for number, tensor in enumerate(model.subgraphs[0].tensors):
        own = [path for path in paths if f"_{path}" in tensor.name.decode()]
        if own:
            tensor.name = f"{own[-1]}/{number}".encode()
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
