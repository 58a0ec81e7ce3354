"""Muon: near-orthogonal steps, the same as torch's own in its precision."""

from __future__ import annotations

import pytest
import torch

from blockprofile.predict.muon import Muon, orthogonalize

SHAPES = [(24, 24), (40, 8), (8, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_to_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalize(matrix, torch.float32)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.diagonal(left.T @ found @ right.T)
    assert found.shape == matrix.shape
    assert float(values.min()) > 0.3
    assert float(values.max()) < 1.3
    torch.testing.assert_close(left @ torch.diag(values) @ right, found, rtol=1e-4, atol=1e-4)


def test_no_gradient_no_direction() -> None:
    assert not orthogonalize(torch.zeros(3, 5), torch.float32).any()


def test_steps_are_those_of_torch_in_its_precision() -> None:
    start = [torch.randn(shape, generator=torch.Generator().manual_seed(place)) for place, shape in enumerate(SHAPES)]
    ours, theirs = ([matrix.clone().requires_grad_() for matrix in start] for _ in range(2))
    muon = Muon(ours, rate=0.03, weight_decay=0.1, dtype=torch.bfloat16)
    reference = torch.optim.Muon(theirs, lr=0.03, weight_decay=0.1)
    for step in range(5):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=torch.Generator().manual_seed(100 + step))
            other.grad = mine.grad.clone()
        muon.step(1.0)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=2e-3)


def test_a_share_of_the_rate_shortens_steps_and_decay() -> None:
    found = []
    for rate, share in ((0.02, 0.5), (0.01, 1.0)):
        matrix = torch.ones(4, 6, requires_grad=True)
        matrix.grad = torch.eye(4, 6)
        Muon([matrix], rate=rate, weight_decay=0.5, dtype=torch.float32).step(share)
        found.append(matrix.detach())
    assert torch.equal(*found)


def test_matrices_without_gradients_stay() -> None:
    matrix = torch.ones(4, 6, requires_grad=True)
    muon = Muon([matrix], rate=0.1, weight_decay=0.5, dtype=torch.float32)
    muon.step(1.0)
    assert torch.equal(matrix, torch.ones(4, 6))
    matrix.grad = torch.ones(4, 6)
    muon.zero_grad()
    assert matrix.grad is None
