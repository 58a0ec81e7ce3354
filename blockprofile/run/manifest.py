"""The manifest of a run folder: what was asked for, so that nothing else is ever mixed in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile import __version__
from blockprofile.errors import DataError, RunError, UnknownNameError
from blockprofile.jsonfile import digest_of, read_json, write_json
from blockprofile.predict import (
    WEIGHTS_NAME,
    Card,
    Entry,
    Predictor,
    build_predictor,
    caption_of,
    select_entries,
    tell_stated,
)
from blockprofile.run.labelled import describe_labels
from blockprofile.space import Law, Space
from blockprofile.yamlfile import Document

if TYPE_CHECKING:
    from blockprofile.additive import LimitedSampler

MANIFEST_NAME = "manifest.json"
_SCHEMA = "blockprofile.run/2"
_MADE_BY = "the command that made the folder, on another --out"

_SPEAKING = frozenset({"source", "definition", "allowed", "pruned", "card"})
"""What a config says of spaces and predictors beside their hashes, wherever it stands; it decides nothing more."""

_TYPED = frozenset({"devices", "metrics"})
"""What the user typed; the predictors that were meant are in ``predictors``, with their hashes."""


_POOL: Mapping[str, tuple[type, ...]] = {
    "space": (dict,), "devices": (list,), "metrics": (list, type(None)), "predictors": (dict,), "seed": (int,),
    "law": (str,), "limit": (str, type(None)), "n": (int,),
}  # fmt: skip
_SEARCH: Mapping[str, tuple[type, ...]] = {
    "space": (dict,), "goals": (list,), "limits": (list,), "devices": (list,), "predictors": (dict,), "seed": (int,),
    "law": (str,),
}  # fmt: skip
_CONFIGS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "samples": _POOL,
    "profile": _POOL,
    "search": {**_SEARCH, "algorithm": (dict,), "budget": (dict,), "reference": (list,)},
    "comparison": {
        **_SEARCH, "cases": (list,), "budget": (int,), "seeds": (list,), "at": (list, type(None)),
        "reference": (list, type(None)),
    },
}  # fmt: skip
"""Kind of run -> what its config must have."""

_MISSING = object()
_SAID = ("metric", "unit", "provenance")
"""What a config must say of every predictor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run is made from.

    ``config`` decides the data: two runs with equal configs hold equal data, wherever their space and predictors lie.
    ``command``, ``version`` and ``info`` are for the reader and never compared.
    """

    kind: str
    config: Mapping[str, Any]
    command: str = ""
    version: str = __version__
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    schema: str
    kind: str
    config: dict[str, Any]
    command: str
    version: str
    info: dict[str, Any]


def content_hash(entry: Entry) -> str:
    """Return a hash of all that decides what a predictor gives: its folder and the network that it shares."""
    card, folder = entry
    files = [path for path in folder.iterdir() if path.is_file()]
    if "network" in card.parameters:
        files.append(folder.parent / str(card.parameters["network"]) / WEIGHTS_NAME)
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def describe_card(card: Card, caption: str) -> dict[str, Any]:
    """Describe a predictor that has a card but no files, for a config: the card's main words, and the whole card."""
    return {
        "name": card.name, "metric": card.metric, "unit": card.unit, "provenance": card.provenance,
        "floor": card.floor, "caption": caption, "card": asdict(card),
    }  # fmt: skip


def describe_predictor(
    entry: Entry, space: Space, *, law: Law = "papers", within: LimitedSampler | None = None
) -> dict[str, Any]:
    """Describe a predictor for a config: its card, its words for a space, and a hash of its files."""
    card, caption = entry[0], entry[0].caption
    if card.fitted_range is not None or tell_stated(space, card.metric):
        caption = caption_of(build_predictor(entry, space), space, law=law, within=within)
    labels = describe_labels(entry, space, law=law)
    told = {} if labels is None else {"labels": labels}
    return {**describe_card(card, caption), "hash": content_hash(entry), **told}


def kept_card(about: Mapping[str, Any], path: Path) -> Card | None:
    """Return the card of a predictor from what was written down of it; None if it had none.

    Parameters
    ----------
    path
        The file that it stands in, for errors.

    Raises
    ------
    DataError
        If it is not as it was written.
    """
    if about.get("card") is None:
        return None
    known = {each.name for each in fields(Card)}
    card = {key: value for key, value in about["card"].items() if key in known}
    return Document(path, card, None).validate(Card)


def refuse_changed(entry: Entry, then: str) -> None:
    """Refuse a predictor whose content is not what it was.

    Parameters
    ----------
    then
        The hash that it had; see `content_hash`.

    Raises
    ------
    RunError
        With both hashes.
    """
    card, folder = entry
    if (now := content_hash(entry)) != then:
        raise RunError(
            f"predictor {card.name!r} in {str(folder)!r} is not what the run was started with: hash {then} then, {now} "
            "here; it changed meanwhile, or another folder is seen here"
        )


def kept_predictors(config: Mapping[str, Any], space: Space) -> tuple[Predictor, ...]:
    """Load the predictors of a run again, if they are still what they were.

    Raises
    ------
    UserError, DataError
        If one is gone, has changed, or cannot be read.
    """
    entries = select_entries(space, devices=config["devices"], metrics=config["metrics"])
    for entry in entries:
        refuse_changed(entry, config["predictors"].get(entry[0].metric, {}).get("hash", "none"))
    return tuple(build_predictor(entry, space) for entry in entries)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, with a digest of itself, whole or not at all.

    Raises
    ------
    DataError
        If it holds what JSON has no word for.
    OSError
        If it cannot be written.
    """
    command = manifest.command.encode("utf-8", "replace").decode()
    write_json(folder / MANIFEST_NAME, {"schema": _SCHEMA, **asdict(manifest), "command": command}, within=folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises
    ------
    UnknownNameError
        If the folder is not there or is no run.
    DataError
        If the manifest is damaged, was changed by hand, or is of an earlier version, which kept no checksums.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        what = "is no run folder: it holds no manifest.json" if folder.is_dir() else "does not exist"
        what = "is a file, not a run folder" if folder.is_file() else what
        raise UnknownNameError(
            f"{str(folder)!r} {what}; `blockprofile sample`, `search` and `compare` make one (--out)"
        )
    file = read_json(path, _File, schema=_SCHEMA, made_by=_MADE_BY)
    _check_config(file, path)
    return Manifest(kind=file.kind, config=file.config, command=file.command, version=file.version, info=file.info)


def _check_config(file: _File, path: Path) -> None:
    """Check that a config has what its kind of run is read by."""
    wanted = _CONFIGS.get(file.kind, {})
    for key, kinds in wanted.items():
        value = file.config.get(key, _MISSING)
        is_empty = value == [] and key in {"cases", "seeds"}
        is_negative = key == "n" and isinstance(value, int) and value < 1
        if not isinstance(value, kinds) or is_empty or is_negative or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise DataError(f"{path}: config.{key}: {_short(value)} is wrong; must be {names}")
    for metric, about in file.config["predictors"].items() if "predictors" in wanted else ():
        if not isinstance(about, dict) or not all(isinstance(about.get(key), str) for key in _SAID):
            raise DataError(f"{path}: config.predictors.{metric} does not say {', '.join(_SAID)}")


def _deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was typed and what is said beside the hashes."""
    found: dict[str, Any] = _without({key: value for key, value in config.items() if key not in _TYPED})
    return found


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without(item) for key, item in value.items() if key not in _SPEAKING}
    return [_without(item) for item in value] if isinstance(value, list | tuple) else value


def run_digest(config: Mapping[str, Any]) -> str:
    """Return a digest of what decides a run's data, whatever its size ``n``: every table of the run carries it."""
    return digest_of({key: value for key, value in _deciding(config).items() if key != "n"})


def refuse_other(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to use a folder that holds a run of another configuration.

    Spaces and predictors are compared by content, not by the names or paths that they were given by.

    Raises
    ------
    RunError
        Naming every key that differs, with both values.
    """
    ours, theirs = _flatten(_deciding(new)), _flatten(_deciding(old))
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if not differing:
        return
    told = "; ".join(
        f"{key} is {_short(theirs.get(key))} there and {_short(ours.get(key))} here" for key in differing[:4]
    )
    more = f" (and {len(differing) - 4} more keys)" if len(differing) > 4 else ""
    raise RunError(f"{str(folder)!r} holds a run of another configuration: {told}{more}; choose another --out")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _flatten(data: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(data, Mapping) and data:
        items = [(f"{prefix}.{key}" if prefix else key, value) for key, value in data.items()]
    elif isinstance(data, list) and any(isinstance(item, Mapping) for item in data):
        items = [(f"{prefix}[{place}]", value) for place, value in enumerate(data)]
    else:
        return {prefix: data}
    return {key: value for name, item in items for key, value in _flatten(item, name).items()}
