"""What a schema cannot check of a space file: names, depths, widths, and blocks at their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockprofile.errors import ArchError, one_of
from blockprofile.space.definition import SpaceDefinition, Unit
from blockprofile.space.expand import MAX_BLOCKS
from blockprofile.space.kind import kind_of, mistakes_of
from blockprofile.space.ranges import range_mistakes
from blockprofile.space.sites import build_sites
from blockprofile.space.space import Space
from blockprofile.space.text import encode


@dataclass(frozen=True, slots=True)
class MistakeError(Exception):
    """A mistake of a space file: what is wrong, and the keys that lead there."""

    message: str
    loc: tuple[str | int, ...]


def check_definition(definition: SpaceDefinition) -> None:
    """Check what a file says, before a space is made of it.

    Raises
    ------
    MistakeError
        The first mistake.
    """
    for check in (_check_names, _check_options, _check_ranges, _check_units, _check_fixed):
        check(definition)


def check_space(space: Space) -> None:
    """Check the blocks at their places, and the networks that have a name.

    Raises
    ------
    MistakeError
        The first mistake.
    """
    _check_places(space)
    _check_shortcuts(space)
    _check_networks(space)


def _check_places(space: Space) -> None:
    """Refuse blocks that cannot be at one of their places, and shortcuts that are at none."""
    blocks = space.definition.blocks
    asked = {code for code, block in enumerate(blocks) if block.residual in {"identity", "pool"}}
    try:
        sites = build_sites(space)
    except ArchError as failure:
        raise MistakeError(str(failure), ("blocks",)) from None
    idle = asked & {code for slot in space.layer_slots for code in space.allowed[slot.index]}
    for site in (site for site in sites if site.unit):
        place = site.scope.index(space.units[site.unit - 1].layer_slot(site.layer))
        idle -= {codes[place] for codes, op in site.table.items() if op is not None and (op.skip or op.pool_skip)}
    for code in sorted(idle):
        block = blocks[code]
        where = "stride 1 and equal widths" if block.residual == "identity" else "equal widths"
        raise MistakeError(
            f"residual {block.residual} of block {block.name!r} has no effect: none of its places has {where}",
            ("blocks", code, "residual"),
        )


def _check_shortcuts(space: Space) -> None:
    """Refuse shortcuts of fixed layers that have nothing of their own shape to add."""
    for site in (site for site in build_sites(space) if not site.unit):
        ops = [op for op in site.table.values() if op is not None and op.skip]
        for op in ops:
            if op.in_channels != op.out_channels or op.in_size != op.out_size:
                part = site.name.rstrip("0123456789")
                raise MistakeError(
                    f"skip: true, but the layer makes {op.out_channels} channels at {op.out_size} pixels of "
                    f"{op.in_channels} at {op.in_size}",
                    (part, int(site.name.removeprefix(part)) - 1, "skip"),
                )


def _check_names(definition: SpaceDefinition) -> None:
    if not definition.blocks:
        raise MistakeError("a space needs at least one block", ("blocks",))
    if len(definition.blocks) > MAX_BLOCKS:
        raise MistakeError(f"{len(definition.blocks)} blocks; codes are 8 bit and at most 250 are allowed", ("blocks",))
    seen: set[str] = set()
    for index, block in enumerate(definition.blocks):
        loc = ("blocks", index)
        if block.name in seen:
            raise MistakeError(f"block {block.name!r} is given twice", (*loc, "name"))
        if not block.name or set(block.name) & set(" |:=,*") or block.name == "-":
            raise MistakeError(
                f"block name {block.name!r} must not be empty or hold blanks, '|', ':', '=', ',' or '*', nor be '-'",
                loc,
            )
        seen.add(block.name)
        for message, key in mistakes_of(block):
            raise MistakeError(message, (*loc, key) if key else loc)


def _check_ranges(definition: SpaceDefinition) -> None:
    for message, loc in range_mistakes(definition):
        raise MistakeError(message, loc)


def _check_options(definition: SpaceDefinition) -> None:
    names = [option.name for option in definition.options]
    for index, option in enumerate(definition.options):
        if names.count(option.name) > 1 or not option.name.isidentifier():
            raise MistakeError(
                f"option name {option.name!r} must be a single word, given once", ("options", index, "name")
            )
        if not 1 <= len(option.values) <= 250:
            raise MistakeError(f"option {option.name!r} has {len(option.values)} values; 1 to 250", ("options", index))


def _block_lists(definition: SpaceDefinition) -> Iterator[tuple[tuple[str, ...], tuple[str | int, ...]]]:
    for index, unit in enumerate(definition.units):
        if unit.blocks is not None:
            yield unit.blocks, ("units", index, "blocks")
        for place, override in enumerate(unit.layers):
            yield override.blocks, ("units", index, "layers", place, "blocks")


def _check_units(definition: SpaceDefinition) -> None:
    if not definition.units:
        raise MistakeError("a space needs at least one unit", ("units",))
    known = [block.name for block in definition.blocks]
    for names, loc in _block_lists(definition):
        if not names:
            raise MistakeError("the list of blocks is empty", loc)
        for place, name in enumerate(names):
            if name not in known:
                raise MistakeError(f"block {name!r} is unknown; {one_of(name, known)}", (*loc, place))
    for index, unit in enumerate(definition.units):
        loc = ("units", index)
        _check_depths(unit, loc)
        _check_width(unit, loc)
        _check_shared(unit, loc)
    _check_skips(definition)


def _check_depths(unit: Unit, loc: tuple[str | int, ...]) -> None:
    depths = list(unit.depths)
    if not depths or depths != sorted(set(depths)) or depths[0] < 0 or not 1 <= depths[-1] <= 64:
        message = f"depths {depths} must be ascending, distinct and from 0 to 64, not 0 alone"
        raise MistakeError(message, (*loc, "depths"))
    for place, override in enumerate(unit.layers):
        if not 1 <= override.layer <= depths[-1]:
            where = (*loc, "layers", place, "layer")
            raise MistakeError(f"layer {override.layer} is not in 1 to {depths[-1]}", where)


def _check_shared(unit: Unit, loc: tuple[str | int, ...]) -> None:
    if unit.shared and unit.layers:
        raise MistakeError(
            "a shared unit has one block for all of its layers; blocks of a single layer cannot be given, "
            "those of the unit go into its blocks",
            (*loc, "layers"),
        )


def _check_skips(definition: SpaceDefinition) -> None:
    """Refuse skips in a first layer that changes the shape; widths of all units before are followed."""
    skips = {block.name for block in definition.blocks if not kind_of(block).any_shape}
    known = tuple(block.name for block in definition.blocks)
    before = _stem_widths(definition)
    for index, unit in enumerate(definition.units):
        after = set(unit.out if isinstance(unit.out, tuple) else (unit.out,))
        first = next((item.blocks for item in unit.layers if item.layer == 1), None) or unit.blocks or known
        changes = unit.stride != 1 or len(before | after) > 1
        if changes and skips & set(first):
            raise MistakeError(
                f"block {min(skips & set(first))!r} skips; a unit's first layer that changes the shape cannot "
                "(a block of op project can)",
                ("units", index),
            )
        before = before | after if 0 in unit.depths else after


def _check_networks(space: Space) -> None:
    for name, text in space.definition.networks.items():
        loc = ("networks", name)
        if not name or name != name.strip() or set(name) & set("|{:=\n") or _is_arch(space, name):
            raise MistakeError(
                f"network name {name!r} must not be empty, begin or end in blanks, hold '|', '{{', ':' or '=', "
                "or be an arch itself",
                loc,
            )
        try:
            encode(space, text)
        except ArchError as failure:
            raise MistakeError(f"network {name!r} is no arch of the space: {failure}", loc) from None


def _is_arch(space: Space, text: str) -> bool:
    try:
        encode(space, text)
    except ArchError:
        return False
    return True


def _stem_widths(definition: SpaceDefinition) -> set[int]:
    widths = {definition.input.channels}
    for layer in definition.stem:
        if layer.out is not None:
            new = set(layer.out if isinstance(layer.out, tuple) else (layer.out,))
            widths = widths | new if layer.when else new
    return widths


def _check_width(unit: Unit, loc: tuple[str | int, ...]) -> None:
    widths = unit.out if isinstance(unit.out, tuple) else (unit.out,)
    if not 1 <= len(widths) <= MAX_BLOCKS:
        raise MistakeError(f"out has {len(widths)} widths; 1 to {MAX_BLOCKS} are allowed", (*loc, "out"))
    if unit.widths is not None and len(unit.widths) != len(widths):
        raise MistakeError(f"{len(unit.widths)} names for {len(widths)} widths", (*loc, "widths"))
    names: list[str] = [str(name) for name in unit.widths or widths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MistakeError(
            f"width {twice} is given twice; each needs a name of its own in widths",
            (*loc, "widths" if unit.widths else "out"),
        )


def _check_fixed(definition: SpaceDefinition) -> None:
    options = {option.name: option.values for option in definition.options}
    for part, layers in (("stem", definition.stem), ("head", definition.head)):
        for index, layer in enumerate(layers):
            loc = (part, index)
            for name in filter(None, (layer.out_by, *layer.when)):
                if name not in options:
                    raise MistakeError(f"option {name!r} is unknown; {one_of(name, options)}", loc)
            if isinstance(layer.out, tuple) and (layer.out_by is None or len(layer.out) != len(options[layer.out_by])):
                raise MistakeError(
                    "a list of widths needs out_by, with one width per value of that option", (*loc, "out")
                )
            for name, value in layer.when.items():
                if value not in options[name]:
                    raise MistakeError(f"value {value!r}; {one_of(value, options[name])}", (*loc, "when", name))
