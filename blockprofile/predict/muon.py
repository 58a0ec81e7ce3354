"""Muon: gradients of matrices are made orthogonal before a step is taken along them.

torch's own Muon multiplies in bfloat16 alone, fifty times slower than in float32 on a processor without instructions
for it; this one multiplies in the precision that it is told.

References
----------
Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024 (the iteration and its coefficients).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Muon", "orthogonalize"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration, chosen for the steepest slope at zero."""

N_ITERATIONS = 5
MOMENTUM = 0.95
SMALLEST_NORM = 1e-7


def orthogonalize(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Bring all singular values of a matrix near to one, by Newton-Schulz iterations.

    Parameters
    ----------
    matrix
        Shape (n, m).
    dtype
        The precision of the products.

    Returns
    -------
    Shape (n, m), of that precision; singular values between about 0.7 and 1.2, those of zero stay.

    Examples
    --------
    >>> import torch
    >>> found = orthogonalize(torch.tensor([[3.0, 0.0], [0.0, -0.02]]), torch.float32)
    >>> [round(abs(float(value)), 1) for value in found.diagonal()]
    [0.7, 0.9]
    """
    import torch

    own, square, fourth = COEFFICIENTS
    wide = matrix.to(dtype)
    if upright := matrix.shape[0] > matrix.shape[1]:
        wide = wide.T
    wide = wide / wide.norm().clamp(min=SMALLEST_NORM)
    for _ in range(N_ITERATIONS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=square, alpha=fourth), wide, beta=own)
    return wide.T if upright else wide


class Muon:
    """The optimizer; a tall matrix takes longer steps, by the root of its rows to columns.

    Parameters
    ----------
    matrices
        The weights to train, each of two dimensions.
    rate
        The length of a step as a spectral norm; `step` takes a share of it.
    weight_decay
        What a step of full rate takes off the weights, in shares of the rate.
    dtype
        The precision of the products; steps and momentum are kept in the weights' own.
    """

    def __init__(self, matrices: Sequence[Tensor], *, rate: float, weight_decay: float, dtype: torch.dtype) -> None:
        import torch

        self.matrices, self.rate, self.weight_decay, self.dtype = tuple(matrices), rate, weight_decay, dtype
        self.momenta = tuple(torch.zeros_like(matrix) for matrix in self.matrices)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for matrix in self.matrices:
            matrix.grad = None

    def step(self, share: float | Tensor) -> None:
        """Take a step of a share of the rate along the gradients (Nesterov's momentum).

        Parameters
        ----------
        share
            A number, or a tensor of shape () on the device of the weights.
        """
        import torch

        rate = self.rate * share
        with torch.no_grad():
            for matrix, momentum in zip(self.matrices, self.momenta, strict=True):
                if matrix.grad is None:
                    continue
                momentum.lerp_(matrix.grad, 1 - MOMENTUM)
                along = orthogonalize(matrix.grad.lerp(momentum, MOMENTUM), self.dtype)
                if self.weight_decay:
                    matrix.mul_(1 - rate * self.weight_decay)
                length = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5 * rate
                if isinstance(length, float):
                    matrix.add_(along, alpha=-length)
                else:
                    matrix.sub_(along.to(matrix.dtype) * length)
