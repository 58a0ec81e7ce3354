"""The manifest of a run folder: what was asked for, so that nothing else is ever mixed in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blockprofile import __version__
from blockprofile.errors import DataError, RunError, UnknownNameError
from blockprofile.predict.registry import Entry, build_predictor
from blockprofile.space import Law, Space

__all__ = ["MANIFEST_NAME", "Manifest", "describe_predictor", "describe_space", "read_manifest", "write_manifest"]

MANIFEST_NAME = "manifest.json"
_SCHEMA = "blockprofile.run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run is made from.

    ``config`` decides the data: two runs with equal configs hold equal data. ``command``, ``version`` and
    ``info`` are for the reader and never compared.
    """

    kind: str
    config: Mapping[str, Any]
    command: str = ""
    version: str = __version__
    info: Mapping[str, Any] = field(default_factory=dict)


def describe_space(space: Space, source: str) -> dict[str, Any]:
    """Describe a space for a config: where it was loaded from, name, content hash, resolution (None if a slot)."""
    resolution = None if space.definition.input.searched else space.resolution
    return {"source": source, "name": space.name, "hash": space.hash, "resolution": resolution}


def describe_predictor(entry: Entry, space: Space, *, law: Law = "papers") -> dict[str, Any]:
    """Describe a predictor for a config: its card's main words for a space, and a hash over all files of its folder."""
    card, folder = entry
    caption = card.caption
    if card.fitted_range is not None:
        from blockprofile.profile.reach import caption_of

        caption = caption_of(build_predictor(entry, space), space, law=law)
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return {
        "name": card.name, "metric": card.metric, "unit": card.unit, "provenance": card.provenance,
        "floor": card.floor, "caption": caption, "hash": digest.hexdigest()[:16],
    }  # fmt: skip


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest under another name and rename it."""
    partial = folder / (MANIFEST_NAME + ".partial")
    partial.write_text(json.dumps({"schema": _SCHEMA, **asdict(manifest)}, indent=2, ensure_ascii=False) + "\n")
    partial.replace(folder / MANIFEST_NAME)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises
    ------
    UnknownNameError
        If the folder is not there or is no run.
    DataError
        If the manifest is damaged.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        what = "is no run folder: it holds no manifest.json" if folder.is_dir() else "does not exist"
        raise UnknownNameError(f"{str(folder)!r} {what}; make one with `blockprofile sample --out {folder}`")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("schema") != _SCHEMA:
            raise DataError(f"{path}: not a manifest of this version; expected schema {_SCHEMA!r}")
        return Manifest(**data)
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise DataError(f"{path} is damaged: {failure}") from None


def refuse_other(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to use a folder that holds a run of another configuration.

    Raises
    ------
    RunError
        Naming every key that differs, with both values.
    """
    ours, theirs = _flatten(new), _flatten(old)
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if not differing:
        return
    told = "; ".join(f"{key} is {theirs.get(key)!r} there and {ours.get(key)!r} here" for key in differing[:4])
    more = f" (and {len(differing) - 4} more keys)" if len(differing) > 4 else ""
    raise RunError(f"{str(folder)!r} holds a run of another configuration: {told}{more}; choose another --out")


def _flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
