"""The forms in which archs are written elsewhere: codes, Once-for-All's ks, e and d, MnasNet's strings, names, JSON.

Every form is turned into a space's own text and read by `encode`, which checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.errors import ArchError, DataError, one_of
from blockprofile.jsonfile import parse_json
from blockprofile.linefile import read_lines
from blockprofile.space.mnasnet import is_mnasnet, mnasnet_text, write_mnasnet
from blockprofile.space.slots import Archs, UnitSlots
from blockprofile.space.space import Space
from blockprofile.space.text import NO_LAYER, decode, encode, explain_arch

OFA_KEYS = ("ks", "e", "d", "r", "image_size", "wid")
HOW = (
    "an arch is given as text, by the name of a network, as a list of codes, as Once-for-All's {ks, e, d}, as "
    "MnasNet's string r2_k3_s22_e6_i16_o24 | …, or as JSON {arch: any of these}"
)


def read_arch(space: Space, given: str) -> Archs:
    """Read one arch in any form.

    Parameters
    ----------
    given
        Text as `decode` writes it, the name of one of the space's networks, a MnasNet string, or JSON: a list of codes,
        an object with ``ks``, ``e`` and ``d``, or an object whose key ``arch`` holds any of these.

    Returns
    -------
    uint8, shape (n_slots,).

    Raises
    ------
    ArchError
        If the form is not recognised, the space has no such form, or the arch is not of the space; naming the place.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> moga = load_space("moga")
    >>> read_arch(moga, "MoGA-C").tolist() == read_arch(moga, '{"arch": [2,0,2,0,2,2,9,2,2,6,7,7,7,7]}').tolist()
    True
    """
    text = given.strip()
    if not text.startswith(("{", "[")):
        return _read_text(space, text)
    try:
        data = parse_json(text, "the arch")
    except DataError as failure:
        raise ArchError(str(failure)) from None
    return _read_data(space, data)


def read_arch_lines(space: Space, path: Path) -> list[Archs]:
    """Read a file's archs, one on each line in any form; ``#`` begins a remark, and ``-`` is stdin.

    Raises
    ------
    DataError
        As `read_lines`, or with the line that is no arch of the space.
    """
    found = []
    for number, line in read_lines(path):
        try:
            found.append(read_arch(space, line))
        except ArchError as failure:
            raise DataError(f"{path}:{number}: {failure}") from None
    return found


def _read_data(space: Space, data: Any) -> Archs:
    if isinstance(data, Mapping) and "arch" in data:
        data = data["arch"]
    if isinstance(data, str):
        return _read_text(space, data.strip())
    if isinstance(data, list):
        return _read_codes(space, data)
    if isinstance(data, Mapping) and "ks" in data:
        return encode(space, _ofa_text(space, data))
    raise ArchError(f"the form of {_short(data)} is not recognised: {HOW}")


def _read_text(space: Space, text: str) -> Archs:
    networks = space.definition.networks
    if text in networks:
        return encode(space, networks[text])
    if is_mnasnet(text):
        return encode(space, mnasnet_text(space, text))
    if len(space.units) > 1 and "|" not in text:
        known = f" (networks of space {space.name!r}: {one_of(text, networks)})" if networks else ""
        raise ArchError(f"the form of {_short(text)} is not recognised: {HOW}{known}")
    return encode(space, text)


def _short(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:80]}…"


def _read_codes(space: Space, codes: Sequence[Any]) -> Archs:
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 255:
            raise ArchError(f"code {code!r} is wrong; codes are whole numbers from 0 to 255")
    row = space.check(np.array(codes, np.uint8))
    for slot in space.slots:
        code = int(row[slot.index])
        if slot.kind != "layer" and code >= slot.n_choices:
            raise ArchError(f"code {code} of slot {slot.name!r} is not one of its {slot.n_choices} choices")
    if not space.contains(row)[0]:
        raise ArchError(explain_arch(space, row))
    return row


def _write_codes(space: Space, arch: Archs) -> list[int]:
    return [int(code) for code in space.check(arch)]


# -- Once-for-All ------------------------------------------------------------------------------------------


def _check_ofa(space: Space) -> None:
    """Refuse a space whose archs are more than a kernel and an expansion for each layer and a depth for each unit."""
    why = (
        "its stem has options" if space.definition.options
        else "a unit's width is searched" if any(unit.width is not None for unit in space.units)
        else "a unit's layers share a block" if any(unit.shared for unit in space.units)
        else "it has no mbconv block" if all(block.op != "mbconv" for block in space.blocks)
        else ""
    )  # fmt: skip
    if why:
        raise ArchError(f"space {space.name!r} has no form of ks, e and d: {why}")


def _ofa_blocks(space: Space, slot: int) -> dict[tuple[float, int], str]:
    """Return the blocks of a layer by expansion and kernel."""
    found: dict[tuple[float, int], str] = {}
    for code in space.base.allowed[slot]:
        block = space.blocks[code]
        if block.op != "mbconv" or block.expansion is None or block.kernel is None:
            continue
        key = (float(block.expansion), block.kernel)
        if key in found:
            raise ArchError(
                f"space {space.name!r} has no form of ks, e and d: blocks {found[key]!r} and {block.name!r} have the "
                "same kernel and expansion"
            )
        found[key] = block.name
    return found


def _ofa_text(space: Space, data: Mapping[str, Any]) -> str:
    """Write Once-for-All's form as a space's text; what stands beyond a unit's depth is not read there either."""
    _check_ofa(space)
    odd = [key for key in data if key not in OFA_KEYS]
    if odd or data.get("wid") is not None:
        raise ArchError(f"key {(odd or ['wid'])[0]!r} is not read; of Once-for-All's form, ks, e, d and r are")
    n_layers = sum(unit.max_depth for unit in space.units)
    kernels, expansions = _entries(data, "ks", n_layers), _entries(data, "e", n_layers)
    depths = _entries(data, "d", len(space.units))
    parts, first = [], 0
    for unit, depth in zip(space.units, depths, strict=True):
        # Once-for-All draws a depth for units that have but one too, and cuts it there.
        n = unit.max_depth if unit.depth is None and depth > unit.max_depth else depth
        if n not in unit.depths:
            raise ArchError(f"d of unit {unit.unit} is {depth!r}; {one_of(depth, unit.depths)}")
        layers = range(first, first + int(n))
        words = [_ofa_block(space, unit, at - first, (expansions[at], kernels[at])) for at in layers]
        parts.append(" ".join(words) or NO_LAYER)
        first += unit.max_depth
    return _resolution(space, data) + " | ".join(parts)


def _ofa_block(space: Space, unit: UnitSlots, layer: int, key: tuple[float, float]) -> str:
    blocks = _ofa_blocks(space, unit.layers[layer])
    name = next((block for known, block in blocks.items() if key == known), None)
    if name is not None:
        return name
    known = ", ".join(f"e {expansion:g} ks {kernel}" for expansion, kernel in blocks)
    raise ArchError(
        f"unit {unit.unit}, layer {layer + 1}: no block has e {key[0]!r} and ks {key[1]!r}; choices: {known}"
    )


def _entries(data: Mapping[str, Any], key: str, n: int) -> list[float]:
    """Return a key's numbers; a single one stands for all, as there."""
    if key not in data:
        raise ArchError(f"key {key!r} is missing; Once-for-All's form has ks, e and d")
    values = data[key] if isinstance(data[key], list) else [data[key]] * n
    if len(values) != n:
        raise ArchError(f"{key} has {len(values)} entries; the space takes {n}, or one number for all")
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ArchError(f"{key} holds {value!r}; must be numbers")
    return [-1 if value is None else value for value in values]


def _resolution(space: Space, data: Mapping[str, Any]) -> str:
    given = [data[key] for key in ("r", "image_size") if key in data]
    values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in given]
    if not values:
        return ""
    if len(values) > 1 or isinstance(values[0], bool) or not isinstance(values[0], int):
        raise ArchError(f"the resolution is {_short(given)}; must be one whole number, as r or as image_size")
    if space.definition.input.searched:
        return f"resolution={values[0]} : "
    if values[0] != space.resolution:
        raise ArchError(
            f"r is {values[0]}, and space {space.name!r} stands at {space.resolution} pixels; take one of its "
            f"resolutions ({', '.join(map(str, space.definition.input.resolutions))}) by --resolution"
        )
    return ""


def _write_ofa(space: Space, arch: Archs) -> dict[str, list[int | float]]:
    """Write Once-for-All's form; 0 stands beyond a unit's depth, as there."""
    _check_ofa(space)
    kernels: list[int | float] = []
    expansions: list[int | float] = []
    depths = [int(depth) for depth in space.depths(arch)]
    for unit, depth in zip(space.units, depths, strict=True):
        for layer, slot in enumerate(unit.layers, start=1):
            expansion, kernel = _ofa_key(space, slot, int(arch[slot])) if layer <= depth else (0, 0)
            kernels.append(kernel)
            expansions.append(int(expansion) if expansion == int(expansion) else expansion)
    return {"ks": kernels, "e": expansions, "d": list(depths), "r": [space.resolution_of(arch)]}


def _ofa_key(space: Space, slot: int, code: int) -> tuple[float, int]:
    name = space.blocks[code].name
    found = next((key for key, block in _ofa_blocks(space, slot).items() if block == name), None)
    if found is None:
        raise ArchError(f"block {name!r} in {space.slots[slot].name} has no kernel and expansion to write as ks and e")
    return found


FORMS: Mapping[str, Callable[[Space, Archs], Any]] = {
    "text": decode, "codes": _write_codes, "ofa": _write_ofa, "mnasnet": write_mnasnet,
}  # fmt: skip
"""The forms that an arch can be written in, as plain data."""


def write_arch(space: Space, arch: Archs, form: str) -> Any:
    """Write one arch in a form of `FORMS`; `read_arch` reads it back.

    Raises
    ------
    ArchError
        If there is no such form, the space has not got it, or the arch cannot be said in it.
    """
    if form not in FORMS:
        raise ArchError(f"form {form!r} is unknown; {one_of(form, FORMS)}")
    row = encode(space.base, decode(space, arch))
    return FORMS[form](space, row)
