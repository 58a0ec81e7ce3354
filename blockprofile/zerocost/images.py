"""What the scores look at: a network at its initial weights, and images of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blockprofile.modules import build_network
from blockprofile.space import Archs, Space, list_operators

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["N_IMAGES", "initial_network", "noise_images"]

N_IMAGES = 16
"""Images that a score looks at together."""


def initial_network(space: Space, arch: Archs, *, seed: int) -> nn.Module:
    """Build an arch's network with torch's own initial weights; the global random state is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(list_operators(space, arch))


def noise_images(space: Space, arch: Archs, *, seed: int) -> torch.Tensor:
    """Draw standard normal images, float32 (n, channels, size, size): no data are needed."""
    import torch

    size = space.resolution_of(arch)
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(N_IMAGES, space.definition.input.channels, size, size, generator=drawn)
