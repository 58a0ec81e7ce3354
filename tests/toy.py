"""Toy spaces that are small enough to enumerate, and metrics whose expectations are known in closed form.

`toy_space` has two units of searched depth and three blocks, one of them with squeeze-and-excite: 468 archs.
`mixed_space` has everything else that a space can have (a searched resolution, a stem option, a unit's width,
a skip, a layer with its own blocks): 1,296 archs.

The additive metric is a constant plus one value for every active layer. The product metric is the product of
its units' sums, so no sum over layers equals it; units are independent, so its expectation is the product
of the units' expectations. `expected_additive` and `expected_product` are those closed forms; `all_archs`
with `arch_probabilities` gives every other answer (quantiles, fronts, variances) by brute force.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict import AdditivePredictor, Card
from blockprofile.space import INACTIVE, Archs, Factor, Space
from blockprofile.space.definition import (
    Block,
    FixedLayer,
    Input,
    LayerOverride,
    Option,
    SpaceDefinition,
    SqueezeExcite,
    Unit,
)

Presence = Literal["given", "promoted", "cikm21", "figure4"]
Place = tuple[int, int, int]
"""Unit and layer, from 1, and a block's code."""

CONSTANT = 2.0

TOY = SpaceDefinition(
    schema="blockprofile.space/1",
    name="toy",
    title="Toy space, two units of searched depth",
    sources=("made up",),
    input=Input(default=32, resolutions=(16, 32)),
    squeeze_excite=SqueezeExcite(divisor=4, round_to=1, act="relu"),
    blocks=(
        Block(name="e2k3", expansion=2.0, kernel=3),
        Block(name="e4k3", expansion=4.0, kernel=3),
        Block(name="e4k5se", expansion=4.0, kernel=5, se=True),
    ),
    stem=(FixedLayer(op="conv", out=8, kernel=3, stride=2, act="relu"),),
    units=(
        Unit(out=8, stride=1, depths=(1, 2), act="relu"),
        Unit(out=16, stride=2, depths=(1, 2, 3), act="hswish"),
    ),
    head=(FixedLayer(op="global_pool"), FixedLayer(op="linear", out=10, bias=True)),
)

MIXED = SpaceDefinition(
    schema="blockprofile.space/1",
    name="mixed",
    title="Toy space with a searched resolution, an option, a width, a skip",
    sources=("made up",),
    input=Input(default=32, resolutions=(16, 32), searched=True),
    blocks=(
        Block(name="k3", expansion=2.0, kernel=3),
        Block(name="k5", expansion=2.0, kernel=5),
        Block(name="skip", op="skip"),
    ),
    options=(Option(name="stem_depth", values=(0, 2)),),
    stem=(
        FixedLayer(op="conv", out=8, kernel=3, stride=2, act="relu"),
        FixedLayer(op="conv", kernel=3, act="relu", skip=True, when={"stem_depth": 2}),
    ),
    units=(
        Unit(out=8, stride=2, depths=(3,), act="relu", layers=(LayerOverride(layer=1, blocks=("k3", "k5")),)),
        Unit(
            out=(16, 24, 32),
            widths=(0.5, 0.75, 1.0),
            stride=2,
            depths=(1, 2),
            act="relu6",
            blocks=("k3", "k5"),
        ),
    ),
    head=(FixedLayer(op="conv", out=32, act="relu"), FixedLayer(op="global_pool"), FixedLayer(op="linear", out=10)),
)


def toy_space() -> Space:
    """Make the toy space: slots u1_depth u1l1 u1l2 u2_depth u2l1 u2l2 u2l3, (3 + 9) * (3 + 9 + 27) archs."""
    return Space(TOY)


def shared_space() -> Space:
    """Make the toy space with a block for all layers of a unit: u1_depth u1_block u2_depth u2_block, 54 archs."""
    return Space(replace(TOY, name="shared", units=tuple(replace(unit, shared=True) for unit in TOY.units)))


def mixed_space() -> Space:
    """Make the toy space with the other kinds of slots."""
    return Space(MIXED)


def _unit_fillings(space: Space, unit: int) -> Iterator[dict[int, int]]:
    """Yield every way to fill a unit's depth and layer slots, as slot -> code."""
    slots = space.units[unit - 1]
    codes = [None] if slots.depth is None else list(space.allowed[slots.depth])
    for code in codes:
        depth = slots.depths[0] if code is None else slots.depths[code]
        fixed = {} if code is None or slots.depth is None else {slots.depth: code}
        inactive = dict.fromkeys(slots.layers[depth:], INACTIVE)
        for blocks in itertools.product(*(space.allowed[index] for index in slots.layers[:depth])):
            yield {**fixed, **dict(zip(slots.layers[:depth], blocks, strict=True)), **inactive}


def all_archs(space: Space) -> Archs:
    """Enumerate a small space: uint8, shape (count, n_slots), every arch once."""
    free = [
        [{slot.index: code} for code in space.allowed[slot.index]]
        for slot in space.slots
        if slot.kind in {"resolution", "option", "width"}
    ]
    units = [list(_unit_fillings(space, unit.unit)) for unit in space.units]
    rows = []
    for parts in itertools.product(*free, *units):
        codes = {index: code for part in parts for index, code in part.items()}
        rows.append([codes[index] for index in range(space.n_slots)])
    return np.array(rows, dtype=np.uint8)


def all_places(space: Space) -> list[Place]:
    """List every unit, layer and block that a space allows."""
    layers = [slot for slot in space.layer_slots if slot.layer <= space.max_depth(slot.unit)]
    return [(slot.unit, slot.layer, code) for slot in layers for code in space.allowed[slot.index]]


def depth_law(space: Space, unit: int, law: str = "papers") -> dict[int, float]:
    """Return depth -> probability, worked out from the definition of the two laws."""
    depths = space.unit_depths(unit)
    if law == "papers":
        return dict.fromkeys(depths, 1 / len(depths))
    ways = dict.fromkeys(depths, 1.0)
    for depth in depths:
        for index in space.units[unit - 1].layers[:depth]:
            ways[depth] *= len(space.allowed[index])
    return {depth: count / sum(ways.values()) for depth, count in ways.items()}


def arch_probabilities(space: Space, archs: Archs, law: str = "papers") -> NDArray[np.float64]:
    """Return the probability of every arch under a law: float64, shape (n,)."""
    probabilities = np.ones(len(archs))
    for slot in space.slots:
        if slot.kind in {"resolution", "option", "width"}:
            probabilities /= len(space.allowed[slot.index])
    for unit, depths in zip(space.units, space.depths(archs).T, strict=True):
        depth_of = depth_law(space, unit.unit, law)
        probabilities *= np.array([depth_of[int(depth)] for depth in depths])
        for layer, index in enumerate(unit.layers, start=1):
            probabilities /= np.where(depths >= layer, len(space.allowed[index]), 1)
    return probabilities


# -- metrics -------------------------------------------------------------------------------------------------


def layer_value(unit: int, layer: int, code: int) -> float:
    """Return what one active layer adds to its unit's sum: positive, different for every place and block."""
    return (1.0 + 0.5 * code) * (1.0 + 0.25 * layer) + 0.125 * unit * layer + 0.0625 * unit * code * code


def additive_factors(space: Space) -> tuple[Factor, ...]:
    """Write the additive metric as factors: a constant and one table for every layer."""
    factors = [Factor((), np.array(CONSTANT))]
    for slot in space.layer_slots:
        table = [layer_value(slot.unit, slot.layer, code) for code in range(slot.n_choices)]
        factors.append(Factor((slot.index,), np.array([*table, 0.0])))
    return tuple(factors)


def unit_sums(space: Space, archs: Archs) -> NDArray[np.float64]:
    """Sum the values of the active layers of every unit: float64, shape (n, n_units)."""
    sums = np.zeros((len(archs), len(space.units)))
    for row, arch in enumerate(archs):
        for slot in space.layer_slots:
            if arch[slot.index] != INACTIVE:
                sums[row, slot.unit - 1] += layer_value(slot.unit, slot.layer, int(arch[slot.index]))
    return sums


def _card(metric: str, floor: float) -> Card:
    return Card(
        schema="blockprofile.predictor/1",
        name=metric.partition(":")[0],
        title=f"Toy metric {metric}",
        kind="table",
        metric=metric,
        unit="ms" if metric.startswith("latency") else "%",
        device=metric.partition(":")[2] or None,
        provenance="counted",
        floor=floor,
    )


def additive_predictor(space: Space, *, metric: str = "latency_ms:toy", floor: float = 0.0) -> AdditivePredictor:
    """Make the additive metric: `CONSTANT` plus `layer_value` of every active layer."""
    return AdditivePredictor(_card(metric, floor), space, additive_factors(space))


class ProductPredictor:
    """The product of the units' sums: a predictor that is not additive."""

    def __init__(self, space: Space, *, metric: str = "top1_percent", floor: float = 0.0) -> None:
        self.card = _card(metric, floor)
        self.space, self.metric, self.unit = space, metric, self.card.unit
        self._additive = additive_factors(space)[1:]

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Multiply the units' sums."""
        rows = np.atleast_2d(self.space.check(archs))
        sums = np.zeros((len(self.space.units), len(rows)))
        for slot, factor in zip(self.space.layer_slots, self._additive, strict=True):
            sums[slot.unit - 1] += factor.table[np.minimum(rows[:, slot.index], slot.n_choices)]
        product: NDArray[np.float32] = sums.prod(axis=0).astype(np.float32)
        return product


# -- closed forms --------------------------------------------------------------------------------------------


def expected_unit_sum(
    space: Space, unit: int, *, law: str = "papers", layer: int = 0, code: int = 0, presence: Presence = "given"
) -> float:
    """Return the expected sum of a unit; with ``layer``, given that this layer holds block ``code``.

    ``given`` conditions on the depth, ``promoted`` raises it to the layer where it is less, ``cikm21`` raises it
    to one less than the layer only, ``figure4`` to one less than the layer beyond the smallest depth.
    """
    depths = depth_law(space, unit, law)
    if layer and presence == "given":
        total = sum(p for depth, p in depths.items() if depth >= layer)
        depths = {depth: p / total for depth, p in depths.items() if depth >= layer}
    elif layer:
        least = layer if presence == "promoted" else layer - 1
        if presence == "figure4":
            least = min(min(depths) + layer - 1, max(depths))
        raised: dict[int, float] = {}
        for depth, p in depths.items():
            raised[max(depth, least)] = raised.get(max(depth, least), 0.0) + p
        depths = raised
    expected = 0.0
    for place, index in enumerate(space.units[unit - 1].layers, start=1):
        codes = [code] if place == layer else list(space.allowed[index])
        mean = sum(layer_value(unit, place, each) for each in codes) / len(codes)
        expected += mean * sum(p for depth, p in depths.items() if depth >= place)
    return expected


def _unit_expectations(space: Space, law: str, place: Place | None, presence: Presence) -> list[float]:
    expectations = []
    for unit in range(1, len(space.units) + 1):
        if place is not None and place[0] == unit:
            held = {"layer": place[1], "code": place[2]}
            expectations.append(expected_unit_sum(space, unit, law=law, presence=presence, **held))
        else:
            expectations.append(expected_unit_sum(space, unit, law=law))
    return expectations


def expected_additive(
    space: Space, *, law: str = "papers", place: Place | None = None, presence: Presence = "given"
) -> float:
    """Return the exact expectation of the additive metric; with ``place``, of A_(u,l,b)."""
    return CONSTANT + sum(_unit_expectations(space, law, place, presence))


def expected_product(
    space: Space, *, law: str = "papers", place: Place | None = None, presence: Presence = "given"
) -> float:
    """Return the exact expectation of the product metric; with ``place``, of A_(u,l,b)."""
    return float(np.prod(_unit_expectations(space, law, place, presence)))


def smaller_toy_space() -> Space:
    """Make the toy space without squeeze-and-excite in unit 2 and with unit 2 at most 2 deep: a pruned space."""
    space = toy_space()
    allowed = [list(codes) for codes in space.allowed]
    unit = space.units[1]
    for index in unit.layers:
        allowed[index] = [0, 1]
    assert unit.depth is not None
    allowed[unit.depth] = [0, 1]
    return replace(space.restricted(allowed, name="smaller toy"), mutation={1: 1.0, 2: 0.5})
