"""Which numbers of a space file make sense: the ranges of input, stem, units, head, gates, options and costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from blockprofile.space.definition import FixedLayer, Input, SpaceDefinition, Unit

MAX_WIDTH = 1_000_000
MAX_RESOLUTION = 10_000
MAX_UNITS = 100
MAX_LAYERS = 1_000

Mistake = tuple[str, tuple[str | int, ...]]
"""What is wrong, and where in the file."""


def range_mistakes(definition: SpaceDefinition) -> Iterator[Mistake]:
    """Yield numbers that no network can have."""
    yield from _of_input(definition.input)
    for key in ("divisor", "round_to"):
        yield from _outside(key, getattr(definition.squeeze_excite, key), 1, MAX_WIDTH, ("squeeze_excite", key))
    for index, option in enumerate(definition.options):
        values = option.values
        if len(set(values)) < len(values) or any(isinstance(v, float) and not math.isfinite(v) for v in values):
            message = f"values {list(values)} of option {option.name!r} must be distinct and finite"
            yield message, ("options", index, "values")
    for part, layers in (("stem", definition.stem), ("head", definition.head)):
        for index, layer in enumerate(layers):
            yield from _of_layer(layer, (part, index))
    yield from _of_units(definition.units)
    yield from _of_costs(definition)


def _of_input(inputs: Input) -> Iterator[Mistake]:
    yield from _outside("channels", inputs.channels, 1, MAX_WIDTH, ("input", "channels"))
    for index, resolution in enumerate(inputs.resolutions):
        yield from _outside("resolution", resolution, 1, MAX_RESOLUTION, ("input", "resolutions", index))
    if len(set(inputs.resolutions)) < len(inputs.resolutions):
        yield f"resolutions {list(inputs.resolutions)} must be distinct", ("input", "resolutions")


def _of_units(units: Sequence[Unit]) -> Iterator[Mistake]:
    if len(units) > MAX_UNITS:
        yield f"{len(units)} units; at most {MAX_UNITS} are allowed", ("units",)
    n_layers = sum(max(unit.depths, default=0) for unit in units)
    if n_layers > MAX_LAYERS:
        yield f"the units have up to {n_layers} layers; at most {MAX_LAYERS} are allowed", ("units",)
    for index, unit in enumerate(units):
        yield from _outside("stride", unit.stride, 1, MAX_RESOLUTION, ("units", index, "stride"))
        for width in _widths(unit):
            yield from _outside("out", width, 1, MAX_WIDTH, ("units", index, "out"))


def _of_costs(definition: SpaceDefinition) -> Iterator[Mistake]:
    """Yield costs of custom blocks that stand for no place of the space."""
    depths = [max(unit.depths, default=0) for unit in definition.units]
    for index, block in enumerate(definition.blocks):
        for place, cost in enumerate(block.costs):
            loc = ("blocks", index, "costs", place)
            if cost.unit is not None and not 1 <= cost.unit <= len(depths):
                yield f"unit {cost.unit} is not in 1 to {len(depths)}", (*loc, "unit")
            elif cost.unit is not None and cost.layer is not None and not 1 <= cost.layer <= depths[cost.unit - 1]:
                yield f"layer {cost.layer} is not in 1 to {depths[cost.unit - 1]}", (*loc, "layer")


def _widths(holder: FixedLayer | Unit) -> tuple[int, ...]:
    return holder.out if isinstance(holder.out, tuple) else () if holder.out is None else (holder.out,)


def _of_layer(layer: FixedLayer, loc: tuple[str | int, ...]) -> Iterator[Mistake]:
    for width in _widths(layer):
        yield from _outside("out", width, 1, MAX_WIDTH, (*loc, "out"))
    yield from _outside("kernel", layer.kernel, 1, 64, (*loc, "kernel"))
    yield from _outside("stride", layer.stride, 1, MAX_RESOLUTION, (*loc, "stride"))
    yield from _outside("expansion", layer.expansion, 1, 1000, (*loc, "expansion"))
    if not 0 <= layer.dropout < 1:
        yield f"dropout {layer.dropout} must be at least 0 and below 1", (*loc, "dropout")


def _outside(name: str, value: float, low: int, high: int, loc: tuple[str | int, ...]) -> Iterator[Mistake]:
    if not low <= value <= high:
        yield f"{name} {value} must be from {low} to {high}", loc
