"""Models for LiteRT (TF-Lite): converted by ``litert_torch``, quantised by ``ai_edge_quantizer``, where installed.

Tools name a node after the value that it makes, so every value is named after its step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.converter import quiet
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.quantize import calibration_batches
from blockprofile.device.torch_export import example_input, named_module, step_path
from blockprofile.errors import OptionError
from blockprofile.modules import seeded
from blockprofile.space import Operator, primitives

IDENTIFIER = b"TFL3"


def tflite_bytes(operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> bytes:
    """Convert a model to the bytes of a ``.tflite`` file, in float32 or int8 (inputs and outputs too).

    Raises
    ------
    OptionError
        If a package is not installed, or the calibration images do not fit the model's input.
    """
    try:
        import litert_torch
    except ImportError as failure:
        raise OptionError(f"TFLite files need the package {failure.name!r}; pip install litert-torch") from None
    example = example_input(operators[0], settings)
    with seeded(settings.seed):
        module = named_module(operators, names, layout=settings.layout)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        converted: Any = litert_torch.convert(module, (example,))
        converted.export(str(Path(folder) / "model.tflite"))
        data = _one_name_each((Path(folder) / "model.tflite").read_bytes(), operators, names)
    if settings.precision != "int8":
        return data
    return _quantized(data, calibration_batches(tuple(example.shape), seed=settings.seed, images=settings.calibration))


def _quantized(data: bytes, batches: Sequence[NDArray[np.float32]]) -> bytes:
    """Quantise a model statically: weights by channel and values by tensor to int8; names are kept."""
    try:
        from ai_edge_quantizer import quantizer, recipe
    except ImportError as failure:
        raise OptionError(
            f"TFLite files in int8 need the package {failure.name!r}; pip install ai-edge-quantizer"
        ) from None
    with quiet():
        made = quantizer.Quantizer(data, recipe.static_wi8_ai8())
        signature = _model(data).signatureDefs[0]
        key, entry = signature.signatureKey.decode(), signature.inputs[0].name.decode()
        ranges = made.calibrate({key: [{entry: batch} for batch in batches]}, num_threads=1)
        return bytes(made.quantize(ranges).quantized_model)


def _model(data: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(data, 0)


def _one_name_each(data: bytes, operators: Sequence[Operator], names: Sequence[str]) -> bytes:
    """Name every value after its own step alone, the output after the last.

    The converter adds the names of whatever shares a constant with it; the constant is the first one's, so of several
    steps the last is meant. It names the output after itself; tools find inputs and outputs by their place.
    """
    import flatbuffers

    paths = [
        step_path(name, index, step.kind)
        for op, name in zip(operators, names, strict=True)
        for index, step in enumerate(primitives(op))
    ]
    model = _model(data)
    graph = model.subgraphs[0]
    for number, tensor in enumerate(graph.tensors):
        own = [path for path in paths if f"_{path}" in tensor.name.decode()]
        if number in graph.outputs:
            own = paths
        if own:
            tensor.name = f"{own[-1]}/{number}".encode()
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())
