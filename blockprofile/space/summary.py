"""A space at a glance: one row a unit, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blockprofile.space.space import Space


def unit_rows(space: Space) -> list[dict[str, Any]]:
    """Say of each unit its output channels, stride, activation, depths and blocks."""
    rows: list[dict[str, Any]] = []
    for unit, slots in zip(space.definition.units, space.units, strict=True):
        lists = [space.allowed[index] for index in slots.layers]
        names = [[space.block_names[code] for code in codes] for codes in lists]
        same = all(entry == names[0] for entry in names)
        blocks = " ".join(names[0]) if same else "; ".join(f"{i}: {' '.join(n)}" for i, n in enumerate(names, 1))
        rows.append(
            {
                "unit": slots.unit,
                "out": str(unit.out if isinstance(unit.out, int) else list(unit.out)),
                "stride": unit.stride,
                "act": unit.act,
                "depths": " ".join(map(str, space.unit_depths(slots.unit))),
                "blocks": blocks,
            }
        )
    return rows
