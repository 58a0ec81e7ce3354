"""Synaptic flow: how much of a signal the initial weights let through.

References
----------
Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020;
Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021 (as a score of networks).
"""

from __future__ import annotations

import math

from blockprofile.modules import use_threads
from blockprofile.space import Archs, Space
from blockprofile.zerocost.images import initial_network


@use_threads(1)
def synflow(space: Space, arch: Archs, *, seed: int = 0) -> float:
    """Return the logarithm of the synaptic flow of an arch's network at its initial weights.

    Notes
    -----
    Weights are replaced by their absolute values, the image by ones, batch normalisation by the identity; the flow is
    the sum over all weights of weight times gradient of the summed output, in float64.
    """
    import torch
    from torch import nn

    network = initial_network(space, arch, seed=seed).double().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.abs_()
    size = space.resolution_of(arch)
    output = network(torch.ones(1, space.definition.input.channels, size, size, dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(output, parameters)
    flow = sum(float((gradient * value.detach()).sum()) for gradient, value in zip(gradients, parameters, strict=True))
    return math.log(flow) if flow > 0 else -math.inf
