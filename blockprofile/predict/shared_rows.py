"""First layers whose rows the layers of a space share in part: numbers of each block, mixed by each layer.

The row of block b at layer l is

    row[l, b] = sum_k numbers[b, k] * mixing[l, k],

with a few numbers of each block, an inactive layer's among them, that are the same at every layer. Only training knows
of it: what is stored are the rows. Where metrics see the same few properties of a block wherever it stands (its
kernel, its expansion), a third of the weights tell as much, and fewer labels settle them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError

if TYPE_CHECKING:
    import torch
    from torch import nn


def share_rows(
    layer: nn.Linear, blocks: NDArray[np.int64], n_numbers: int, generator: torch.Generator | None = None
) -> None:
    """Make the rows of blocks in a first layer mixtures of numbers that all layers share.

    Parameters
    ----------
    layer
        The first layer, its weights drawn; the weights of inputs that are no blocks stay its own.
    blocks
        The code of each input's block, -1 for an input that is none, shape (n_rows,); see `OneHot.blocks`.
    n_numbers
        How many numbers a block has.
    generator
        Draws the numbers.

    Raises
    ------
    OptionError
        If there are no more codes than numbers: rows of their own are fewer.
    """
    import torch
    from torch.nn.utils.parametrize import register_parametrization

    n_codes = int(blocks.max(initial=-1)) + 1
    if n_numbers >= n_codes:
        raise OptionError(f"block_numbers is {n_numbers}; must be below {n_codes}, the number of codes of a layer")
    is_block, starts = blocks >= 0, np.flatnonzero(blocks == 0)
    numbers = torch.empty(n_codes, n_numbers)
    torch.nn.init.orthogonal_(numbers, gain=math.sqrt(n_codes), generator=generator)
    drawn = layer.weight.detach()[:, (starts[:, None] + np.arange(n_numbers)).ravel()] / math.sqrt(n_numbers)
    places = np.cumsum(blocks == 0)[:, None] - 1 == np.repeat(np.arange(len(starts)), n_numbers)
    shared = _shared_rows_class()(
        numbers, drawn, codes=blocks.clip(min=0), places=np.float32(places & is_block[:, None]), is_own=~is_block
    )
    register_parametrization(layer, "weight", shared, unsafe=True)


def _shared_rows_class() -> type[nn.Module]:
    """Make the class when torch is there: torch is not imported by importing this package."""
    import torch
    from torch import nn

    class SharedRows(nn.Module):
        codes: torch.Tensor
        places: torch.Tensor
        is_own: torch.Tensor

        def __init__(self, numbers: torch.Tensor, mixing: torch.Tensor, **where: NDArray[Any]) -> None:
            super().__init__()
            self.numbers, self.mixing = nn.Parameter(numbers), nn.Parameter(mixing)
            for name, array in where.items():
                self.register_buffer(name, torch.from_numpy(array))

        def forward(self, own: torch.Tensor) -> torch.Tensor:
            spread = self.places * self.numbers[self.codes].repeat(1, self.places.shape[1] // self.numbers.shape[1])
            return own * self.is_own + self.mixing @ spread.T

    return SharedRows
