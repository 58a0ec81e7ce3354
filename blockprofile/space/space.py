"""The compiled space: its slots, and which codes each of them may take.

A space is a definition plus, for every slot, the codes that are allowed. A pruned space is the same
definition with fewer codes allowed, so an arch has the same bytes in both. Drawing, counting, text and
operators are functions of a `Space` in their own modules.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import ArchError, OptionError, UnknownNameError, one_of
from blockprofile.html import html_table
from blockprofile.numbers import write_count
from blockprofile.picture import draw, html_picture
from blockprofile.space.definition import Block, SpaceDefinition, default_of
from blockprofile.space.slots import INACTIVE, Archs, Slot, UnitSlots, defined_codes, slots_of


def _content(value: Any) -> Any:
    """Write records as mappings, without later keys at their defaults: old files keep their hash."""
    if isinstance(value, tuple | list):
        return [_content(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _content(item) for key, item in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    found = {}
    for item in dataclasses.fields(value):
        held = getattr(value, item.name)
        if not (item.metadata.get("later") and held == default_of(item)):
            found[item.name] = _content(held)
    return found


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """The set of architectures; two spaces are equal when hash, name, resolution and mutation weights are.

    Parameters
    ----------
    allowed
        For each slot the codes that may be used, ascending. Left out, all that the definition allows.
    name
        The space's own name; a pruned space has another than its base (``definition.name``).
    resolution
        The input resolution in pixels at which costs are computed; left out, the definition's default.
        Without meaning where the resolution is a slot.
    mutation
        Mutation weights by unit number, from a pruned space; empty means all units alike.
    """

    definition: SpaceDefinition
    allowed: tuple[tuple[int, ...], ...] = ()
    name: str = ""
    resolution: int = 0
    mutation: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inputs = self.definition.input
        object.__setattr__(self, "name", self.name or self.definition.name)
        object.__setattr__(self, "resolution", self.resolution or inputs.default)
        if self.resolution not in inputs.resolutions:
            raise OptionError(
                f"resolution {self.resolution} is not one of space {self.name!r}; "
                f"{one_of(self.resolution, inputs.resolutions)}"
            )
        if not self.allowed:
            codes = tuple(defined_codes(self.definition, slot) for slot in self.slots)
            object.__setattr__(self, "allowed", codes)
        if len(self.allowed) != self.n_slots:
            raise ValueError(f"allowed has {len(self.allowed)} entries, the space has {self.n_slots} slots")

    # -- structure ---------------------------------------------------------------------------------------

    @cached_property
    def _structure(self) -> tuple[tuple[Slot, ...], tuple[UnitSlots, ...]]:
        return slots_of(self.definition)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All decisions, in the order of an arch's codes."""
        return self._structure[0]

    @property
    def units(self) -> tuple[UnitSlots, ...]:
        """Where each unit's decisions stand."""
        return self._structure[1]

    @property
    def n_slots(self) -> int:
        """The length of an arch."""
        return len(self.slots)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, in the order of their codes."""
        return self.definition.blocks

    @property
    def n_blocks(self) -> int:
        """Count the blocks of the definition."""
        return len(self.definition.blocks)

    @property
    def block_names(self) -> tuple[str, ...]:
        """The blocks' names, in the order of their codes."""
        return tuple(block.name for block in self.definition.blocks)

    @cached_property
    def layer_slots(self) -> tuple[Slot, ...]:
        """The slots that hold a block, in the order of the network."""
        return tuple(slot for slot in self.slots if slot.kind == "layer")

    def slot(self, name: str) -> Slot:
        """Find a slot by its name, such as ``u2l1``.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        for slot in self.slots:
            if slot.name == name:
                return slot
        names = [slot.name for slot in self.slots]
        raise UnknownNameError(f"space {self.name!r} has no slot {name!r}; {one_of(name, names)}")

    def unit_depths(self, unit: int) -> tuple[int, ...]:
        """Return the depths that unit number ``unit`` may take here."""
        slots = self.units[unit - 1]
        if slots.depth is None:
            return slots.depths
        return tuple(slots.depths[code] for code in self.allowed[slots.depth])

    def max_depth(self, unit: int) -> int:
        """Return the largest depth that unit number ``unit`` may take here."""
        return max(self.unit_depths(unit))

    def depths(self, archs: Archs) -> NDArray[np.uint8]:
        """Read off the depth of every unit.

        Returns
        -------
        uint8, shape (n, n_units) or (n_units,).
        """
        columns = []
        for slots in self.units:
            if slots.depth is None:
                columns.append(np.full(archs.shape[:-1], slots.depths[0], np.uint8))
            else:
                columns.append(np.asarray(slots.depths, np.uint8)[archs[..., slots.depth]])
        return np.stack(columns, axis=-1)

    def resolution_of(self, arch: Archs) -> int:
        """Return the input resolution of one arch, in pixels: its own where it is a slot, else the space's."""
        slot = next((slot for slot in self.slots if slot.kind == "resolution"), None)
        return self.resolution if slot is None else int(slot.choices[arch[slot.index]])

    # -- identity ----------------------------------------------------------------------------------------

    @cached_property
    def hash(self) -> str:
        """The content hash: SHA-256 over the definition's structure and the allowed codes, 64 hex digits.

        Name, title, sources, notes, networks and resolution do not enter: two spaces are the same when their archs and
        operators are.
        """
        content: dict[str, Any] = _content(self.definition)
        for key in ("name", "title", "sources", "notes", "networks", "schema"):
            content.pop(key, None)
        content["allowed"] = self.allowed
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        from blockprofile.space.counting import count_archs

        n = write_count(count_archs(self))
        return f"Space {self.name}: {n} archs, {len(self.units)} units, {self.n_blocks} blocks"

    def _repr_html_(self) -> str:
        from blockprofile.space.summary import unit_rows

        table = html_table(unit_rows(self), title=f"{self!r}. {self.definition.title}")
        return table + html_picture(draw("show_space", self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        mine, theirs = ((s.hash, s.name, s.resolution, dict(s.mutation)) for s in (self, other))
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.hash, self.name, self.resolution))

    @cached_property
    def base(self) -> Space:
        """The space with everything allowed that the definition allows."""
        return Space(self.definition, resolution=self.resolution)

    @property
    def is_pruned(self) -> bool:
        """Whether anything that the definition allows is not allowed here."""
        return self.allowed != self.base.allowed

    def at_resolution(self, resolution: int | None) -> Space:
        """Return the same space with costs computed at another input resolution, in pixels; None changes nothing.

        Raises
        ------
        OptionError
            If the resolution is not the space's, or each arch has its own.
        """
        if resolution is None:
            return self
        if self.definition.input.searched and resolution != self.resolution:
            raise self.own_resolutions(resolution)
        return dataclasses.replace(self, resolution=resolution)

    def own_resolutions(self, resolution: int) -> OptionError:
        """Word why a resolution cannot be set where it is a slot."""
        return OptionError(
            f"resolution {resolution} cannot be set: in space {self.name!r} it is a slot, every arch has its own; "
            f"a pruned space keeps one of them by the rule {{option: resolution, keep: [{resolution}]}}"
        )

    def restricted(
        self, allowed: Sequence[Sequence[int]], *, name: str, mutation: Mapping[int, float] | None = None
    ) -> Space:
        """Return the space with only the given codes allowed, one sequence for each slot.

        Raises
        ------
        ArchError
            If a slot is left without a code, or a code is not allowed here.
        """
        codes = tuple(tuple(sorted({int(code) for code in entry})) for entry in allowed)
        for slot, entry, old in zip(self.slots, codes, self.allowed, strict=True):
            if not entry:
                raise ArchError(f"slot {slot.name!r} of space {self.name!r} is left without a choice")
            if not set(entry) <= set(old):
                raise ArchError(f"slot {slot.name!r}: codes {entry} are not all among the allowed {old}")
        weights = dict(self.mutation if mutation is None else mutation)
        return dataclasses.replace(self, allowed=codes, name=name, mutation=weights)

    # -- membership --------------------------------------------------------------------------------------

    def check(self, archs: Archs) -> Archs:
        """Return ``archs`` as C-contiguous uint8 if its dtype and shape fit this space.

        Raises
        ------
        ArchError
            If the dtype is not uint8 or the last axis is not ``n_slots`` long.
        """
        array = np.asarray(archs)
        if array.dtype != np.uint8:
            raise ArchError(f"archs have dtype {array.dtype}; space {self.name!r} takes uint8 codes")
        if array.ndim not in {1, 2} or array.shape[-1] != self.n_slots:
            raise ArchError(
                f"archs have shape {array.shape}; space {self.name!r} takes ({self.n_slots},) or (n, {self.n_slots})"
            )
        return np.ascontiguousarray(array)

    def contains(self, archs: Archs) -> NDArray[np.bool_]:
        """Tell for each arch whether it is a member: codes allowed, inactive layers exactly those beyond the depth.

        Returns
        -------
        bool, shape (n,).
        """
        rows = np.atleast_2d(self.check(archs))
        tables = np.zeros((self.n_slots, 256), dtype=bool)
        for slot, codes in zip(self.slots, self.allowed, strict=True):
            tables[slot.index, list(codes)] = True
        member = np.ones(len(rows), dtype=bool)
        for slot in self.slots:
            if slot.kind != "layer":
                member &= tables[slot.index, rows[:, slot.index]]
        safe = np.where(member[:, None], rows, 0).astype(np.uint8)
        depths = self.depths(safe)
        for slot in self.layer_slots:
            code = rows[:, slot.index]
            active = depths[:, slot.unit - 1] >= slot.layer
            member &= np.where(active, tables[slot.index, code], code == INACTIVE)
        return member
