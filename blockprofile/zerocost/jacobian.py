"""Covariance of Jacobians: whether a network tells images of noise apart by its gradients.

References
----------
Mellor, Turner, Storkey and Crowley, Neural Architecture Search without Training, arXiv 2006.04647v1, 2020;
Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021 (``jacob_cov``).
"""

from __future__ import annotations

import math

from blockprofile.modules import use_threads
from blockprofile.space import Archs, Space
from blockprofile.zerocost.images import initial_network, noise_images, normalise_by_images

K = 1e-5
"""What keeps an eigenvalue of 0 from counting without bound; the paper's."""


@use_threads(1)
def jacobian(space: Space, arch: Archs, *, seed: int = 0) -> float:
    """Return the score of the correlations between the gradients of the summed output by each image.

    Notes
    -----
    Minus the sum over the eigenvalues v of the correlation matrix of log(v + k) + 1 / (v + k): 0 correlation is best.
    Minus infinity where an image has no gradient to correlate.
    """
    import torch

    network = normalise_by_images(initial_network(space, arch, seed=seed))
    images = noise_images(space, arch, seed=seed).requires_grad_()
    (gradient,) = torch.autograd.grad(network(images).sum(), images)
    correlations = torch.corrcoef(gradient.flatten(1).double())
    if not torch.isfinite(correlations).all():  # an image whose gradient is the same everywhere
        return -math.inf
    values = torch.linalg.eigvalsh(correlations) + K
    return -float((values.log() + 1 / values).sum())
