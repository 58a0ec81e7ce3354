"""The images that a supernet is trained and judged on: one size, a held-out part, their own normalisation.

All of them are in memory as uint8. The held-out part is taken from the training images, for ranking archs; the test
images serve final figures alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.supernet.images import Images, load_images

if TYPE_CHECKING:
    from torch import Tensor

HOLDOUT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecord:
    """What a manifest says of the images; ``split`` is a hash of which are held out."""

    path: str
    digest: str
    size: int
    channels: int
    classes: tuple[str, ...]
    n_train: int
    n_held_out: int
    holdout: float
    limit: int | None
    seed: int
    split: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    skip_bad: bool
    crop: float = 1.0


@dataclass(frozen=True, eq=False)
class DataSet:
    """Training images in two parts, and the figures that all images are normalised by."""

    train: Images
    held_out: Images
    record: DataRecord

    def describe(self) -> dict[str, Any]:
        """Return what decides the data, and where it was, as plain data."""
        plain = asdict(self.record)
        return {"source": plain.pop("path"), **plain}

    @cached_property
    def _scale(self) -> tuple[Tensor, Tensor]:
        import torch

        mean, std = (
            torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)
            for values in (self.record.mean, self.record.std)
        )
        return 255 * mean, 255 * std

    def normalise(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Turn pixels into float32, by the training images' mean and standard deviation of every channel."""
        import torch

        mean, std = self._scale
        return (torch.from_numpy(pixels).float() - mean) / std


@dataclass(frozen=True, slots=True)
class ImageForm:
    """How images are given to networks that others trained.

    ``mean`` and ``std`` are those of every channel, of values from 0 to 1; ``crop`` is the share of an image's side
    that is kept, from its middle.
    """

    mean: Sequence[float]
    std: Sequence[float]
    crop: float = 1.0


def load_data(
    path: str | Path,
    *,
    size: int,
    channels: int = 3,
    holdout: float = HOLDOUT,
    seed: int = 0,
    limit: int | None = None,
    skip_bad: bool = False,
    form: ImageForm | None = None,
) -> DataSet:
    """Read training images and hold a part of them out.

    Parameters
    ----------
    size, channels
        Of the images that the networks take: others are cut to a square and resized, grey ones repeated.
    holdout
        The share of every class that is held out, at least one image.
    seed
        Of which ones.
    limit
        Use so many images alone, drawn by the seed; None for all.
    skip_bad
        Leave images out that cannot be read; their names are among the remarks.
    form
        How the images are given to networks; left out, whole and normalised by the training images.

    Raises
    ------
    UnknownNameError, DataError
        As `read_images`; or if images cannot be read, or a class has a single image.
    OptionError
        If ``holdout`` is not between 0 and 1, or ``limit`` leaves too few.
    """
    if not 0 < holdout < 1:
        raise OptionError(
            f"--holdout is {holdout:g}; must be between 0 and 1: the share of each class that is held out"
        )
    crop = 1.0 if form is None else form.crop
    images = load_images(Path(path), "train", size, channels, crop=crop, skip_bad=skip_bad)
    digest = images.digest
    rng = np.random.default_rng([seed, 0])
    if limit is not None and limit < len(images):
        images = images.take(np.sort(rng.permutation(len(images))[:limit]))
    held = _held_out(images, holdout, rng)
    train, held_out = images.take(np.flatnonzero(~held)), images.take(np.flatnonzero(held))
    mean, std = _figures(train.pixels) if form is None else (tuple(form.mean), tuple(form.std))
    record = DataRecord(
        path=str(path), digest=digest, size=size, channels=channels, classes=images.classes, n_train=len(train),
        n_held_out=len(held_out), holdout=holdout, limit=limit, seed=seed,
        split=hashlib.blake2b(np.packbits(held).data, digest_size=8).hexdigest(), mean=mean, std=std,
        skip_bad=skip_bad, crop=crop,
    )  # fmt: skip
    return DataSet(train, held_out, record)


def _held_out(images: Images, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    held = np.zeros(len(images), bool)
    for code, name in enumerate(images.classes):
        rows = np.flatnonzero(images.labels == code)
        if len(rows) < 2:
            raise DataError(
                f"class {name!r} has {len(rows) or 'no'} training image{'' if len(rows) == 1 else 's'}; "
                "at least 2 are needed, as one is held out"
            )
        n_held = min(len(rows) - 1, max(1, round(share * len(rows))))
        held[rng.permutation(rows)[:n_held]] = True
    return held


def _figures(pixels: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of every channel, of values from 0 to 1, from counts of the 256 values."""
    values = np.arange(256) / 255
    means, stds = [], []
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[:, channel].reshape(-1), minlength=256)
        mean = float(counts @ values / counts.sum())
        means.append(mean)
        stds.append(max(float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum())), 1 / 255))
    return tuple(means), tuple(stds)


def load_test(data: DataSet, path: str | Path) -> Images:
    """Read the test images of a data set, in the size of its training images.

    Raises
    ------
    UnknownNameError, DataError
        As `load_data`; or if there is a class that no training image has.
    """
    record = data.record
    images = load_images(Path(path), "test", record.size, record.channels, crop=record.crop, skip_bad=record.skip_bad)
    strange = [name for name in images.classes if name not in record.classes]
    if strange:
        raise DataError(f"{path}: no training image is of class {strange[0]!r}, which test images are of")
    codes = np.array([record.classes.index(name) for name in images.classes], np.int64)
    return Images(images.pixels, codes[images.labels], record.classes, images.remarks)
