"""Space files: finding them by name, reading, and checking what a schema cannot.

A space is found wherever a name is taken: a shipped name (``moga``), a shipped pruned space
(``insight/ofa_mbv3-npu``), or the path of a user's own YAML file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from blockprofile.content import content_dir
from blockprofile.errors import ArchError, OptionError, UnknownNameError, one_of
from blockprofile.files import check_name
from blockprofile.space.definition import SpaceDefinition, Unit
from blockprofile.space.expand import MAX_BLOCKS, expand
from blockprofile.space.kinds import mistakes_of
from blockprofile.space.ranges import range_mistakes
from blockprofile.space.rules import PrunedDefinition, apply_rule
from blockprofile.space.space import Space
from blockprofile.space.text import encode
from blockprofile.yamlfile import Document, read_yaml

__all__ = ["find_space_file", "list_spaces", "load_pruned", "load_space", "read_space", "space_of"]

_SCHEMAS = ("blockprofile.space/1", "blockprofile.pruned/1")


@dataclass(frozen=True, slots=True)
class _MistakeError(Exception):
    message: str
    loc: tuple[str | int, ...]


def list_spaces() -> tuple[str, ...]:
    """Name the shipped spaces, pruned ones (``insight/...``) last.

    Examples
    --------
    >>> "moga" in list_spaces()
    True
    """
    folder = content_dir("spaces")
    plain = sorted(path.stem for path in folder.glob("*.yaml"))
    return (*plain, *sorted(f"insight/{path.stem}" for path in (folder / "insight").glob("*.yaml")))


def find_space_file(name: str | Path) -> Path:
    """Find the file of a space given by shipped name or by path.

    Raises
    ------
    UnknownNameError
        If there is neither such a name nor such a file.
    """
    text = str(name)
    if text in list_spaces():
        return content_dir("spaces") / f"{text}.yaml"
    path = Path(text)
    if path.is_file():
        return path
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 2:
        raise UnknownNameError(f"there is no space file {text!r}; shipped spaces: {', '.join(list_spaces())}")
    raise UnknownNameError(f"space {text!r} is unknown; {one_of(text, list_spaces())}; or the path of a YAML file")


def load_space(name: str | Path, *, resolution: int | None = None) -> Space:
    """Load a space or a pruned space, by shipped name or from a file.

    Parameters
    ----------
    name
        A shipped name or a path.
    resolution
        The input resolution in pixels at which costs are computed; None is the definition's default.

    Raises
    ------
    UnknownNameError
        If there is no such name or file.
    DefinitionError
        With file, line, column and key path, if the file is wrong.
    OptionError
        If the resolution is not one of the space's, or is given where every arch has its own.
    """
    space = read_space(find_space_file(name))
    if resolution is not None and space.definition.input.searched:
        raise space.own_resolutions(resolution)
    return space.at_resolution(resolution)


def read_space(path: Path) -> Space:
    """Read a space file or a pruned-space file.

    Raises
    ------
    DefinitionError, DataError, UnknownNameError
        As `load_space`.
    """
    document = expand(read_yaml(path))
    schema = document.data.get("schema")
    if schema == _SCHEMAS[1]:
        return _pruned_space(document)
    if schema != _SCHEMAS[0]:
        raise document.error(f"schema {schema!r} is unknown; {one_of(schema, _SCHEMAS)}", ["schema"])
    return space_of(document)


def space_of(document: Document) -> Space:
    """Make the space of a document that holds a whole space file.

    Raises
    ------
    DefinitionError
        If it is wrong.
    """
    definition = document.validate(SpaceDefinition)
    _check_name(document, definition.name)
    try:
        for check in (_check_names, _check_options, _check_ranges, _check_units, _check_fixed):
            check(definition)
        space = Space(definition)
        _check_networks(space)
        return space
    except _MistakeError as mistake:
        raise document.error(mistake.message, mistake.loc) from None
    except (ArchError, OptionError) as failure:
        raise document.error(str(failure), ["input"]) from None


def load_pruned(path: Path) -> PrunedDefinition:
    """Read a pruned-space file as its record, rules and evidence included.

    Raises
    ------
    DefinitionError
        If the file is wrong, or is not a pruned space.
    """
    return read_yaml(path).validate(PrunedDefinition)


def _check_name(document: Document, name: str) -> None:
    """Check that a space's name can name files: runs, figures and predictors are named after it."""
    try:
        check_name(name, what="space")
    except OptionError as failure:
        raise document.error(str(failure), ["name"]) from None


def _base_of(document: Document, pruned: PrunedDefinition) -> Space:
    base = pruned.base
    if base.file is None:
        if base.name not in list_spaces() or "/" in base.name:
            choices = [name for name in list_spaces() if "/" not in name]
            raise document.error(f"base space {base.name!r} is unknown; {one_of(base.name, choices)}", ["base", "name"])
        return read_space(content_dir("spaces") / f"{base.name}.yaml")
    folder = document.path.parent.resolve()
    file = (folder / base.file).resolve()
    if not file.is_relative_to(folder):
        raise document.error(f"base file {base.file!r} leaves the folder of the pruned space", ["base", "file"])
    if not file.is_file():
        raise document.error(f"base file {base.file!r} does not exist beside the pruned space", ["base", "file"])
    return read_space(file)


def _pruned_space(document: Document) -> Space:
    pruned = document.validate(PrunedDefinition)
    _check_name(document, pruned.name)
    space = _base_of(document, pruned)
    if pruned.base.hash and pruned.base.hash != space.hash:
        raise document.error(
            f"the rules were made for another version of {pruned.base.name!r} (hash {pruned.base.hash[:12]}…, "
            f"it now has {space.hash[:12]}…); prune again, or remove the hash to apply them as they are",
            ["base", "hash"],
        )
    for index, rule in enumerate(pruned.rules):
        try:
            space = apply_rule(space, rule)
        except ArchError as failure:
            raise document.error(str(failure), ["rules", index]) from None
    for unit, weight in pruned.mutation.items():
        if not 1 <= unit <= len(space.units) or not 0 <= weight < math.inf:
            raise document.error(
                f"mutation weight {weight} of unit {unit}; units are 1 to {len(space.units)}, weights at least 0",
                ["mutation", unit],
            )
    return replace(space, name=pruned.name, mutation=dict(pruned.mutation))


# -- what a schema cannot check ----------------------------------------------------------------------------


def _check_names(definition: SpaceDefinition) -> None:
    if not definition.blocks:
        raise _MistakeError("a space needs at least one block", ("blocks",))
    if len(definition.blocks) > MAX_BLOCKS:
        raise _MistakeError(
            f"{len(definition.blocks)} blocks; codes are 8 bit and at most 250 are allowed", ("blocks",)
        )
    seen: set[str] = set()
    for index, block in enumerate(definition.blocks):
        loc = ("blocks", index)
        if block.name in seen:
            raise _MistakeError(f"block {block.name!r} is given twice", (*loc, "name"))
        if not block.name or set(block.name) & set(" |:=,*") or block.name == "-":
            raise _MistakeError(
                f"block name {block.name!r} must not be empty or hold blanks, '|', ':', '=', ',' or '*', nor be '-'",
                loc,
            )
        seen.add(block.name)
        for message, key in mistakes_of(block):
            raise _MistakeError(message, (*loc, key) if key else loc)


def _check_ranges(definition: SpaceDefinition) -> None:
    for message, loc in range_mistakes(definition):
        raise _MistakeError(message, loc)


def _check_options(definition: SpaceDefinition) -> None:
    names = [option.name for option in definition.options]
    for index, option in enumerate(definition.options):
        if names.count(option.name) > 1 or not option.name.isidentifier():
            raise _MistakeError(
                f"option name {option.name!r} must be a single word, given once", ("options", index, "name")
            )
        if not 1 <= len(option.values) <= 250:
            raise _MistakeError(f"option {option.name!r} has {len(option.values)} values; 1 to 250", ("options", index))


def _block_lists(definition: SpaceDefinition) -> Iterator[tuple[tuple[str, ...], tuple[str | int, ...]]]:
    for index, unit in enumerate(definition.units):
        if unit.blocks is not None:
            yield unit.blocks, ("units", index, "blocks")
        for place, override in enumerate(unit.layers):
            yield override.blocks, ("units", index, "layers", place, "blocks")


def _check_units(definition: SpaceDefinition) -> None:
    if not definition.units:
        raise _MistakeError("a space needs at least one unit", ("units",))
    known = [block.name for block in definition.blocks]
    for names, loc in _block_lists(definition):
        if not names:
            raise _MistakeError("the list of blocks is empty", loc)
        for place, name in enumerate(names):
            if name not in known:
                raise _MistakeError(f"block {name!r} is unknown; {one_of(name, known)}", (*loc, place))
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
        raise _MistakeError(message, (*loc, "depths"))
    for place, override in enumerate(unit.layers):
        if not 1 <= override.layer <= depths[-1]:
            where = (*loc, "layers", place, "layer")
            raise _MistakeError(f"layer {override.layer} is not in 1 to {depths[-1]}", where)


def _check_shared(unit: Unit, loc: tuple[str | int, ...]) -> None:
    if unit.shared and unit.layers:
        raise _MistakeError(
            "a shared unit has one block for all of its layers; blocks of a single layer cannot be given, "
            "those of the unit go into its blocks",
            (*loc, "layers"),
        )


def _check_skips(definition: SpaceDefinition) -> None:
    """Refuse skips in a first layer that changes the shape; widths of all units before are followed."""
    skips = {block.name for block in definition.blocks if block.op == "skip"}
    known = tuple(block.name for block in definition.blocks)
    before = _stem_widths(definition)
    for index, unit in enumerate(definition.units):
        after = set(unit.out if isinstance(unit.out, tuple) else (unit.out,))
        first = next((item.blocks for item in unit.layers if item.layer == 1), None) or unit.blocks or known
        changes = unit.stride != 1 or len(before | after) > 1
        if changes and skips & set(first):
            raise _MistakeError(
                f"block {min(skips & set(first))!r} skips; a unit's first layer that changes the shape cannot "
                "(a block of op project can)",
                ("units", index),
            )
        before = before | after if 0 in unit.depths else after


def _check_networks(space: Space) -> None:
    for name, text in space.definition.networks.items():
        loc = ("networks", name)
        if not name or name != name.strip() or set(name) & set("|{:=\n") or _is_arch(space, name):
            raise _MistakeError(
                f"network name {name!r} must not be empty, begin or end in blanks, hold '|', '{{', ':' or '=', "
                "or be an arch itself",
                loc,
            )
        try:
            encode(space, text)
        except ArchError as failure:
            raise _MistakeError(f"network {name!r} is no arch of the space: {failure}", loc) from None


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
        raise _MistakeError(f"out has {len(widths)} widths; 1 to {MAX_BLOCKS} are allowed", (*loc, "out"))
    if unit.widths is not None and len(unit.widths) != len(widths):
        raise _MistakeError(f"{len(unit.widths)} names for {len(widths)} widths", (*loc, "widths"))


def _check_fixed(definition: SpaceDefinition) -> None:
    options = {option.name: option.values for option in definition.options}
    for part, layers in (("stem", definition.stem), ("head", definition.head)):
        for index, layer in enumerate(layers):
            loc = (part, index)
            for name in filter(None, (layer.out_by, *layer.when)):
                if name not in options:
                    raise _MistakeError(f"option {name!r} is unknown; {one_of(name, options)}", loc)
            if isinstance(layer.out, tuple) and (layer.out_by is None or len(layer.out) != len(options[layer.out_by])):
                raise _MistakeError(
                    "a list of widths needs out_by, with one width per value of that option", (*loc, "out")
                )
            for name, value in layer.when.items():
                if value not in options[name]:
                    raise _MistakeError(f"value {value!r}; {one_of(value, options[name])}", (*loc, "when", name))
