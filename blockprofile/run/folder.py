"""A run folder: the one way to write in it, and the one to read it, for every kind of run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockprofile.command import typed_command
from blockprofile.errors import RunError
from blockprofile.files import is_leftover, make_folder, remove_leftovers
from blockprofile.folderlock import lock_folder
from blockprofile.run.manifest import (
    MANIFEST_NAME,
    Manifest,
    read_manifest,
    refuse_other,
    run_digest,
    write_manifest,
)
from blockprofile.space import Space, kept_space

_MAKERS = {
    "samples": "`blockprofile sample` makes one",
    "search": "`blockprofile search` makes one",
    "comparison": "`blockprofile compare` makes one",
    "supernet": "`blockprofile supernet train` makes one",
}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run that is there to be read: its place, and what its manifest says."""

    path: Path
    manifest: Manifest

    @classmethod
    def read(cls, folder: str | Path, kind: str = "") -> RunFolder:
        """Read a run folder's manifest, for every command that takes a run.

        Parameters
        ----------
        kind
            What it must be a run of; empty for any.

        Raises
        ------
        UnknownNameError
            If the folder is not there or is no run.
        RunError
            If it is a run of another kind.
        DataError
            If the manifest is damaged.
        """
        found = cls(Path(folder), read_manifest(Path(folder)))
        if kind and found.manifest.kind != kind:
            raise RunError(f"{str(folder)!r} is a run of kind {found.manifest.kind!r}, not {kind!r}; {_MAKERS[kind]}")
        return found

    @property
    def config(self) -> Mapping[str, Any]:
        """What decides the data."""
        return self.manifest.config

    @property
    def digest(self) -> str:
        """The digest that its tables carry."""
        return run_digest(self.config)

    @property
    def file(self) -> Path:
        """The manifest's file, for errors."""
        return self.path / MANIFEST_NAME

    @property
    def space(self) -> Space:
        """The space, from what the run itself keeps of it.

        Raises
        ------
        DataError
            If it is not as it was written.
        """
        return kept_space(self.config["space"], self.file)


@contextmanager
def open_run(out: str | Path, *, kind: str, config: Mapping[str, Any], can_grow: bool = False) -> Iterator[Path]:
    """Make a run folder, or go on in one of the same configuration, and keep it for this command.

    A folder that a killed command left before its manifest was written counts as new.

    Parameters
    ----------
    can_grow
        Whether a larger ``n`` than the folder's is taken, and written down.

    Raises
    ------
    RunError
        If the folder holds anything else, is in use by another command, or cannot be made.
    DataError
        If its manifest is damaged.
    """
    folder = Path(out)
    is_run = (folder / MANIFEST_NAME).is_file()
    is_other = folder.exists() and not (folder.is_dir() and all(_is_nothing(path) for path in folder.iterdir()))
    if is_other and not is_run:
        raise RunError(f"--out {str(folder)!r} exists and is no run folder; choose another, or empty it")
    if is_run:
        _check_run(folder, kind, config, can_grow=can_grow)
    with lock_folder(make_folder(folder)):
        remove_leftovers(folder)
        # Another command may have made or grown it before the lock was had.
        old = _check_run(folder, kind, config, can_grow=can_grow) if (folder / MANIFEST_NAME).is_file() else None
        if old is None or (can_grow and old["n"] != config["n"]):
            write_manifest(folder, Manifest(kind=kind, config=config, command=typed_command()))
        yield folder


def _is_nothing(path: Path) -> bool:
    return is_leftover(path) or (path.is_dir() and all(_is_nothing(inner) for inner in path.iterdir()))


def _check_run(folder: Path, kind: str, config: Mapping[str, Any], *, can_grow: bool) -> Mapping[str, Any]:
    manifest = read_manifest(folder)
    if manifest.kind != kind:
        raise RunError(f"--out {str(folder)!r} holds a run of kind {manifest.kind!r}, not {kind!r}; choose another")
    old = manifest.config
    grown = {**old, "n": config["n"]} if can_grow and config["n"] >= old.get("n", 0) else old
    refuse_other(folder, grown, config)
    return old
