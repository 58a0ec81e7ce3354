"""Batches of images: each follows from the seed and its number, so a training can go on anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from blockprofile.supernet.images import Images


def draw_batch(
    images: Images, *, seed: int, step: int, batch: int, pad: int, flip: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the training batch of a step, shifted by up to ``pad`` pixels at random and flipped.

    Notes
    -----
    Every pass is a permutation of the images; those beyond the last whole batch wait for another pass.
    """
    n_batches = len(images) // batch
    epoch, place = divmod(step, n_batches)
    order = np.random.default_rng([seed, 1, epoch]).permutation(len(images))
    rows = order[place * batch : (place + 1) * batch]
    return augment(images.pixels[rows], np.random.default_rng([seed, 2, step]), pad=pad, flip=flip), images.labels[rows]


def augment(pixels: NDArray[np.uint8], rng: np.random.Generator, *, pad: int, flip: bool) -> NDArray[np.uint8]:
    """Cut every image at random from itself with a black margin, and mirror every other one."""
    n, channels, size, _ = pixels.shape
    offsets = rng.integers(0, 2 * pad + 1, (2, n, 1))
    rows, columns = offsets + np.arange(size)
    if flip:
        columns = np.where(rng.random((n, 1)) < 0.5, columns[:, ::-1], columns)
    margin = np.pad(pixels, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    picked = margin[
        np.arange(n)[:, None, None, None],
        np.arange(channels)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]
    return np.ascontiguousarray(picked)


def batches_of(images: Images, batch: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Cut images into batches of about one size, in their order."""
    parts = -(-len(images) // batch)
    yield from zip(np.array_split(images.pixels, parts), np.array_split(images.labels, parts), strict=True)
