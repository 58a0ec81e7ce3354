"""The tabulated network equals the network computed layer by layer, whatever the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from blockprofile.predict.groups import n_codes
from blockprofile.predict.network import Arrays, TabulatedNetwork, tabulate
from blockprofile.predict.training import Layout, TrainingOptions, _initialize
from blockprofile.predict.weights import network_layout
from blockprofile.space import Archs, Space, draw_archs

N_METRICS = 3


def _random_arrays(layout: Layout) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    arrays = {
        name: array.detach()
        for name, array in _initialize(layout, N_METRICS, TrainingOptions(width=12, hidden=16)).items()
    }
    return arrays | {
        "constant": torch.randn(N_METRICS, dtype=torch.float64),
        "additive": torch.randn(layout.n_rows, N_METRICS, dtype=torch.float64),
        "scale": torch.rand(N_METRICS) + 0.5,
    }


def _written_out(arrays: Arrays, layout: Layout, codes: Sequence[int]) -> np.ndarray:
    """Compute one arch in float64, from the formula of the module."""

    def silu(x: np.ndarray) -> np.ndarray:
        return x / (1 + np.exp(-x))

    a = {name: array.double().numpy() for name, array in arrays.items()}
    total, mixed = a["constant"].copy(), np.zeros(a["trunk"].shape[-1])
    direct = np.zeros(N_METRICS)
    for place, group in enumerate(layout.groups):
        rows = [codes[slot] + layout.offsets[slot] for slot in group.slots]
        total += a["additive"][rows].sum(0)
        embedded = a["embed"][rows].sum(0)
        state = silu(embedded + silu(embedded) @ a["inner"][place] + a["inner_bias"][place])
        mixed += state @ a["mix"][place]
        direct += state @ a["direct"][place]
    for weight, bias in zip(a["trunk"], a["trunk_bias"], strict=True):
        mixed = mixed + silu(mixed) @ weight + bias
    return total + a["scale"] * (direct + silu(mixed) @ a["head"] + a["head_bias"])


def _network(
    space: Space, n_resolutions: int = 0, code: int = 0
) -> tuple[TabulatedNetwork, dict[str, torch.Tensor], Layout]:
    layout = Layout(*network_layout(space, n_resolutions))
    arrays = _random_arrays(layout)
    fixed = {space.n_slots: code} if n_resolutions else {}
    return tabulate(arrays, layout.groups, layout.offsets, fixed=fixed, device=torch.device("cpu")), arrays, layout


def _codes(space: Space, archs: Archs) -> np.ndarray:
    return np.minimum(archs.astype(int), [n_codes(space, slot) - 1 for slot in space.slots])


@pytest.mark.parametrize("n_resolutions", [0, 2])
def test_tables_equal_the_formula(toy: Space, n_resolutions: int) -> None:
    archs = draw_archs(toy, 50, np.random.default_rng(0))
    for code in range(max(1, n_resolutions)):
        network, arrays, layout = _network(toy, n_resolutions, code)
        additive, rest = network.evaluate(archs)
        assert additive.shape == rest.shape == (N_METRICS, 50)
        assert additive.dtype == rest.dtype == np.float32
        for place, row in enumerate(_codes(toy, archs)):
            expected = _written_out(arrays, layout, [*row, code])
            np.testing.assert_allclose(additive[:, place] + rest[:, place], expected, rtol=0, atol=5e-3)


def test_spaces_of_every_kind(mixed: Space) -> None:
    archs = draw_archs(mixed, 20, np.random.default_rng(0))
    network, arrays, layout = _network(mixed)
    additive, rest = network.evaluate(archs)
    expected = np.stack([_written_out(arrays, layout, list(row)) for row in _codes(mixed, archs)], axis=1)
    np.testing.assert_allclose(additive + rest, expected, rtol=0, atol=5e-3)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1023, 1025, 2500])
def test_an_arch_has_one_prediction_in_any_batch(toy: Space, n: int) -> None:
    archs = draw_archs(toy, 2500, np.random.default_rng(0))
    network, *_ = _network(toy)
    whole = network.evaluate(archs)
    for part, full in zip(network.evaluate(archs[:n]), whole, strict=True):
        np.testing.assert_array_equal(part, full[:, :n])
    for part, full in zip(network.evaluate(archs[-n:]), whole, strict=True):
        np.testing.assert_array_equal(part, full[:, -n:])


def test_any_number_of_threads_gives_the_same_bits(toy: Space) -> None:
    archs = draw_archs(toy, 3000, np.random.default_rng(0))
    network, *_ = _network(toy)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(network.evaluate(archs))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_no_archs(toy: Space) -> None:
    network, *_ = _network(toy)
    additive, rest = network.evaluate(np.empty((0, toy.n_slots), np.uint8))
    assert additive.shape == rest.shape == (N_METRICS, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_within_rounding(toy: Space) -> None:
    layout = Layout(*network_layout(toy, 0))
    arrays = _random_arrays(layout)
    archs = draw_archs(toy, 1000, np.random.default_rng(0))
    found = [
        tabulate(arrays, layout.groups, layout.offsets, fixed={}, device=torch.device(name)).evaluate(archs)
        for name in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-4)
