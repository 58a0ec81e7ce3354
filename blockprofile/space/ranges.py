"""Which numbers of a space file make sense: the ranges of input, stem, head, gates and options."""

from __future__ import annotations

import math
from collections.abc import Iterator

from blockprofile.space.definition import FixedLayer, SpaceDefinition

__all__ = ["range_mistakes"]

MAX_WIDTH = 1_000_000
MAX_RESOLUTION = 10_000
MAX_LAYERS = 1_000

Mistake = tuple[str, tuple[str | int, ...]]
"""What is wrong, and where in the file."""


def range_mistakes(definition: SpaceDefinition) -> Iterator[Mistake]:
    """Yield numbers that no network can have."""
    inputs = definition.input
    yield from _outside("channels", inputs.channels, 1, MAX_WIDTH, ("input", "channels"))
    for index, resolution in enumerate(inputs.resolutions):
        yield from _outside("resolution", resolution, 1, MAX_RESOLUTION, ("input", "resolutions", index))
    if len(set(inputs.resolutions)) < len(inputs.resolutions):
        yield f"resolutions {list(inputs.resolutions)} must be distinct", ("input", "resolutions")
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
    for index, unit in enumerate(definition.units):
        yield from _outside("stride", unit.stride, 1, MAX_RESOLUTION, ("units", index, "stride"))
    n_layers = sum(max(unit.depths, default=0) for unit in definition.units)
    if n_layers > MAX_LAYERS:
        yield f"the units have up to {n_layers} layers; at most {MAX_LAYERS} are allowed", ("units",)


def _of_layer(layer: FixedLayer, loc: tuple[str | int, ...]) -> Iterator[Mistake]:
    widths = layer.out if isinstance(layer.out, tuple) else () if layer.out is None else (layer.out,)
    for width in widths:
        yield from _outside("out", width, 1, MAX_WIDTH, (*loc, "out"))
    yield from _outside("kernel", layer.kernel, 1, 64, (*loc, "kernel"))
    yield from _outside("stride", layer.stride, 1, MAX_RESOLUTION, (*loc, "stride"))
    yield from _outside("expansion", layer.expansion, 1, 1000, (*loc, "expansion"))
    if not 0 <= layer.dropout < 1:
        yield f"dropout {layer.dropout} must be at least 0 and below 1", (*loc, "dropout")


def _outside(name: str, value: float, low: int, high: int, loc: tuple[str | int, ...]) -> Iterator[Mistake]:
    if not low <= value <= high:
        yield f"{name} {value} must be from {low} to {high}", loc
