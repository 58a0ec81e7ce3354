"""The images that a supernet is trained and judged on: one size, a held-out part, their own normalisation, batches.

All of them are in memory as uint8. The held-out part is taken from the training images, for ranking archs; the test
images serve final figures alone. Every batch follows from the seed and its number, so a training can go on anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.supernet.imagefiles import BadImage, Part, RawImages, iterate_sources, open_image, read_images

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

__all__ = ["DataSet", "Images", "load_data", "load_test"]

MAX_PIXELS = 1 << 34
"""How many bytes of pixels are held in memory."""
HOLDOUT = 0.1
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images of one size.

    Parameters
    ----------
    pixels
        uint8, shape (n, channels, size, size).
    labels
        int64, shape (n,).
    remarks
        What was done to the images, and which could not be read, in words.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Images:
        """Return these images alone."""
        return Images(self.pixels[rows], self.labels[rows], self.classes, self.remarks)

    @property
    def digest(self) -> str:
        """A hash of pixels and labels, 16 hex digits."""
        found = hashlib.blake2b(digest_size=8)
        found.update(repr((self.pixels.shape, self.classes)).encode())
        found.update(np.ascontiguousarray(self.pixels).data)
        found.update(np.ascontiguousarray(self.labels).data)
        return found.hexdigest()


def _fit(image: Image.Image, size: int, channels: int, crop: float = 1.0) -> NDArray[np.uint8]:
    """Give an image the size (the share ``crop`` of its middle, resized) and the channels: (channels, size, size)."""
    from PIL import Image, ImageOps

    plain = image.convert("L" if channels == 1 else "RGB")
    if plain.size != (size, size) or crop < 1:
        plain = ImageOps.fit(plain, (size, size), Image.Resampling.BILINEAR, bleed=(1 - crop) / 2)
    pixels = np.asarray(plain, np.uint8)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _from_array(raw: NDArray[np.uint8], size: int, channels: int, crop: float) -> tuple[NDArray[np.uint8], list[str]]:
    from PIL import Image

    pixels = raw[..., None] if raw.ndim == 3 else raw
    height, width, held = pixels.shape[1:]
    remarks = []
    if (height, width) != (size, size) or crop < 1:
        remarks.append(f"images of {height} x {width} are resized to {size} x {size}, the space's resolution")
        grey = [item[..., 0] if held == 1 else item for item in pixels]
        return np.stack([_fit(Image.fromarray(item), size, channels, crop) for item in grey]), remarks
    if held == 3 and channels == 1:
        return np.stack([_fit(Image.fromarray(item), size, 1) for item in pixels]), remarks
    moved = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return np.repeat(moved, channels, axis=1) if held == 1 and channels == 3 else moved, remarks


def _from_files(
    raw: RawImages, size: int, channels: int, crop: float, *, skip_bad: bool, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    pixels = np.empty((len(raw.labels), channels, size, size), np.uint8)
    kept: list[int] = []
    bad: list[BadImage] = []
    sizes: set[tuple[int, int]] = set()
    for row, (source, name) in enumerate(iterate_sources(raw)):
        image = open_image(source, name)
        if isinstance(image, BadImage):
            bad.append(image)
            continue
        sizes.add(image.size)
        pixels[len(kept)] = _fit(image, size, channels, crop)
        kept.append(row)
    remarks = []
    if bad:
        named = "; ".join(f"{each.name}: {each.reason}" for each in bad[:_NAMED])
        more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        told = f"{len(bad)} of {len(raw.labels)} images of {where} cannot be read ({named}{more})"
        if not skip_bad or not kept:
            raise DataError(f"{told}; mend them{', or leave them out by --skip-bad' if kept else ''}")
        remarks.append(f"{told}; they are left out")
    if sizes - {(size, size)}:
        shown = f"{'x'.join(map(str, min(sizes)))} to {'x'.join(map(str, max(sizes)))}"
        remarks.append(f"images of {shown} are resized to {size} x {size}, the space's resolution")
    return pixels[: len(kept)], raw.labels[kept], remarks


def _load(path: Path, part: Part, size: int, channels: int, *, crop: float, skip_bad: bool) -> Images:
    raw = read_images(path, part)
    needed = len(raw.labels) * channels * size * size
    if needed > MAX_PIXELS:
        raise OptionError(
            f"{len(raw.labels):,} images of {size} x {size} take {needed / 2**30:.0f} GiB; at most "
            f"{MAX_PIXELS / 2**30:.0f} GiB are held: use fewer images or a space of a smaller resolution"
        )
    if isinstance(raw.images, list):
        pixels, labels, remarks = _from_files(raw, size, channels, crop, skip_bad=skip_bad, where=str(path))
    else:
        pixels, remarks = _from_array(raw.images, size, channels, crop)
        labels = raw.labels
    return Images(pixels, labels, raw.classes, tuple(remarks))


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
    images = _load(Path(path), "train", size, channels, crop=crop, skip_bad=skip_bad)
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
    images = _load(Path(path), "test", record.size, record.channels, crop=record.crop, skip_bad=record.skip_bad)
    strange = [name for name in images.classes if name not in record.classes]
    if strange:
        raise DataError(f"{path}: no training image is of class {strange[0]!r}, which test images are of")
    codes = np.array([record.classes.index(name) for name in images.classes], np.int64)
    return Images(images.pixels, codes[images.labels], record.classes, images.remarks)


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
