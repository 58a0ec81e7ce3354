"""Files and folders on disk: names that become files, and writing whole or not at all.

Every write of the project goes through `replacing` (or `write_bytes`, `write_text`) and `replacing_folder`, every name
that a file or a person gives and that becomes part of a path through `check_name`. Two commands are kept apart in
`blockprofile.folderlock`; checked reading is in `blockprofile.jsonfile`, `yamlfile` and `tablefile`.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from blockprofile.errors import OptionError, RunError
from blockprofile.folderlock import LOCK_NAME, hold_lock
from blockprofile.loudness import LOG

__all__ = [
    "check_name", "is_leftover", "make_folder", "remove_leftovers", "replacing",
    "replacing_folder", "write_bytes", "write_text",
]  # fmt: skip

MAX_NAME = 120
_LEFTOVER = re.compile(r"\.[0-9a-f]{8}\.partial\Z")
_EXCHANGE, _AT_CWD = 2, -100


def check_name(name: str, *, what: str = "name") -> str:
    """Return ``name`` if it can be the name of a file or folder, wherever it comes from.

    Raises
    ------
    OptionError
        If it is empty or longer than 120 bytes, begins with a dot, begins or ends with a blank, holds a slash of either
        kind or a character that cannot be printed. It is a `ValueError`: a record's validator may let it through.

    Examples
    --------
    >>> check_name("ofa_mbv3, kernel 7")
    'ofa_mbv3, kernel 7'
    """
    reason = ""
    if not name:
        reason = "it is empty"
    elif not all(letter.isprintable() for letter in name):
        reason = "it holds a character that cannot be printed"
    elif "/" in name or "\\" in name:
        reason = "it holds '/' or '\\', which would make it a path"
    elif name.startswith("."):
        reason = "it begins with a dot"
    elif name != name.strip():
        reason = "it begins or ends with a blank"
    elif len(name.encode()) > MAX_NAME:
        reason = f"it is longer than {MAX_NAME} bytes"
    if reason:
        shown = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
        raise OptionError(f"{what} {shown!r} cannot name a file: {reason}")
    return name


def _check_within(path: Path, within: Path | None) -> None:
    if within is not None and not path.parent.resolve().is_relative_to(within.resolve()):
        raise RunError(f"{str(path)!r} leads out of the folder {str(within)!r}, by its name or through a link")


@contextmanager
def replacing(path: Path, *, within: Path | None = None, sync: bool = True) -> Iterator[BinaryIO]:
    """Write a file under another name and give it its own when it is whole.

    Parameters
    ----------
    path
        The file. A link of that name is replaced, not followed.
    within
        A folder that the file must be in, links followed.
    sync
        Wait until the bytes are on the disk before the rename.

    Yields
    ------
    The open file, for bytes.

    Raises
    ------
    RunError
        If the file would not be within the folder.
    OSError
        With the name of ``path``. Whatever is raised, nothing of the new file is left and the old one stands.
    """
    _check_within(path, within)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        # O_EXCL: a file or link that stands there already is never written through.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        partial.replace(path)
        LOG.info("wrote %s", path)
    except BaseException as failure:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(failure, OSError) and failure.errno and failure.filename in {None, str(partial)}:
            raise OSError(failure.errno, os.strerror(failure.errno), str(path)) from failure
        raise


def write_bytes(path: Path, data: bytes, *, within: Path | None = None, sync: bool = True) -> None:
    """Write a file whole or not at all; see `replacing`."""
    with replacing(path, within=within, sync=sync) as file:
        file.write(data)


def write_text(path: Path, text: str, *, within: Path | None = None, sync: bool = True) -> None:
    """Write a text as UTF-8, whole or not at all; see `replacing`."""
    write_bytes(path, text.encode("utf-8"), within=within, sync=sync)


def make_folder(folder: Path, *, what: str = "--out") -> Path:
    """Make a folder, and those above it, where they are missing.

    Raises
    ------
    RunError
        If that cannot be done: a file or a dangling link stands there, or writing is not allowed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        reason = "a file or a dangling link stands there" if isinstance(failure, FileExistsError) else failure.strerror
        raise RunError(f"{what} {str(folder)!r} cannot be made: {reason}; choose another place") from None
    return folder


@contextmanager
def replacing_folder(folder: Path, *, within: Path | None = None, is_kept: bool = False) -> Iterator[Path]:
    """Write a whole folder under another name and put it in the place of the old one, which is removed.

    What the old folder held and the new one does not is gone, and so is what killed commands left beside it. No other
    command replaces it meanwhile.

    Parameters
    ----------
    within
        A folder that it must be in, links followed.
    is_kept
        Whether the new folder begins with what the old one holds; links are copied as links.

    Yields
    ------
    A new folder beside ``folder``.

    Raises
    ------
    RunError
        If a file or a link stands there, it would not be within the folder named, or another command replaces it.
    OSError
        As `replacing`.

    Notes
    -----
    Linux exchanges the two in one step, so that a kill leaves the old or the new. Where the system or the disk cannot,
    the old folder is renamed first, and a kill between the two steps leaves it as ``NAME.….partial``.
    """
    _check_within(folder, within)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RunError(f"{str(folder)!r} is a file or a link; a folder is to be written there")
    make_folder(folder.parent, what="the folder")
    with hold_lock(folder.with_name(f".{folder.name}{LOCK_NAME}"), folder):
        beside = folder.parent.glob("*.partial")
        # Those of this folder alone: `a.b` may be written while `a` is.
        _remove_leftovers(path for path in beside if _LEFTOVER.sub("", path.name) == folder.name)
        fresh = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.partial")
        try:
            if is_kept and folder.exists():
                kept = shutil.ignore_patterns(LOCK_NAME, "*.partial")
                shutil.copytree(folder, fresh, symlinks=True, ignore=kept)
            else:
                fresh.mkdir()
            yield fresh
            for file in fresh.rglob("*"):
                _sync(file)
            _sync(fresh)
            _put(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _put(fresh: Path, folder: Path) -> None:
    """Put a folder in the place of another, which is left under the name of the first or removed."""
    if not folder.exists():
        fresh.rename(folder)
    elif not _exchange(fresh, folder):
        old = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.partial")
        folder.rename(old)
        try:
            fresh.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems sync no folders
            os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False where that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return bool(rename(_AT_CWD, os.fsencode(first), _AT_CWD, os.fsencode(second), _EXCHANGE) == 0)


def is_leftover(path: Path) -> bool:
    """Tell whether a killed command left this behind: a part of a file, or its lock."""
    return (path.name.startswith(".") and path.name.endswith(LOCK_NAME)) or _LEFTOVER.search(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove what killed commands left in a folder and in those within; call it under the folder's lock."""
    _remove_leftovers(folder.rglob("*.partial"))


def _remove_leftovers(paths: Iterable[Path]) -> None:
    for path in [path for path in paths if is_leftover(path)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
