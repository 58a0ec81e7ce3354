"""Neural architecture search without training: how differently the activations cut images of noise.

References
----------
Mellor, Turner, Storkey and Crowley, Neural Architecture Search without Training, ICML 2021.
"""

from __future__ import annotations

import math
from typing import Any

from blockprofile.modules import use_threads
from blockprofile.space import Archs, Space
from blockprofile.zerocost.images import N_IMAGES, initial_network, noise_images, normalise_by_images


@use_threads(1)
def naswot(space: Space, arch: Archs, *, seed: int = 0) -> float:
    """Return the log-determinant of how often each two images are on the same side of the activations.

    Notes
    -----
    The kernel counts, over all activations of all layers, those that both images switch on or both switch off; smooth
    activations (hard swish, swish) count as on above 0. Batch normalisation works on the images themselves. Gates of
    squeeze-and-excite that end in a sigmoid are not counted.
    """
    import torch
    from torch import nn

    network = normalise_by_images(initial_network(space, arch, seed=seed))
    kernel = torch.zeros(N_IMAGES, N_IMAGES, dtype=torch.float64)

    def count(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        codes = (inputs[0] > 0).flatten(1).to(torch.float32)
        kernel.add_((codes @ codes.T + (1 - codes) @ (1 - codes).T).double())

    for module in network.modules():
        if isinstance(module, nn.ReLU | nn.ReLU6 | nn.Hardswish | nn.SiLU):
            module.register_forward_pre_hook(count)
    with torch.no_grad():
        network(noise_images(space, arch, seed=seed))
    sign, value = torch.linalg.slogdet(kernel)
    return float(value) if sign > 0 else -math.inf
