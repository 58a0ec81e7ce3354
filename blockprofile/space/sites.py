"""Where operators stand in a network, and which few slots decide each of them.

A `Site` is one place: a layer of the stem, a layer of a unit, a layer of the head. Its scope is the handful
of slots that its operator depends on (its block; the widths around it; a searched resolution), and its
table gives the operator for every assignment of the scope. An arch's operator list, and every cost, is
read off these tables, so a network is described once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from blockprofile.errors import ArchError
from blockprofile.space.definition import Block, FixedLayer, SpaceDefinition, SqueezeExcite, Unit
from blockprofile.space.operators import Operator, make_divisible
from blockprofile.space.slots import INACTIVE, Archs
from blockprofile.space.space import Space

__all__ = ["Site", "build_sites", "distinct_operators", "list_operators"]

MAX_SITE_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Site:
    """One place in the network.

    Parameters
    ----------
    name
        ``stem1``, ``u2l3``, ``head1``.
    unit, layer
        Counted from 1; 0 for stem and head.
    scope
        The indices of the slots that decide the operator, ascending.
    table
        For each assignment of codes to the scope that an arch of the definition can have, the operator, or None
        where the place is empty (the layer is a skip, or an optional layer is left out). Assignments with an
        inactive layer are not listed: such a place is empty.
    """

    name: str
    unit: int
    layer: int
    scope: tuple[int, ...]
    table: dict[tuple[int, ...], Operator | None]

    def operator(self, arch: Archs) -> Operator | None:
        """Return the operator that stands here in one arch."""
        return self.table.get(tuple(int(arch[index]) for index in self.scope))


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A width or size: one value, or one for each code of a slot."""

    values: tuple[int, ...]
    slot: int | None = None

    def at(self, codes: dict[int, int]) -> int:
        return self.values[0] if self.slot is None else self.values[codes[self.slot]]


def _scope(*slots: int | None) -> tuple[int, ...]:
    return tuple(sorted({slot for slot in slots if slot is not None}))


def _halve(size: int, stride: int) -> int:
    return -(-size // stride)


def _squeeze(rule: SqueezeExcite, hidden: int) -> int:
    return hidden // rule.divisor if rule.round_to == 1 else make_divisible(hidden // rule.divisor, rule.round_to)


def _block_operator(
    definition: SpaceDefinition, unit: Unit, block: Block, *, shape: tuple[int, int, int], stride: int
) -> Operator | None:
    in_channels, out_channels, in_size = shape
    keeps = stride == 1 and in_channels == out_channels
    if block.op == "skip":
        return None
    if block.op == "bottleneck":
        assert block.ratio is not None
        hidden = make_divisible(round(out_channels * block.ratio))
        return Operator(
            op="bottleneck",
            in_size=in_size,
            out_size=_halve(in_size, stride),
            in_channels=in_channels,
            out_channels=out_channels,
            hidden_channels=hidden,
            kernel=block.kernel or 3,
            stride=stride,
            act=unit.act,
            skip=keeps,
        )
    assert block.expansion is not None
    assert block.kernel is not None
    hidden = round(in_channels * block.expansion)
    has_se = unit.se if block.se is None else block.se
    rule = definition.squeeze_excite
    return Operator(
        op="mbconv",
        in_size=in_size,
        out_size=_halve(in_size, stride),
        in_channels=in_channels,
        out_channels=out_channels,
        hidden_channels=hidden,
        kernel=block.kernel,
        stride=stride,
        se_channels=_squeeze(rule, hidden) if has_se else 0,
        se_act=(unit.act if rule.act == "block" else rule.act) if has_se else "none",
        act=unit.act,
        skip=keeps,
    )


def _fixed_operator(layer: FixedLayer, in_channels: int, out_channels: int, in_size: int) -> Operator:
    keeps = layer.stride == 1 and in_channels == out_channels
    bare = Operator(op=layer.op, in_size=in_size, out_size=1, in_channels=in_channels, out_channels=out_channels)
    if layer.op == "global_pool":
        return bare
    if layer.op == "linear":
        return replace(bare, bias=layer.bias, bn=False, dropout=layer.dropout)
    spatial = replace(bare, out_size=_halve(in_size, layer.stride), kernel=layer.kernel, stride=layer.stride)
    if layer.op == "max_pool":
        return spatial
    if layer.op == "conv":
        return replace(spatial, act=layer.act, bn=layer.bn, bias=layer.bias, skip=bool(layer.skip))
    hidden = round(in_channels * layer.expansion)
    skip = keeps if layer.skip is None else layer.skip
    return replace(spatial, hidden_channels=hidden, act=layer.act, skip=skip)


class _Builder:
    """Walk the definition from input to output, carrying width and size along."""

    def __init__(self, space: Space) -> None:
        self.space, self.definition = space, space.definition
        self.slots = space.slots
        inputs = self.definition.input
        self.width = _Quantity((inputs.channels,))
        searched = inputs.searched
        self.size = _Quantity(inputs.resolutions, 0) if searched else _Quantity((space.resolution,))
        self.options = {slot.name: slot for slot in self.slots if slot.kind == "option"}

    def _shrink(self, stride: int) -> None:
        self.size = _Quantity(tuple(_halve(size, stride) for size in self.size.values), self.size.slot)

    def _assignments(self, scope: tuple[int, ...], name: str) -> Iterator[tuple[int, ...]]:
        """List the codes that archs have in the slots of ``scope``, together: those of different slots are free."""
        choices = [self.space.allowed[index] for index in scope]
        entries = math.prod(len(codes) for codes in choices)
        if entries > MAX_SITE_ENTRIES:
            raise ArchError(f"place {name!r} depends on {entries} combinations; at most {MAX_SITE_ENTRIES} are allowed")
        return itertools.product(*choices)

    def fixed(self, name: str, layer: FixedLayer) -> Site:
        out = self.width
        if layer.out is not None:
            values = layer.out if isinstance(layer.out, tuple) else (layer.out,)
            out = _Quantity(values, self.options[layer.out_by].index if layer.out_by else None)
        conditions = [(self.options[key], value) for key, value in layer.when.items()]
        scope = _scope(self.width.slot, out.slot, self.size.slot, *(slot.index for slot, _ in conditions))
        table: dict[tuple[int, ...], Operator | None] = {}
        for codes in self._assignments(scope, name):
            chosen = dict(zip(scope, codes, strict=True))
            present = all(slot.choices[chosen[slot.index]] == value for slot, value in conditions)
            table[codes] = (
                _fixed_operator(layer, self.width.at(chosen), out.at(chosen), self.size.at(chosen)) if present else None
            )
        self.width = out
        if layer.op == "global_pool":
            self.size = _Quantity((1,))
        else:
            self._shrink(layer.stride)
        return Site(name, 0, 0, scope, table)

    def layer(self, unit: Unit, number: int, layer: int) -> Site:
        slots = self.space.units[number - 1]
        index = slots.layers[layer - 1]
        out = _Quantity(unit.out if isinstance(unit.out, tuple) else (unit.out,), slots.width)
        stride = unit.stride if layer == 1 else 1
        scope = _scope(index, self.width.slot, out.slot, self.size.slot)
        name = self.slots[index].name
        table: dict[tuple[int, ...], Operator | None] = {}
        for codes in self._assignments(scope, name):
            chosen = dict(zip(scope, codes, strict=True))
            block = self.definition.blocks[chosen[index]]
            shape = (self.width.at(chosen), out.at(chosen), self.size.at(chosen))
            table[codes] = _block_operator(self.definition, unit, block, shape=shape, stride=stride)
        self.width = out
        self._shrink(stride)
        return Site(name, number, layer, scope, table)

    def build(self) -> Iterator[Site]:
        for index, layer in enumerate(self.definition.stem, start=1):
            yield self.fixed(f"stem{index}", layer)
        for number, unit in enumerate(self.definition.units, start=1):
            for layer_number in range(1, max(unit.depths) + 1):
                yield self.layer(unit, number, layer_number)
        for index, layer in enumerate(self.definition.head, start=1):
            yield self.fixed(f"head{index}", layer)


@lru_cache(maxsize=64)
def _sites_of(base: Space) -> tuple[Site, ...]:
    return tuple(_Builder(base).build())


def build_sites(space: Space) -> tuple[Site, ...]:
    """Derive all places of a space's networks, in the order in which they run.

    Notes
    -----
    The tables cover the archs of the definition, whatever a pruned space still allows (both are then priced alike);
    they are made once per definition and resolution.
    """
    return _sites_of(space.base)


def list_operators(space: Space, arch: Archs) -> tuple[Operator, ...]:
    """Derive the operator list of one arch, in the order in which the operators run.

    Raises
    ------
    ArchError
        If the arch is not of the space's definition.
    """
    row = space.check(arch)
    if row.ndim != 1 or not space.base.contains(row)[0]:
        raise ArchError(f"list_operators takes one arch of space {space.base.name!r}; got {row.tolist()}")
    sites = (site for site in build_sites(space) if not (site.layer and row[_layer_slot(space, site)] == INACTIVE))
    return tuple(op for op in (site.operator(row) for site in sites) if op is not None)


def _layer_slot(space: Space, site: Site) -> int:
    return space.units[site.unit - 1].layers[site.layer - 1]


def distinct_operators(space: Space) -> tuple[Operator, ...]:
    """List the operators that the archs of a space's definition have, each once, in the order of the network."""
    found = (op for site in build_sites(space) for op in site.table.values() if op is not None)
    return tuple(dict.fromkeys(found))
