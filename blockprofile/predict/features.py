"""What a network is told about each choice: the attributes that choices share.

A row of the matrix stands for one code of one slot. Kernel 5 is one column whether the expansion is 3 or 6, so what
is learnt about it holds for both. An inactive layer has no feature at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from blockprofile.predict.groups import is_implied
from blockprofile.space.definition import Value
from blockprofile.space.slots import Slot
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["choice_features", "row_features"]

ATTRIBUTES = ("op", "expansion", "kernel", "se", "ratio")
LATER = ("act", "residual", "groups", "shuffle", "expand_always")
"""Attributes that count where a block sets them."""

Feature = tuple[str, object]


def choice_features(space: Space, slot: Slot, value: Value) -> tuple[Feature, ...]:
    """List what describes a choice of a slot: a block's attributes, or the value itself.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> space = load_space("ofa_mbv3")
    >>> choice_features(space, space.layer_slots[0], "e4k5")
    (('op', 'mbconv'), ('expansion', 4.0), ('kernel', 5))
    >>> choice_features(load_space("fbnet"), load_space("fbnet").layer_slots[0], "k3_e1_g2")[-2:]
    (('kernel', 3), ('groups', 2))
    """
    if slot.kind != "layer":
        return ((slot.name, value),)
    block = next(block for block in space.definition.blocks if block.name == value)
    names = [name for name in ATTRIBUTES if getattr(block, name) is not None]
    names += [item.name for item in fields(block) if item.name in LATER and getattr(block, item.name) != item.default]
    return (*((name, getattr(block, name)) for name in names), *[("name", block.name)] * (block.op == "custom"))


def row_features(space: Space, offsets: Sequence[int], n_rows: int, *, chained: bool) -> Tensor:
    """Lay out the features of all rows.

    Parameters
    ----------
    offsets, n_rows
        Where each slot's rows start and how many there are; a further slot after the space's is the resolution.
    chained
        Whether all layers share their features (then with unit and layer as features), or each has its own.

    Returns
    -------
    float32, shape (n_rows, n_features): ones and zeros.
    """
    import torch

    rows: list[tuple[int, tuple[Feature, ...]]] = []
    for slot in space.slots:
        if is_implied(space, slot):
            continue
        place: tuple[Feature, ...] = (("unit", slot.unit), ("layer", slot.layer)) if slot.kind == "layer" else ()
        for code, value in enumerate(slot.choices):
            found = choice_features(space, slot, value)
            if not chained:
                found = tuple((f"{slot.name}.{name}", level) for name, level in found)
            rows.append((offsets[slot.index] + code, (*place, *found) if chained else found))
    if len(offsets) > space.n_slots:
        start = offsets[space.n_slots]
        rows += [(row, (("resolution", row - start),)) for row in range(start, n_rows)]
    columns = {feature: place for place, feature in enumerate(dict.fromkeys(f for _, found in rows for f in found))}
    matrix = torch.zeros((n_rows, len(columns)))
    for row, found in rows:
        matrix[row, [columns[feature] for feature in found]] = 1.0
    return matrix
