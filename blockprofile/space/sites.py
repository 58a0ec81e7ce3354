"""Where operators stand in a network, and which few slots decide each of them.

A `Site` is one place: a layer of the stem, a layer of a unit, a layer of the head. Its scope is the handful
of slots that its operator depends on (its block; the widths around it; a searched resolution), and its
table gives the operator for every assignment of the scope. An arch's operator list, and every cost, is
read off these tables, so a network is described once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from blockprofile.errors import ArchError
from blockprofile.space.definition import FixedLayer
from blockprofile.space.kind import Place, halve, kind_of
from blockprofile.space.operators import Operator
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

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
        where the place is empty (the layer is a skip, or left out by the depth, or an optional layer is). Assignments
        with an inactive layer are not listed: such a place is empty.
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
    """A width or size: one value for every assignment of codes to the slots that it depends on."""

    values: dict[tuple[int, ...], int]
    slots: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Sequence[int], slot: int | None = None) -> _Quantity:
        """Make one value, or one for each code of a slot."""
        if slot is None:
            return cls({(): values[0]})
        return cls({(code,): value for code, value in enumerate(values)}, (slot,))

    def at(self, codes: dict[int, int]) -> int:
        """Return the value under an assignment that covers the slots."""
        return self.values[tuple(codes[slot] for slot in self.slots)]

    def shrunk(self, stride: int) -> _Quantity:
        """Divide by a stride, rounding up."""
        return replace(self, values={codes: halve(value, stride) for codes, value in self.values.items()})


def _scope(*slots: int | tuple[int, ...] | None) -> tuple[int, ...]:
    named = (slot if isinstance(slot, tuple) else (slot,) for slot in slots)
    return tuple(sorted({index for indices in named for index in indices if index is not None}))


def _fixed_operator(layer: FixedLayer, in_channels: int, out_channels: int, in_size: int) -> Operator:
    keeps = layer.stride == 1 and in_channels == out_channels
    bare = Operator(op=layer.op, in_size=in_size, out_size=1, in_channels=in_channels, out_channels=out_channels)
    if layer.op == "global_pool":
        return bare
    if layer.op == "linear":
        return replace(bare, bias=layer.bias, bn=False, dropout=layer.dropout)
    spatial = replace(bare, out_size=halve(in_size, layer.stride), kernel=layer.kernel, stride=layer.stride)
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
        self.width = _Quantity.of((inputs.channels,))
        searched = inputs.searched
        self.size = _Quantity.of(inputs.resolutions, 0) if searched else _Quantity.of((space.resolution,))
        self.options = {slot.name: slot for slot in self.slots if slot.kind == "option"}

    def _assignments(self, scope: tuple[int, ...], name: str) -> Iterator[tuple[int, ...]]:
        """List the codes that archs have in the slots of ``scope``, together: those of different slots are free."""
        choices = [self.space.allowed[index] for index in scope]
        entries = math.prod(len(codes) for codes in choices)
        if entries > MAX_SITE_ENTRIES:
            raise ArchError(f"place {name!r} depends on {entries} combinations; at most {MAX_SITE_ENTRIES} are allowed")
        return itertools.product(*choices)

    def fixed(self, name: str, layer: FixedLayer) -> Site:
        before, out = (self.width, self.size), self.width
        if layer.out is not None:
            values = layer.out if isinstance(layer.out, tuple) else (layer.out,)
            out = _Quantity.of(values, self.options[layer.out_by].index if layer.out_by else None)
        conditions = [(self.options[key], value) for key, value in layer.when.items()]
        deciding = tuple(slot.index for slot, _ in conditions)

        def is_present(chosen: dict[int, int]) -> bool:
            return all(slot.choices[chosen[slot.index]] == value for slot, value in conditions)

        scope = _scope(self.width.slots, out.slots, self.size.slots, deciding)
        table: dict[tuple[int, ...], Operator | None] = {}
        for codes in self._assignments(scope, name):
            chosen = dict(zip(scope, codes, strict=True))
            sizes = self.width.at(chosen), out.at(chosen), self.size.at(chosen)
            table[codes] = _fixed_operator(layer, *sizes) if is_present(chosen) else None
        self.width = out
        self.size = _Quantity.of((1,)) if layer.op == "global_pool" else self.size.shrunk(layer.stride)
        if conditions:
            self._unless_left_out(name, before, deciding, is_present)
        return Site(name, 0, 0, scope, table)

    def layer(self, number: int, layer: int) -> Site:
        unit, slots = self.definition.units[number - 1], self.space.units[number - 1]
        index, name = slots.layer_slot(layer), f"u{number}l{layer}"
        out = _Quantity.of(unit.out if isinstance(unit.out, tuple) else (unit.out,), slots.width)
        stride = unit.stride if layer == 1 else 1
        # Where layers share a block, its slot does not say whether this layer is there: the depth does.
        depth = slots.depth if slots.shared and layer > 1 else None
        scope = _scope(index, depth, self.width.slots, out.slots, self.size.slots)
        table: dict[tuple[int, ...], Operator | None] = {}
        for codes in self._assignments(scope, name):
            chosen = dict(zip(scope, codes, strict=True))
            if depth is not None and unit.depths[chosen[depth]] < layer:
                table[codes] = None
                continue
            place = Place(
                number, layer, self.width.at(chosen), out.at(chosen), self.size.at(chosen), stride, unit.act, unit.se,
                self.definition.squeeze_excite,
            )  # fmt: skip
            block = self.definition.blocks[chosen[index]]
            table[codes] = kind_of(block).operator(block, place)
        self.width, self.size = out, self.size.shrunk(stride)
        return Site(name, number, layer, scope, table)

    def _unless_skipped(self, number: int, before: tuple[_Quantity, _Quantity]) -> None:
        """After a unit that may have no layer: width and size are those before it where it has none."""
        slots = self.space.units[number - 1]
        if slots.depth is None or 0 not in slots.depths:
            return
        depth, nothing = slots.depth, slots.depths.index(0)
        self._unless_left_out(f"unit {number}", before, (depth,), lambda chosen: chosen[depth] != nothing)

    def _unless_left_out(
        self,
        name: str,
        before: tuple[_Quantity, _Quantity],
        deciding: tuple[int, ...],
        is_present: Callable[[dict[int, int]], bool],
    ) -> None:
        """After what some slots may leave out: width and size are those before it where it is not there."""
        joined = []
        for old, new in zip(before, (self.width, self.size), strict=True):
            if old == new:
                joined.append(new)
                continue
            scope = _scope(deciding, old.slots, new.slots)
            values = {}
            for codes in self._assignments(scope, name):
                chosen = dict(zip(scope, codes, strict=True))
                values[codes] = (new if is_present(chosen) else old).at(chosen)
            joined.append(_Quantity(values, scope))
        self.width, self.size = joined

    def build(self) -> Iterator[Site]:
        for index, layer in enumerate(self.definition.stem, start=1):
            yield self.fixed(f"stem{index}", layer)
        for number, unit in enumerate(self.definition.units, start=1):
            before = self.width, self.size
            for layer_number in range(1, max(unit.depths) + 1):
                yield self.layer(number, layer_number)
            self._unless_skipped(number, before)
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
    return tuple(op for op in (site.operator(row) for site in build_sites(space)) if op is not None)


def distinct_operators(space: Space) -> tuple[Operator, ...]:
    """List the operators that the archs of a space's definition have, each once, in the order of the network."""
    return _operators_of(space.base)


@lru_cache(maxsize=64)
def _operators_of(base: Space) -> tuple[Operator, ...]:
    found = (op for site in _sites_of(base) for op in site.table.values() if op is not None)
    return tuple(dict.fromkeys(found))
