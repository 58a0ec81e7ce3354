"""The kinds of block that are shipped, each once: its keys, the operator that it is at a place, and its steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from blockprofile.errors import ArchError
from blockprofile.space.definition import Block, SqueezeExcite
from blockprofile.space.kind import Kind, Mistake, Place, halve, register_kind
from blockprofile.space.operators import EXPANSIONS, Operator, make_divisible
from blockprofile.space.primitives import Primitive
from blockprofile.space.slots import place_name
from blockprofile.space.steps import join, pointwise, same, single, spatial, squeeze_excite

SHAPED = frozenset({"se", "act", "residual", "kernel"})
"""The keys of blocks that have a kernel, a gate and a shortcut."""

EXPANSIONS |= dict.fromkeys(("linear", "max_pool", "global_pool"), single)
"""What layers of the stem and the head are that no block is."""


def bare_operator(op: str, place: Place) -> Operator:
    """Make an operator of a place's sizes, channels and stride."""
    return Operator(
        op=op, in_size=place.in_size, out_size=halve(place.in_size, place.stride), in_channels=place.in_channels,
        out_channels=place.out_channels, stride=place.stride,
    )  # fmt: skip


def shaped_operator(op: str, block: Block, place: Place, *, hidden: int = 0, gated: int | None = None) -> Operator:
    """Make an operator with a block's kernel, activation, groups, shortcut and gate.

    Parameters
    ----------
    op
        What it is called.
    hidden
        Its hidden channels, 0 where it has none.
    gated
        The channels that a gate scales; left out, the hidden ones.
    """
    shaped = replace(
        bare_operator(op, place), kernel=block.kernel or 3, act=block.act or place.act, hidden_channels=hidden,
        groups=block.groups, shuffle=block.shuffle, expand=block.expand_always,
        skip=block.residual in {None, "identity"} and place.keeps_shape,
        pool_skip=block.residual == "pool" and place.is_same_width,
    )  # fmt: skip
    has_se = place.se if block.se is None else block.se
    return _with_gate(shaped, place.squeeze_excite, hidden if gated is None else gated) if has_se else shaped


def _with_gate(op: Operator, rule: SqueezeExcite, gated: int) -> Operator:
    channels = (op.in_channels if rule.of == "input" else gated) // rule.divisor
    squeezed = max(1, channels) if rule.round_to == 1 else make_divisible(channels, rule.round_to)
    act = op.act if rule.act == "block" else rule.act
    return replace(op, se_channels=squeezed, se_gate=rule.gate, se_act=act)


def check_groups(block: Block, place: Place, channels: tuple[int, ...]) -> None:
    """Refuse groups that do not divide the channels of the convolutions that have them.

    Raises
    ------
    ArchError
        Naming the block, the place and the channels.
    """
    if block.groups > 1 and any(count % block.groups for count in channels):
        raise ArchError(
            f"block {block.name!r} at unit {place.unit}, layer {place.layer}: {block.groups} groups do not divide its "
            f"channels {', '.join(map(str, channels))}"
        )


def _expanded(block: Block, place: Place) -> int:
    return round(place.in_channels * (block.expansion or 1))


# -- mbconv and sepconv: depthwise ---------------------------------------------------------------------------------


def _mbconv(block: Block, place: Place) -> Operator:
    hidden = _expanded(block, place)
    check_groups(block, place, (place.in_channels, hidden, place.out_channels))
    return shaped_operator("mbconv", block, place, hidden=hidden)


def _mbconv_steps(op: Operator) -> list[Primitive]:
    hidden, steps = op.hidden_channels, []
    if hidden != op.in_channels or op.expand:
        steps.append(pointwise((op.in_channels, hidden), op.in_size, act=op.act, groups=op.groups))
        if op.shuffle:
            steps.append(replace(same("shuffle", hidden, (op.in_size, op.in_size)), groups=op.groups))
    steps += [spatial("depthwise", (hidden, hidden), op), *squeeze_excite(op, hidden)]
    steps.append(pointwise((hidden, op.out_channels), op.out_size, groups=op.groups))
    return join(op, steps)


register_kind(
    Kind(
        name="mbconv",
        takes=SHAPED | {"expansion", "groups", "shuffle", "expand_always"},
        needs=("expansion", "kernel"),
        operator=_mbconv,
        steps=_mbconv_steps,
    )
)
register_kind(Kind(name="sepconv", takes=SHAPED, needs=("kernel",), operator=_mbconv))


# -- fused_mbconv and conv: kernel x kernel ------------------------------------------------------------------------


def _fused_mbconv(block: Block, place: Place) -> Operator:
    hidden = _expanded(block, place)
    # Without expansion the kernel x kernel convolution is the only one (EfficientNetV2).
    first = place.out_channels if hidden == place.in_channels else hidden
    check_groups(block, place, (place.in_channels, first))
    return shaped_operator("fused_mbconv", block, place, hidden=hidden, gated=first)


def _fused_mbconv_steps(op: Operator) -> list[Primitive]:
    hidden = op.hidden_channels
    if hidden == op.in_channels:
        one = spatial("conv", (op.in_channels, op.out_channels), op)
        return join(op, [one, *squeeze_excite(op, op.out_channels)])
    return join(op, [
        spatial("conv", (op.in_channels, hidden), op),
        *squeeze_excite(op, hidden),
        pointwise((hidden, op.out_channels), op.out_size),
    ])  # fmt: skip


def _conv(block: Block, place: Place) -> Operator:
    check_groups(block, place, (place.in_channels, place.out_channels))
    return shaped_operator("conv", block, place, gated=place.out_channels)


register_kind(
    Kind(
        name="fused_mbconv",
        takes=SHAPED | {"expansion", "groups"},
        needs=("expansion", "kernel"),
        operator=_fused_mbconv,
        steps=_fused_mbconv_steps,
    )
)
register_kind(Kind(name="conv", takes=SHAPED | {"groups"}, needs=("kernel",), operator=_conv, steps=single))


# -- bottleneck ----------------------------------------------------------------------------------------------------


def _bottleneck(block: Block, place: Place) -> Operator:
    assert block.ratio is not None
    hidden = make_divisible(round(place.out_channels * block.ratio))
    check_groups(block, place, (hidden,))
    # A unit's gate is that of inverted bottlenecks; here the block says so itself.
    own = replace(block, se=bool(block.se))
    return shaped_operator("bottleneck", own, place, hidden=hidden)


def _bottleneck_steps(op: Operator) -> list[Primitive]:
    """Reduce, convolve, expand; what it is added to is projected where there is no other shortcut."""
    mid = op.hidden_channels
    steps = [
        pointwise((op.in_channels, mid), op.in_size, act=op.act),
        spatial("conv", (mid, mid), op),
        *squeeze_excite(op, mid),
        pointwise((mid, op.out_channels), op.out_size),
    ]
    if op.skip or op.pool_skip:
        *steps, added = join(op, steps)
        return [*steps, replace(added, act=op.act)]
    if op.stride > 1:
        pool = same("avg_pool", op.in_channels, (op.in_size, op.out_size), part="shortcut")
        steps.append(replace(pool, kernel=op.stride, stride=op.stride))
    steps.append(pointwise((op.in_channels, op.out_channels), op.out_size, part="shortcut"))
    return [*steps, replace(same("add", op.out_channels, (op.out_size, op.out_size)), act=op.act)]


def _bottleneck_mistakes(block: Block) -> Iterator[Mistake]:
    if block.residual == "none":
        told = f"block {block.name!r} is a bottleneck, which has a shortcut always"
        yield f"{told}; choices: identity, pool", "residual"


register_kind(
    Kind(
        name="bottleneck",
        takes=SHAPED | {"ratio", "groups"},
        needs=("ratio",),
        operator=_bottleneck,
        steps=_bottleneck_steps,
        mistakes=_bottleneck_mistakes,
    )
)


# -- project and skip: the layer is left out ---------------------------------------------------------------------


def _project(block: Block, place: Place) -> Operator | None:
    if place.keeps_shape:
        return None
    return replace(bare_operator("conv", place), kernel=1, act=block.act or "none")


register_kind(Kind(name="project", takes=frozenset({"act"}), operator=_project, is_skip=True))
register_kind(Kind(name="skip", takes=frozenset(), operator=lambda _block, _place: None, is_skip=True, any_shape=False))


# -- custom: known by its costs ------------------------------------------------------------------------------------


def _custom(block: Block, place: Place) -> Operator:
    return replace(bare_operator("custom", place), block=block.name, costs=_costs(block, place))


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


def _custom_mistakes(block: Block) -> Iterator[Mistake]:
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


register_kind(
    Kind(name="custom", takes=frozenset({"costs"}), needs=("costs",), operator=_custom, mistakes=_custom_mistakes)
)
