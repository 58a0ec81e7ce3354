"""Space files: finding them by name, reading, and checking what a schema cannot.

A space is found wherever a name is taken: a shipped name (``moga``), a shipped pruned space
(``insight/ofa_mbv3-npu``), or the path of a user's own YAML file.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from blockprofile.content import content_dir
from blockprofile.errors import ArchError, OptionError, UnknownNameError, one_of
from blockprofile.files import check_name
from blockprofile.loudness import LOG
from blockprofile.space.check import MistakeError, check_definition, check_space
from blockprofile.space.definition import SpaceDefinition
from blockprofile.space.expand import expand
from blockprofile.space.rules import PrunedDefinition, apply_rule
from blockprofile.space.space import Space
from blockprofile.yamlfile import Document, read_yaml

_SCHEMAS = ("blockprofile.space/1", "blockprofile.pruned/1")


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
    LOG.info("space: %s", path)
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
        check_definition(definition)
        space = Space(definition)
        check_space(space)
        return space
    except MistakeError as mistake:
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
