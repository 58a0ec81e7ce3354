"""Depthwise convolutions on maps smaller than their kernel: torch's own outputs and gradients."""

import pytest
import torch

from blockprofile.modules import build_operator
from blockprofile.space import Operator


@pytest.mark.parametrize(("kernel", "size", "stride"), [(5, 4, 1), (5, 3, 2), (7, 2, 1), (3, 1, 1)])
def test_gradients_of_small_maps_are_torch_s_own(kernel, size, stride):
    op = Operator(
        op="mbconv", in_size=size, out_size=-(-size // stride), in_channels=4, out_channels=4, hidden_channels=6,
        kernel=kernel, stride=stride, act="relu",
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 4, size, size, generator=generator, dtype=torch.float64, requires_grad=True)
    module = build_operator(op).double()
    depthwise = next(m for m in module.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1)
    taken = depthwise(torch.zeros(1, 6, size, size, dtype=torch.float64)).grad_fn
    assert taken is not None
    assert "SmallMap" in taken.name()
    found = []
    for forward in (type(depthwise).forward, torch.nn.Conv2d.forward):
        depthwise.forward = forward.__get__(depthwise)
        module(images).square().sum().backward()
        found.append([images.grad, *(p.grad for p in module.parameters())])
        images.grad = None
        module.zero_grad(set_to_none=True)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
