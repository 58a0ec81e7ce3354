"""How networks are trained: the options of a training, checked, and what of them depends on the step."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from blockprofile.accelerator import check_accelerator
from blockprofile.errors import OptionError
from blockprofile.options import Options
from blockprofile.yamlfile import Document

BATCH_OF_LR = 256
LR = 0.1
"""The learning rate for a batch of 256 images; others are in proportion (Goyal et al., 2017)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(Options):
    """The options of a training.

    Parameters
    ----------
    epochs
        Passes over the training images; an image is seen once in a pass by each of the step's archs.
    lr
        The largest learning rate; None is 0.1 for a batch of 256, in proportion to the batch.
    weight_decay
        Of convolutions and the linear layer; batch normalisations and biases have none.
    warmup
        The share of the steps in which the learning rate rises from 0.
    clip
        The largest norm of the gradient; 0 for none.
    pad
        By how many pixels images are shifted at random, at most; None is an eighth of their size.
    largest_epochs
        Passes at the start in which the largest arch is trained alone; after them the channels of nested weights are
        put in the order of their importance.
    threads
        Of torch on the CPU. Another number gives other last digits, so it belongs to the training.
    """

    epochs: float = 30.0
    batch: int = 128
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float = 4e-5
    warmup: float = 0.05
    smoothing: float = 0.1
    clip: float = 5.0
    pad: int | None = None
    flip: bool = True
    largest_epochs: float = 0.0
    seed: int = 0
    accelerator: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        bounds: dict[str, tuple[float, float]] = {
            "epochs": (0, 1e5), "lr": (0, 1e3), "momentum": (-1, 1), "weight_decay": (-1, 1), "warmup": (-1, 1),
            "smoothing": (-1, 1), "clip": (-1, 1e6),
        }  # fmt: skip
        for name, (above, below) in bounds.items():
            value = getattr(self, name)
            if value is None:
                continue
            low_is_in = above < 0
            if not (value >= 0 if low_is_in else above < value) or not value < below:
                told = f"at least 0 and below {below:g}" if low_is_in else f"above 0 and below {below:g}"
                raise OptionError(f"--{name.replace('_', '-')} is {value:g}; must be {told}")
        for name, low in (("batch", 2), ("pad", 0), ("seed", 0), ("threads", 1)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise OptionError(f"--{name} is {value}; must be at least {low}")
        if not 0 <= self.largest_epochs < self.epochs:
            raise OptionError(f"--largest-epochs is {self.largest_epochs:g}; must be at least 0 and below --epochs")
        check_accelerator(self.accelerator)

    def describe(self) -> dict[str, Any]:
        """Return the options as plain data."""
        return asdict(self)

    @staticmethod
    def kept(document: Document) -> Recipe:
        """Read what `describe` gave.

        Raises
        ------
        DefinitionError
            If it is none.
        """
        return document.validate(Recipe)

    def steps(self, n_images: int) -> int:
        """Count the updates of a training on so many images.

        Raises
        ------
        OptionError
            If the images do not fill one batch.
        """
        if self.batch > n_images:
            raise OptionError(f"--batch is {self.batch}, and there are {n_images} training images; give a smaller one")
        return max(1, round(self.epochs * (n_images // self.batch)))

    def largest_steps(self, n_images: int) -> int:
        """Count the updates at the start that train the largest arch alone."""
        return round(self.largest_epochs * (n_images // self.batch))

    def lr_at(self, step: int, n_steps: int) -> float:
        """Return the learning rate of a step: a linear rise, then a cosine's fall to 0.

        Examples
        --------
        >>> recipe = Recipe(lr=1.0, warmup=0.5)
        >>> [round(recipe.lr_at(step, 8), 3) for step in range(8)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.854, 0.5, 0.146]
        """
        top = LR * self.batch / BATCH_OF_LR if self.lr is None else self.lr
        rise = round(self.warmup * n_steps)
        if step < rise:
            return top * (step + 1) / rise
        return top * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, n_steps - rise)))

    def pad_of(self, size: int) -> int:
        """Return by how many pixels images of a size are shifted."""
        return size // 8 if self.pad is None else self.pad


DEFAULT_RECIPE = Recipe()
