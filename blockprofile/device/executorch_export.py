"""Models for ExecuTorch, lowered to its XNNPACK delegate, where the package ``executorch`` is installed.

A delegate is timed as a whole, and says by the program's ETRecord which modules it runs. So a network is lowered in one
of two ways: to one delegate, as it would be deployed, or to one for each operator, which is then timed where it stands.
Eight bits are those of the delegate's own quantiser: weights by channel, values by tensor, symmetric; what
quantises at the ends of operators hides whose it is, so such a network is timed as one delegate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from blockprofile.device.converter import quiet
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.node_names import find_steps
from blockprofile.device.quantize import calibration_batches
from blockprofile.device.torch_export import example_input, exported_program
from blockprofile.errors import OptionError
from blockprofile.space import Operator

_TAG = "delegation_tag"
"""Where ExecuTorch's partitioners write which delegate a node goes to."""


def pte_bytes(operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> tuple[bytes, bytes]:
    """Lower a model to the bytes of a ``.pte`` file.

    Returns
    -------
    The program; and its ETRecord where the settings keep operators apart, else nothing, as it is timed as a whole.

    Raises
    ------
    OptionError
        If the package is not installed, or the calibration images do not fit the model's input.
    """
    try:
        with quiet():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower
    except ImportError as failure:
        raise OptionError(f"ExecuTorch files need the package {failure.name!r}; pip install executorch") from None

    class ByOperator(XnnpackPartitioner):  # type: ignore[misc]
        """Gives every operator a delegate of its own."""

        def partition(self, exported: Any) -> Any:
            result = super().partition(exported)
            tags = _retag(exported.graph.nodes)
            return type(result)(
                tagged_exported_program=result.tagged_exported_program,
                partition_tags=dict.fromkeys(tags, self.delegation_spec),
            )

    program = exported_program(operators, names, settings)
    if settings.precision == "int8":
        program = _quantized(program, example_input(operators[0], settings), settings)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        made: Any = to_edge_transform_and_lower(
            program,
            partitioner=[ByOperator() if settings.apart else XnnpackPartitioner()],
            generate_etrecord=settings.apart,
        ).to_executorch()
        if not settings.apart:
            return bytes(made.buffer), b""
        record, path = made.get_etrecord(), Path(folder) / "record"
        record.exported_program = None  # names do not need it, and it has all weights once more
        record.save(str(path))
        return bytes(made.buffer), path.read_bytes()


def _quantized(program: Any, example: Any, settings: ExportSettings) -> Any:
    """Quantise a program statically, by the calibration images or drawn ones."""
    import torch

    batches = calibration_batches(tuple(example.shape), seed=settings.seed, images=settings.calibration)
    with quiet(), torch.no_grad():
        from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        how = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
        module = prepare_pt2e(program.module(), xnnpack.XNNPACKQuantizer().set_global(how))
        for batch in batches:
            module(torch.from_numpy(batch))
        return torch.export.export(convert_pt2e(module), (example,))


def _retag(nodes: Iterable[Any]) -> list[str]:
    """Add the operator to the delegate's tag of every node; a constant goes with what uses it."""
    tags: dict[str, None] = {}
    constants = []
    for node in nodes:
        if not node.meta.get(_TAG):
            continue
        if node.op == "placeholder":
            constants.append(node)
            continue
        paths = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
        places = [str(step.instance) for path in paths for step in find_steps(path)]
        node.meta[_TAG] = "_".join([node.meta[_TAG], *places[-1:]])
        tags[node.meta[_TAG]] = None
    for node in constants:
        node.meta[_TAG] = next(user.meta[_TAG] for user in node.users if user.meta.get(_TAG))
    return list(tags)
