"""Checkpoints of a long profile: the merged state after so many chunks, in one file that is replaced whole."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.sketch import SketchQuantiles

__all__ = ["CHECKPOINT_NAME", "load_checkpoint", "remove_checkpoint", "save_checkpoint"]

CHECKPOINT_NAME = "profile.state.npz"


def save_checkpoint(folder: Path, seen: Accumulator, n_chunks_done: int) -> None:
    """Write the state of an accumulator with sketched quantiles.

    Raises
    ------
    ValueError
        If its quantiles are exact: such a pool is small and is drawn again.
    """
    if not isinstance(seen.quantiles, SketchQuantiles):
        raise ValueError("only sketched quantiles are checkpointed")
    partial = folder / (CHECKPOINT_NAME + ".partial")
    arrays = {**seen.moments.arrays(), **seen.quantiles.arrays(), "n_chunks": np.array(n_chunks_done)}
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(folder / CHECKPOINT_NAME)


def load_checkpoint(folder: Path, seen: Accumulator) -> int:
    """Restore an accumulator from the folder's checkpoint.

    Returns
    -------
    How many chunks it holds; 0 if there is no checkpoint, or one that cannot be read.
    """
    path = folder / CHECKPOINT_NAME
    if not path.is_file() or not isinstance(seen.quantiles, SketchQuantiles):
        return 0
    try:
        with np.load(path, allow_pickle=False) as named:
            arrays = dict(named)
        done = int(arrays["n_chunks"])
        seen.quantiles.restore(arrays)
        seen.moments.restore(arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return 0
    return done


def remove_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a finished profile."""
    (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
