"""What the scores look at: a network at its initial weights, and images of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blockprofile.modules import build_network, seeded
from blockprofile.space import Archs, Space, list_operators

if TYPE_CHECKING:
    import torch
    from torch import nn

N_IMAGES = 16
"""Images that a score looks at together."""


def initial_network(space: Space, arch: Archs, *, seed: int) -> nn.Module:
    """Build an arch's network with torch's own initial weights."""
    with seeded(seed):
        return build_network(list_operators(space, arch))


def normalise_by_images(network: nn.Module) -> nn.Module:
    """Let batch normalisation take its statistics from the images themselves; nothing is dropped out at random."""
    from torch import nn

    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return network


def noise_images(space: Space, arch: Archs, *, seed: int) -> torch.Tensor:
    """Draw standard normal images, float32 (n, channels, size, size): no data are needed."""
    import torch

    size = space.resolution_of(arch)
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(N_IMAGES, space.definition.input.channels, size, size, generator=drawn)
