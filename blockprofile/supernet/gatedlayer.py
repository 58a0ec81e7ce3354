"""The parts of a layer that single-path chooses among, read off its blocks."""

from __future__ import annotations

from dataclasses import dataclass

from blockprofile.errors import OptionError
from blockprofile.space import Operator, Site, Slot, Space, kind_of
from blockprofile.supernet.roles import sizeless


@dataclass(frozen=True, slots=True)
class GatedLayer:
    """A layer whose parts are chosen.

    Parameters
    ----------
    kernels, expansions
        Its choices, ascending; ``hidden`` gives the channels of each expansion.
    gates
        With which of them there is a choice: ``kernel5``, ``expansion6``, ``se``, ``skip``.
    codes
        (kernel, expansion, se) -> code of the block; ``(0, 0.0, False)`` is the skip.
    op
        The largest operator.
    """

    site: Site
    slot: Slot
    kernels: tuple[int, ...]
    expansions: tuple[float, ...]
    hidden: tuple[int, ...]
    gates: tuple[str, ...]
    codes: dict[tuple[int, float, bool], int]
    op: Operator


SKIP = (0, 0.0, False)


def read_layer(space: Space, site: Site, slot: Slot) -> GatedLayer:
    """Read a layer's parts off its blocks.

    Raises
    ------
    OptionError
        If they are no product of kernels, expansions and squeeze-and-excite, with or without a skip.
    """
    codes: dict[tuple[int, float, bool], int] = {}
    ops: dict[tuple[int, float, bool], Operator] = {}
    for code in space.allowed[slot.index]:
        op, block = site.table[code,] if site.scope == (slot.index,) else None, space.blocks[code]
        if op is None and kind_of(block).is_skip:
            codes[SKIP] = code
        elif op is not None and op.op == "mbconv" and op.groups == 1 and op.hidden_channels > op.in_channels:
            key = (op.kernel, float(block.expansion or 1), op.se_channels > 0)
            codes[key], ops[key] = code, sizeless(op)
    kernels = tuple(sorted({kernel for kernel, _, _ in ops}))
    expansions = tuple(sorted({expansion for _, expansion, _ in ops}))
    gated = tuple(sorted({has_se for _, _, has_se in ops}))
    plain = len(ops) == len(kernels) * len(expansions) * len(gated) and len({op.act for op in ops.values()}) == 1
    odd = {kernel % 2 for kernel in kernels} != {1}
    if len(codes) != len(space.allowed[slot.index]) or not ops or not plain or odd:
        raise OptionError(
            "single-path takes layers whose blocks are mbconvs of every kernel with every expansion (above 1), with or "
            f"without squeeze-and-excite and skip; those of {slot.name!r} in space {space.name!r} are no such product"
        )
    gates = [*(f"kernel{kernel}" for kernel in kernels[1:]), *(f"expansion{each:g}" for each in expansions[1:])]
    gates += ["se"] * (len(gated) == 2) + ["skip"] * (SKIP in codes)
    hidden = tuple(ops[kernels[0], each, gated[0]].hidden_channels for each in expansions)
    largest = ops[kernels[-1], expansions[-1], gated[-1]]
    return GatedLayer(site, slot, kernels, expansions, hidden, tuple(gates), codes, largest)
