"""Keeping two commands apart that would write into one folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blockprofile.errors import RunError

__all__ = ["LOCK_NAME", "hold_lock", "lock_folder"]

LOCK_NAME = ".lock"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep a folder for this command while the block runs; a command that was killed holds nothing.

    Raises
    ------
    RunError
        If another command has it, saying which.

    Notes
    -----
    A lock of the system on ``.lock`` in the folder, which is removed at the end. Systems without such locks (Windows)
    keep nobody apart.
    """
    with hold_lock(folder / LOCK_NAME, folder):
        yield


@contextmanager
def hold_lock(path: Path, folder: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; the folder is what it stands for."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        yield
        return
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 200).decode("utf-8", "replace").strip() or "another command"
            os.close(handle)
            told = f"{str(folder)!r} is in use by {holder}; wait until it is done, or choose another folder"
            raise RunError(told) from None
        if _is_at(handle, path):
            break
        os.close(handle)  # its holder was done and removed it in between
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        if _is_at(handle, path):  # the folder may have been replaced, and another command have locked the new one
            path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
