"""Checkpoints of a long profile: the merged state after so many chunks, in one file that is replaced whole."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from blockprofile.files import write_bytes
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.sketch import SketchQuantiles

CHECKPOINT_NAME = "profile.state"
SEAL_BYTES = 32
LAYOUT = b"packed"
"""A checkpoint that was laid out otherwise is not taken."""


def save_checkpoint(folder: Path, seen: Accumulator, n_chunks_done: int, *, run: str) -> None:
    """Write the state of an accumulator with sketched quantiles, of the run with this digest.

    Raises
    ------
    ValueError
        If its quantiles are exact: such a pool is small and is drawn again.
    """
    if not isinstance(seen.quantiles, SketchQuantiles):
        raise ValueError("only sketched quantiles are checkpointed")
    arrays = {**seen.moments.arrays(), **seen.quantiles.arrays(), "n_chunks": np.array(n_chunks_done)}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    data = content.getbuffer()
    write_bytes(folder / CHECKPOINT_NAME, b"".join([_seal(data, run), data]), within=folder)


def _seal(data: bytes | memoryview, run: str) -> bytes:
    return hashlib.blake2b(data, key=run.encode(), digest_size=SEAL_BYTES, person=LAYOUT).digest()


def load_checkpoint(folder: Path, seen: Accumulator, *, run: str) -> int:
    """Restore an accumulator from the folder's checkpoint.

    Returns
    -------
    How many chunks it holds; 0 if there is no checkpoint, or one that is of another run or not as it was written.
    """
    path = folder / CHECKPOINT_NAME
    if not path.is_file() or not isinstance(seen.quantiles, SketchQuantiles):
        return 0
    content = path.read_bytes()
    seal, data = content[:SEAL_BYTES], content[SEAL_BYTES:]
    if seal != _seal(data, run):
        return 0
    with np.load(io.BytesIO(data), allow_pickle=False) as named:
        arrays = dict(named)
    seen.quantiles.restore(arrays)
    seen.moments.restore(arrays)
    return int(arrays["n_chunks"])


def remove_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a finished profile."""
    (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
