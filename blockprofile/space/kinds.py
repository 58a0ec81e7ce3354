"""The kinds of block: what each needs and takes, and the operator that it is at a place.

A kind is named in `blockprofile.space.definition`; all else about it stands here, and its steps, where they are new, in
`blockprofile.space.operators`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from blockprofile.errors import ArchError
from blockprofile.space.definition import Block, BlockOp, SpaceDefinition, SqueezeExcite, default_of
from blockprofile.space.operators import Operator, make_divisible
from blockprofile.space.slots import place_name

__all__ = ["Place", "block_operator", "halve", "mistakes_of"]

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
    stated = Counter((cost.unit, cost.layer, metric) for cost in block.costs for metric in cost.metrics)
    for (unit, layer, metric), times in stated.items():
        if times > 1:
            where = "any place" if unit is None else place_name(unit, layer or 0)
            yield f"{metric} of block {block.name!r} is given {times} times for {where}", "costs"
    for cost in block.costs:
        if cost.layer is not None and cost.unit is None:
            yield f"a cost of layer {cost.layer} is given without its unit", "costs"
        for metric, value in cost.metrics.items():
            if not math.isfinite(value) or value < 0:
                yield f"{metric} of block {block.name!r} is {value}; must be a number of at least 0", "costs"


# -- its operator ---------------------------------------------------------------------------------------------


def halve(size: int, stride: int) -> int:
    """Divide a size by a stride, rounding up."""
    return -(-size // stride)


def _squeeze(rule: SqueezeExcite, hidden: int) -> int:
    return hidden // rule.divisor if rule.round_to == 1 else make_divisible(hidden // rule.divisor, rule.round_to)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands: the unit and layer, what comes in and goes out, the stride."""

    unit: int
    layer: int
    in_channels: int
    out_channels: int
    in_size: int
    stride: int

    @property
    def is_same_width(self) -> bool:
        """Whether as many channels go out as come in."""
        return self.in_channels == self.out_channels

    @property
    def keeps_shape(self) -> bool:
        """Whether width and size stay."""
        return self.stride == 1 and self.is_same_width


def block_operator(definition: SpaceDefinition, block: Block, place: Place) -> Operator | None:
    """Make the operator of a block at a place, None where the block leaves the place empty."""
    unit = definition.units[place.unit - 1]
    if block.op == "skip" or (block.op == "project" and place.keeps_shape):
        return None
    bare = Operator(
        op="conv", in_size=place.in_size, out_size=halve(place.in_size, place.stride),
        in_channels=place.in_channels, out_channels=place.out_channels, stride=place.stride,
    )  # fmt: skip
    if block.op == "custom":
        return replace(bare, op="custom", block=block.name, costs=_costs(block, place))
    if block.op == "project":
        return replace(bare, kernel=1, act=block.act or "none")
    shaped = replace(
        bare, op="mbconv" if block.op == "sepconv" else block.op, kernel=block.kernel or 3, act=block.act or unit.act,
        hidden_channels=_hidden(block, place), groups=block.groups, shuffle=block.shuffle, expand=block.expand_always,
        skip=block.residual in {None, "identity"} and place.keeps_shape,
        pool_skip=block.residual == "pool" and place.is_same_width,
    )  # fmt: skip
    _check_groups(block, shaped, place)
    has_se = (unit.se and block.op != "bottleneck") if block.se is None else block.se
    return _with_gate(shaped, definition.squeeze_excite) if has_se else shaped


def _hidden(block: Block, place: Place) -> int:
    if block.op == "conv":
        return 0
    if block.op == "bottleneck":
        assert block.ratio is not None
        return make_divisible(round(place.out_channels * block.ratio))
    return round(place.in_channels * (block.expansion or 1))


def _with_gate(op: Operator, rule: SqueezeExcite) -> Operator:
    gated = op.out_channels if op.op == "conv" or _is_one_convolution(op) else op.hidden_channels
    channels = op.in_channels if rule.of == "input" else gated
    return replace(
        op, se_channels=_squeeze(rule, channels), se_gate=rule.gate, se_act=op.act if rule.act == "block" else rule.act
    )


def _is_one_convolution(op: Operator) -> bool:
    return op.op == "fused_mbconv" and op.hidden_channels == op.in_channels


def _check_groups(block: Block, op: Operator, place: Place) -> None:
    pointwise = (op.in_channels, op.hidden_channels, op.out_channels)
    channels = {"mbconv": pointwise, "bottleneck": (op.hidden_channels,), "conv": (op.in_channels, op.out_channels)}
    grouped = channels.get(op.op, (op.in_channels, op.out_channels if _is_one_convolution(op) else op.hidden_channels))
    if block.groups > 1 and any(count % block.groups for count in grouped):
        raise ArchError(
            f"block {block.name!r} at unit {place.unit}, layer {place.layer}: {block.groups} groups do not divide its "
            f"channels {', '.join(map(str, grouped))}"
        )


def _costs(block: Block, place: Place) -> tuple[tuple[str, float], ...]:
    """Collect what a custom block costs at a place: what is said of the place itself wins over what is said of all."""
    found: dict[str, float] = {}
    for cost in sorted(block.costs, key=lambda cost: (cost.unit is not None) + (cost.layer is not None)):
        if cost.unit in {None, place.unit} and cost.layer in {None, place.layer}:
            found |= cost.metrics
    missing = [metric for metric in ("macs_m", "params_m") if metric not in found]
    if missing:
        raise ArchError(
            f"block {block.name!r} is custom and states no {' and no '.join(missing)} at unit {place.unit}, "
            f"layer {place.layer}; its costs must hold them for every place that it can fill"
        )
    return tuple(sorted(found.items()))
