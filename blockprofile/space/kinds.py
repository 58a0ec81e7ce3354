"""What each kind of block needs and takes: the rules on a block of a space file that a schema cannot check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

from blockprofile.space.definition import Block, BlockOp, default_of

__all__ = ["mistakes_of"]

Mistake = tuple[str, str]
"""What is wrong, and the block's key that it is about, or nothing."""

COMMON = frozenset({"name", "op", "factors"})
SHAPED = COMMON | {"se", "act", "residual", "kernel"}
TAKEN: dict[BlockOp, frozenset[str]] = {
    "mbconv": SHAPED | {"expansion", "groups", "shuffle", "expand_always"},
    "fused_mbconv": SHAPED | {"expansion", "groups"},
    "conv": SHAPED | {"groups"},
    "sepconv": SHAPED,
    "bottleneck": SHAPED | {"ratio", "groups"},
    "project": COMMON | {"act"},
    "skip": COMMON,
    "custom": COMMON | {"costs"},
}
"""The keys that have an effect on each kind."""

NEEDED: dict[BlockOp, tuple[str, ...]] = {
    "mbconv": ("expansion", "kernel"), "fused_mbconv": ("expansion", "kernel"), "conv": ("kernel",),
    "sepconv": ("kernel",), "bottleneck": ("ratio",), "custom": ("costs",),
}  # fmt: skip

MAX_KERNEL = 64


def mistakes_of(block: Block) -> Iterator[Mistake]:
    """Yield what is wrong with a block.

    Examples
    --------
    >>> list(mistakes_of(Block(name="c", op="conv", kernel=3, expansion=6)))
    [("block 'c' is a conv, on which expansion has no effect", 'expansion')]
    """
    a = "an" if block.op == "mbconv" else "a"
    lacking = [key for key in NEEDED.get(block.op, ()) if getattr(block, key) in (None, ())]
    if lacking:
        yield f"block {block.name!r} is {a} {block.op} and needs {' and '.join(NEEDED[block.op])}", ""
    for item in fields(block):
        held = getattr(block, item.name)
        if item.name not in TAKEN[block.op] and held is not False and held != default_of(item):
            yield f"block {block.name!r} is {a} {block.op}, on which {item.name} has no effect", item.name
    yield from _range_mistakes(block)
    yield from _idle_mistakes(block)
    yield from _cost_mistakes(block)


def _range_mistakes(block: Block) -> Iterator[Mistake]:
    for key, low, high in (("kernel", 1, MAX_KERNEL), ("expansion", 1, 1000), ("groups", 1, 1000)):
        value = getattr(block, key)
        if value is not None and not low <= value <= high:
            yield f"{key} {value} must be from {low} to {high}", key
    if block.ratio is not None and not 0 < block.ratio <= 1000:
        yield f"ratio {block.ratio} must be above 0 and at most 1000", "ratio"


def _idle_mistakes(block: Block) -> Iterator[Mistake]:
    """Yield keys that say nothing beside the block's others."""
    told = f"block {block.name!r}"
    if block.shuffle and block.groups == 1:
        yield f"{told} shuffles the channels of one group, which has no effect", "shuffle"
    if block.expand_always and block.expansion != 1:
        yield f"{told} has expansion {block.expansion}; expand_always has an effect at 1 alone", "expand_always"
    if block.op == "bottleneck" and block.residual == "none":
        yield f"{told} is a bottleneck, which has a shortcut always; choices: identity, pool", "residual"


def _cost_mistakes(block: Block) -> Iterator[Mistake]:
    for cost in block.costs:
        if cost.layer is not None and cost.unit is None:
            yield f"a cost of layer {cost.layer} is given without its unit", "costs"
        for metric, value in cost.metrics.items():
            if not math.isfinite(value) or value < 0:
                yield f"{metric} of block {block.name!r} is {value}; must be a number of at least 0", "costs"
