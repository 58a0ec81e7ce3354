"""The accuracy of a subnet: batch normalisation recalibrated for the arch, then images that were not trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.accelerator import require_accelerator
from blockprofile.errors import OptionError, check_choice
from blockprofile.modules import use_threads
from blockprofile.space import Archs
from blockprofile.supernet.batches import batches_of
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.images import Images
from blockprofile.supernet.shared import Supernet, resize_images
from blockprofile.supernet.spread import count_workers

if TYPE_CHECKING:
    from torch import Tensor, nn

BnMode = Literal["reset", "batch", "own"]
BN_MODES: tuple[BnMode, ...] = get_args(BnMode)
RECALIBRATION = 2000
"""Training images that batch statistics are computed from (Once-for-All's number)."""
_PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """How archs are judged.

    Parameters
    ----------
    bn
        ``reset``: statistics are computed anew from training images; ``batch``: those of each batch of the judged
        images; ``own``: as they are, for networks that were trained alone.
    recalibration
        Training images for ``reset``, at least 2 batches' worth where there are so many.
    images
        Judge on so many of the held-out images alone; None for all.
    accelerator, threads
        Where, and with how many threads of torch on the CPU.
    workers
        How many archs are judged at once, each in a process, where many are judged; no accuracy depends on it.
    """

    bn: BnMode = "reset"
    recalibration: int = RECALIBRATION
    images: int | None = None
    batch: int = 200
    accelerator: str = "cpu"
    threads: int = 1
    workers: int | str = "auto"

    def __post_init__(self) -> None:
        count_workers(self.workers, accelerator=self.accelerator, threads=1)
        check_choice("--bn", self.bn, BN_MODES)
        for name in ("recalibration", "images", "batch", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"--{name} is {value}; must be at least 1")

    def describe(self) -> dict[str, Any]:
        """Return what decides an accuracy, as plain data."""
        plain = asdict(self)
        del plain["workers"]
        return plain if self.bn == "reset" else {**plain, "recalibration": 0}


def binomial_sd(percent: float, n: int) -> float:
    """Return the standard deviation of an accuracy in percent that was counted on n images.

    Half an image is added to either side, so that none or all of them right is not taken for certainty.

    Examples
    --------
    >>> round(binomial_sd(50.0, 2500), 6)
    1.0
    """
    share = (percent / _PERCENT * n + 0.5) / (n + 1)
    return _PERCENT * math.sqrt(share * (1 - share) / n)


class Judge:
    """Judge archs of a supernet on one set of images.

    Parameters
    ----------
    images
        Those to judge on; left out, the held-out part.
    """

    def __init__(self, net: Supernet, data: DataSet, options: JudgeOptions, *, images: Images | None = None) -> None:

        require_accelerator(options.accelerator)
        self.net, self.data, self.options = net, data, options
        judged = data.held_out if images is None else images
        if options.images is not None and options.images < len(judged):
            rows = np.random.default_rng([data.record.seed, 7]).permutation(len(judged))[: options.images]
            judged = judged.take(np.sort(rows))
        self.images = judged

    def accuracy(self, arch: Archs, *, repeat: int = 0) -> float:
        """Return the top-1 accuracy of an arch in percent.

        Parameters
        ----------
        repeat
            Which training images recalibrate: every number draws others.
        """
        import torch

        options = self.options
        network = self.network(arch, repeat=repeat)
        with torch.no_grad(), use_threads(options.threads):
            right = 0
            for pixels, labels in batches_of(self.images, options.batch):
                logits = self._run(network, arch, pixels)
                right += int((logits.argmax(dim=1).cpu() == torch.from_numpy(labels)).sum())
        return _PERCENT * right / len(self.images)

    def network(self, arch: Archs, *, repeat: int = 0) -> nn.Module:
        """Build an arch's network with its batch normalisations set as the options have it."""
        import torch

        with torch.no_grad(), use_threads(self.options.threads):
            network = self.net.network_of(arch)
            network.to(self.options.accelerator, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._prepare(network, arch, repeat)
        return network

    def _run(self, network: nn.Module, arch: Archs, pixels: NDArray[np.uint8]) -> Tensor:
        import torch

        images = self.data.normalise(pixels).to(self.options.accelerator).contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=images.device.type == "cuda"):
            logits: Tensor = network(resize_images(images, self.net.space.resolution_of(arch)))
        return logits.float()

    def _prepare(self, network: nn.Module, arch: Archs, repeat: int) -> None:
        """Set the batch normalisations: statistics of training images, or of each batch to come."""
        from torch.nn import BatchNorm2d

        network.eval()
        norms = [module for module in network.modules() if isinstance(module, BatchNorm2d)]
        if self.options.bn == "own":
            return
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        if self.options.bn == "batch":
            return
        for pixels in self._recalibration(repeat):
            self._run(network, arch, pixels)
        network.eval()

    def _recalibration(self, repeat: int) -> Iterator[NDArray[np.uint8]]:
        """Draw training images in batches of one size."""
        train, options = self.data.train, self.options
        n = min(options.recalibration, len(train))
        rows = np.random.default_rng([self.data.record.seed, 6, repeat]).permutation(len(train))[:n]
        size = min(options.batch, n)
        for start in range(0, n - size + 1, size):
            yield train.pixels[rows[start : start + size]]
