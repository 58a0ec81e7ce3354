"""Depthwise convolutions, with a quicker gradient on the small maps of a processor.

On a processor, torch takes tens of times a forward pass for the gradient of a depthwise weight whose kernel is larger
than the map (5 x 5 on 4 x 4, as the last stages of networks for small images have it). There it is made from one
matrix product for each channel: every output pixel with every input pixel, summed over the images.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@cache
def depthwise_class() -> type[nn.Conv2d]:
    """Return the module of a depthwise convolution: torch's own, with another way to the gradient of small maps."""
    import torch
    from torch import nn
    from torch.autograd.function import once_differentiable

    class SmallMap(torch.autograd.Function):
        """A depthwise convolution, and its gradients."""

        @staticmethod
        def forward(ctx: Any, features: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
            ctx.save_for_backward(features, weight)
            ctx.stride, ctx.padding = stride, padding
            return torch.conv2d(features, weight, None, stride, padding, groups=len(weight))

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
            features, weight = ctx.saved_tensors
            settings = (None, ctx.stride, ctx.padding, [1, 1], False, [0, 0], len(weight))
            inputs = torch.ops.aten.convolution_backward(grad, features, weight, *settings, [True, False, False])[0]
            return inputs, _weight_gradient(grad, features, weight.shape[-1], ctx.stride[0], ctx.padding[0]), None, None

    class Depthwise(nn.Conv2d):
        """A depthwise convolution."""

        def forward(self, features: Tensor) -> Tensor:
            is_small = max(features.shape[2:]) < self.kernel_size[0] and features.device.type == "cpu"
            if is_small and torch.is_grad_enabled() and self.weight.requires_grad and self.bias is None:
                taken: Tensor = SmallMap.apply(features, self.weight, list(self.stride), list(self.padding))  # type: ignore[no-untyped-call]
                return taken
            return super().forward(features)

    return Depthwise


def _weight_gradient(grad: Tensor, features: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Return the gradient of a weight of shape (channels, 1, kernel, kernel); ``grad`` is that of the outputs."""
    import torch
    from torch.nn.functional import pad

    n, channels, height, width = features.shape
    rows, columns = grad.shape[2:]
    pairs = torch.bmm(
        grad.permute(1, 2, 3, 0).reshape(channels, rows * columns, n),
        features.permute(1, 0, 2, 3).reshape(channels, n, height * width),
    )
    padded = pad(pairs.view(channels, rows, columns, height, width), [padding] * 4)
    gradient = torch.zeros(channels, kernel, kernel, dtype=pairs.dtype)
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            gradient += padded[:, row, column, top : top + kernel, left : left + kernel]
    return gradient[:, None]
