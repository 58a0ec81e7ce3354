"""Models for ExecuTorch, lowered to its XNNPACK delegate, where the package ``executorch`` is installed.

A delegate is timed as a whole, and says by the program's ETRecord which modules it runs. So a network is lowered in one
of two ways: to one delegate, as it would be deployed, or to one for each operator, which is then timed where it stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from blockprofile.device.converter import quiet
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.node_names import find_steps
from blockprofile.device.torch_export import exported_program
from blockprofile.errors import OptionError
from blockprofile.space import Operator

__all__ = ["pte_bytes"]

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
        If the package is not installed.
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
        places = [str(step.instance) for path, _ in node.meta.get("nn_module_stack", {}).values()
                  for step in find_steps(path)]  # fmt: skip
        node.meta[_TAG] = "_".join([node.meta[_TAG], *places[-1:]])
        tags[node.meta[_TAG]] = None
    for node in constants:
        node.meta[_TAG] = next(user.meta[_TAG] for user in node.users if user.meta.get(_TAG))
    return list(tags)
