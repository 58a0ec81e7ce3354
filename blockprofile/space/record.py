"""A space as plain data: all that an archived run needs to have its space again, without any file of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, OptionError
from blockprofile.space.definition import SpaceDefinition, default_of
from blockprofile.space.load import find_space_file, list_spaces, load_pruned, space_of
from blockprofile.space.rules import PrunedDefinition
from blockprofile.space.space import Space
from blockprofile.yamlfile import Document, yaml_text


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRecord:
    """A space in a manifest.

    ``source`` is what the user typed, ``definition`` what the base's file says, ``allowed`` every slot's codes that
    a pruned space allows (None: all), ``pruned`` what the file of a pruned space says, rules and evidence included,
    ``text`` the base's own file to the letter where it is not shipped.
    """

    source: str
    name: str
    hash: str
    resolution: int | None
    definition: SpaceDefinition
    allowed: tuple[tuple[int, ...], ...] | None = None
    mutation: dict[int, float] = field(default_factory=dict)
    pruned: PrunedDefinition | None = None
    text: str = ""


def describe_space(space: Space, source: str | Path | Space) -> dict[str, Any]:
    """Write a space down for a manifest: name, hash and resolution, and all that it takes to have it again.

    Parameters
    ----------
    source
        The shipped name or the file that it was loaded from, or the space itself where there is none.
    """
    pruned, text = (None, "") if isinstance(source, Space) else _files(space, source)
    record = SpaceRecord(
        source=space.name if isinstance(source, Space) else str(source),
        name=space.name,
        hash=space.hash,
        resolution=None if space.definition.input.searched else space.resolution,
        definition=space.definition,
        allowed=space.allowed if space.is_pruned else None,
        mutation=dict(space.mutation),
        pruned=pruned,
        text=text,
    )
    return {**dataclasses.asdict(record), "definition": _spare(space.definition)}


def _files(space: Space, source: str | Path) -> tuple[PrunedDefinition | None, str]:
    """Read what the file of a pruned space says, and the text of the base's file where that is not shipped."""
    file = find_space_file(source)
    pruned = load_pruned(file) if space.is_pruned else None
    own: Path | None = None if str(source) in list_spaces() else file
    if pruned is not None:
        own = None if pruned.base.file is None else file.parent / pruned.base.file
    return pruned, "" if own is None else own.read_text(encoding="utf-8")


def kept_space(about: Mapping[str, Any], path: Path) -> Space:
    """Make a space from what `describe_space` wrote down.

    Parameters
    ----------
    path
        The file that it stands in, for errors.

    Raises
    ------
    DataError
        If it is not as it was written.
    """
    record = _record(about, path)
    whole = space_of(Document(path, about["definition"], None))
    try:
        space = Space(
            whole.definition, record.allowed or whole.allowed, name=record.name, resolution=record.resolution or 0,
            mutation=record.mutation,
        )  # fmt: skip
    except (OptionError, ValueError) as failure:
        raise DataError(f"{path}: space {record.name!r} is damaged: {failure}") from None
    if space.hash != record.hash:
        raise DataError(f"{path}: space {record.name!r} is damaged: it does not have the hash {record.hash[:12]}…")
    return space


def kept_pruning(about: Mapping[str, Any], path: Path) -> PrunedDefinition | None:
    """Return the rules and evidence of a pruned space from what `describe_space` wrote down; None if there are none.

    Raises
    ------
    DataError
        If it is not as it was written.
    """
    return _record(about, path).pruned


def _record(about: Mapping[str, Any], path: Path) -> SpaceRecord:
    if not isinstance(about, Mapping):
        raise DataError(f"{path}: {about!r} is no space")
    return Document(path, dict(about), None).validate(SpaceRecord)


def base_text(about: Mapping[str, Any], space: Space) -> str:
    """Return the text of the base's file, from what `describe_space` wrote down: its own, or one that says as much."""
    return str(about.get("text", "")) or yaml_text(_spare(space.definition))


def _spare(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        defaults = {each.name: default_of(each) for each in dataclasses.fields(value)}
        # 1 and 1.0 are told apart: a space's hash does.
        return {name: _spare(item) for name, item in given.items() if repr(item) != repr(defaults[name])}
    if isinstance(value, Mapping):
        return {key: _spare(item) for key, item in value.items()}
    return [_spare(item) for item in value] if isinstance(value, list | tuple) else value
