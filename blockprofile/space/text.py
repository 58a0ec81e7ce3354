"""Architectures as text and back: ``e3k3 e6k5 | e4k7 e4k7 e3k3 | ...``.

Units are separated by bars and layers by blanks; a unit's depth is the number of its blocks, and a unit that shares
one block among its layers is written ``e3k3*3``, block times depth (``-`` for a depth of 0). A searched
resolution and stem options come first (``stem_depth=2 stem_mid=0.65 :``); a width leads its unit (``1.0: b20 b35``).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from blockprofile.errors import ArchError, one_of
from blockprofile.space.definition import Value
from blockprofile.space.slots import INACTIVE, Archs, Slot, UnitSlots
from blockprofile.space.space import Space

NO_LAYER = "-"


def decode(space: Space, arch: Archs) -> str:
    """Write one arch as text.

    Raises
    ------
    ArchError
        If the arch is not of the definition (a pruned space decodes its base's archs too).

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> moga = load_space("moga")
    >>> decode(moga, np.array([8, 10, 6, 7, 1, 7, 6, 10, 5, 10, 6, 6, 9, 9], np.uint8))
    'e6k5 e6k7 | e6k3 e6k3se e3k3se | e6k3se e6k3 e6k7 e3k7se | e6k7 e6k3 | e6k3 e6k5se e6k5se'
    """
    row = space.check(arch)
    if row.ndim != 1:
        raise ArchError(f"decode takes one arch, not an array of shape {row.shape}")
    if not space.base.contains(row)[0]:
        raise ArchError(explain_arch(space.base, row))
    free = [f"{s.name}={s.choices[row[s.index]]}" for s in space.slots if s.kind in {"resolution", "option"}]
    parts = []
    for unit, depth in zip(space.units, space.depths(row), strict=True):
        names = " ".join(str(space.slots[index].choices[row[index]]) for index in unit.layers[:depth])
        if unit.shared and depth:
            names += f"*{depth}"
        names = names or NO_LAYER
        if unit.width is not None:
            names = f"{space.slots[unit.width].choices[row[unit.width]]}: {names}"
        parts.append(names)
    text = " | ".join(parts)
    return f"{' '.join(free)} : {text}" if free else text


def encode(space: Space, text: str) -> Archs:
    """Read one arch from text; the inverse of `decode`.

    Returns
    -------
    uint8, shape (n_slots,).

    Raises
    ------
    ArchError
        Naming the unit, the layer, the word and the choices.
    """
    row = np.full(space.n_slots, INACTIVE, dtype=np.uint8)
    body = _encode_free(space, text, row)
    units = body.split("|")
    if len(units) != len(space.units):
        raise ArchError(f"arch {text!r} has {len(units)} units; space {space.name!r} has {len(space.units)}")
    for unit, part in zip(space.units, units, strict=True):
        names = part
        if unit.width is not None:
            width, colon, names = part.partition(":")
            if not colon:
                raise ArchError(f"unit {unit.unit} of arch {text!r} lacks its width; write 'WIDTH: blocks'")
            row[unit.width] = _code(space, space.slots[unit.width], width.strip())
        _encode_layers(space, unit, _block_words(unit, names), row)
    return row


def named_archs(space: Space) -> dict[str, Archs]:
    """Return the networks that the space's definition names; a pruned space has those that it still allows.

    Raises
    ------
    ArchError
        Naming the network, if its text is no arch of the definition.
    """
    found: dict[str, Archs] = {}
    for name, text in space.definition.networks.items():
        try:
            arch = encode(space.base, text)
        except ArchError as failure:
            raise ArchError(f"network {name!r}: {failure}") from None
        if space.contains(arch)[0]:
            found[name] = arch
    return found


def _block_words(unit: UnitSlots, text: str) -> list[str]:
    """Split a unit's blocks into one word for each layer."""
    words = [] if text.strip() == NO_LAYER else text.split()
    if not unit.shared:
        return words
    repeated: list[str] = []
    for word in words:
        block, times, depth = word.partition("*")
        if times and not (depth.isdecimal() and len(depth) <= 2):
            raise ArchError(f"unit {unit.unit}: {word!r} is not of the form BLOCK*DEPTH, such as e3k3*2")
        repeated += [block] * (int(depth) if times else 1)
    if len(set(repeated)) > 1:
        blocks = ", ".join(sorted(set(repeated)))
        raise ArchError(f"unit {unit.unit} has the blocks {blocks}; its layers share one block")
    return repeated


def _encode_free(space: Space, text: str, row: Archs) -> str:
    """Read what stands before the units; return the rest."""
    free = [slot for slot in space.slots if slot.kind in {"resolution", "option"}]
    if not free:
        return text
    head, _, body = text.partition(" : ")
    words = dict(word.partition("=")[::2] for word in head.split())
    for slot in free:
        if slot.name not in words:
            raise ArchError(f"arch {text!r} does not say {slot.name}=; expected '{slot.name}=...' before ' : '")
        row[slot.index] = _code(space, slot, words[slot.name])
    return body


def _encode_layers(space: Space, unit: UnitSlots, blocks: list[str], row: Archs) -> None:
    depths = space.unit_depths(unit.unit)
    if len(blocks) not in depths:
        raise ArchError(f"unit {unit.unit} has {len(blocks)} layers ({' '.join(blocks)}); {one_of('', depths)}")
    if unit.depth is not None:
        row[unit.depth] = unit.depths.index(len(blocks))
    for index, block in zip(unit.layers, blocks, strict=False):
        row[index] = _code(space, space.slots[index], block)


def explain_arch(space: Space, arch: Archs) -> str:
    """Say why an arch is not a member of the space, or that it is."""
    row = space.check(arch)
    for slot in space.slots:
        code = int(row[slot.index])
        names = [slot.choices[c] for c in space.allowed[slot.index]]
        if slot.kind != "layer" and code not in space.allowed[slot.index]:
            return f"code {code} is not allowed in slot {slot.name!r} of space {space.name!r}; choices: {_join(names)}"
    for slot in space.layer_slots:
        code = int(row[slot.index])
        depth = int(space.depths(row)[slot.unit - 1])
        if slot.layer > depth and code != INACTIVE:
            return (
                f"slot {slot.name!r} is beyond unit {slot.unit}'s depth {depth} but holds code {code}, not {INACTIVE}"
            )
        if slot.layer <= depth and code not in space.allowed[slot.index]:
            names = [slot.choices[c] for c in space.allowed[slot.index]]
            return f"code {code} is not allowed in slot {slot.name!r} of space {space.name!r}; choices: {_join(names)}"
    return f"the arch is a member of space {space.name!r}"


def _join(values: Iterable[Value]) -> str:
    return ", ".join(str(value) for value in values)


def _code(space: Space, slot: Slot, word: str) -> int:
    allowed = space.allowed[slot.index]
    for code in allowed:
        if str(slot.choices[code]) == word:
            return code
    names = [slot.choices[code] for code in allowed]
    where = f"unit {slot.unit}, layer {slot.layer}" if slot.kind == "layer" else f"slot {slot.name!r}"
    what = "block" if slot.kind == "layer" else "value"
    raise ArchError(f"{what} {word!r} is not in {where} of space {space.name!r}; {one_of(word, names)}")
