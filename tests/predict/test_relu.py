"""Networks of ReLU layers equal their formula, with and without a chain, whatever the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from blockprofile.predict.chain import Chain
from blockprofile.predict.groups import n_codes
from blockprofile.predict.relu import RELU_ARRAYS, ReluNetwork, prepare_relu, relu_shapes
from blockprofile.predict.weights import network_layout
from blockprofile.space import INACTIVE, Archs, Space, draw_archs, load_space

N_METRICS, HIDDEN, MEMBERS, TRUNK = 2, 8, 2, (8, 5)

Arrays = dict[str, torch.Tensor]


def _random_arrays(n_rows: int, hops: int) -> Arrays:
    """Draw arrays; ``hops`` counts the graph layers, 0 for no chain."""
    torch.manual_seed(0)
    sizes: Arrays = {
        "rows": torch.empty(MEMBERS, n_rows, HIDDEN), "hops": torch.empty(MEMBERS, max(0, hops - 1), 0),
        "previous": torch.empty(MEMBERS, n_rows if hops else 0, HIDDEN),
        "hidden.0": torch.empty(MEMBERS, TRUNK[0], 0), "hidden.1": torch.empty(MEMBERS, TRUNK[1], 0),
    }  # fmt: skip
    shapes = relu_shapes(sizes, n_rows, N_METRICS)
    assert set(shapes) == {*RELU_ARRAYS, "hidden.0", "hidden_bias.0", "hidden.1", "hidden_bias.1"}
    arrays = {name: torch.randn(shape) * 0.5 for name, shape in shapes.items()}
    return arrays | {name: arrays[name].double() for name in ("constant", "additive", "mean")}


def _network(
    space: Space, hops: int, n_resolutions: int = 0, code: int = 0, device: str = "cpu"
) -> tuple[ReluNetwork, Arrays, tuple[int, ...]]:
    _, offsets, n_rows = network_layout(space, n_resolutions)
    arrays = _random_arrays(n_rows, hops)
    fixed = {space.n_slots: code} if n_resolutions else {}
    return prepare_relu(arrays, space, offsets, fixed=fixed, device=torch.device(device)), arrays, offsets


def _written_out(
    space: Space, arrays: Arrays, offsets: Sequence[int], arch: Archs, code: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute one arch in float64 from the formula of the module: its additive part and its prediction."""
    a = {name: array.double().numpy() for name, array in arrays.items()}
    layers = [slot for slot in space.slots if slot.kind == "layer"]
    rows = {
        slot.index: offsets[slot.index] + min(int(arch[slot.index]), n_codes(space, slot) - 1)
        for slot in space.slots
        if slot.kind != "depth" or space.units[slot.unit - 1].shared
    }
    if code is not None:
        rows[space.n_slots] = offsets[space.n_slots] + code
    additive = a["constant"] + a["additive"][list(rows.values())].sum(0)
    chained = a["previous"].shape[1] > 0
    chain = [rows[slot.index] for slot in layers if arch[slot.index] != INACTIVE] if chained else []
    others = [row for slot, row in rows.items() if not chained or slot not in {s.index for s in layers}]
    total = np.zeros(N_METRICS)
    for m in range(MEMBERS):
        states = [
            np.maximum(a["rows"][m, row] + (a["previous"][m, chain[place - 1]] if place else 0), 0)
            for place, row in enumerate(chain)
        ]
        for weight, bias in zip(a["hops"][m], a["hop_bias"][m], strict=True):
            before = [np.zeros(HIDDEN), *states[:-1]]
            states = [
                np.maximum(weight @ np.concatenate([own, other]) + bias, 0)
                for own, other in zip(states, before, strict=True)
            ]
        state = a["bias"][m] + a["rows"][m, others].sum(0) + sum(states, np.zeros(HIDDEN)) / len(layers)
        for layer in range(len(TRUNK)):
            state = a[f"hidden.{layer}"][m] @ np.maximum(state, 0) + a[f"hidden_bias.{layer}"][m]
        total += a["head"][m] @ np.maximum(state, 0) + a["head_bias"][m]
    return additive, a["mean"] + a["scale"] * total / MEMBERS


@pytest.mark.parametrize("hops", [0, 1, 2, 4])
@pytest.mark.parametrize("n_resolutions", [0, 2])
def test_equals_the_formula(toy: Space, hops: int, n_resolutions: int) -> None:
    archs = draw_archs(toy, 40, np.random.default_rng(0))
    for code in range(max(1, n_resolutions)):
        network, arrays, offsets = _network(toy, hops, n_resolutions, code)
        additive, rest = network.evaluate(archs)
        assert additive.shape == rest.shape == (N_METRICS, 40)
        for place, arch in enumerate(archs):
            expected = _written_out(toy, arrays, offsets, arch, code if n_resolutions else None)
            np.testing.assert_allclose(additive[:, place], expected[0], rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(additive[:, place] + rest[:, place], expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("hops", [0, 3])
def test_spaces_of_every_kind(mixed: Space, hops: int) -> None:
    archs = draw_archs(mixed, 25, np.random.default_rng(0))
    network, arrays, offsets = _network(mixed, hops)
    additive, rest = network.evaluate(archs)
    expected = np.stack([_written_out(mixed, arrays, offsets, arch, None)[1] for arch in archs], axis=1)
    np.testing.assert_allclose(additive + rest, expected, rtol=1e-4, atol=1e-4)


def test_shipped_spaces(shipped: Space) -> None:
    archs = draw_archs(shipped, 8, np.random.default_rng(0))
    network, arrays, offsets = _network(shipped, 3)
    additive, rest = network.evaluate(archs)
    expected = np.stack([_written_out(shipped, arrays, offsets, arch, None)[1] for arch in archs], axis=1)
    np.testing.assert_allclose(additive + rest, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("longest", [2, 3, 4])
def test_the_chain_numbers_every_window_that_occurs(toy: Space, mixed: Space, longest: int) -> None:
    for space in (toy, mixed):
        _, offsets, n_rows = network_layout(space, 0)
        chain = Chain.of(space, len(offsets), chained=True)
        windows = chain.windows(space, offsets, n_rows, longest=longest)
        archs = draw_archs(space, 3000, np.random.default_rng(0))
        codes = torch.from_numpy(archs[:, list(chain.layers)].astype(np.int64))
        rows, active = codes + torch.tensor(offsets)[list(chain.layers)], codes != INACTIVE
        nodes = chain.line_up(rows, active, windows)
        number_of: dict[tuple[int, ...], int] = {}
        for arch_rows, there, numbers in zip(rows.tolist(), active.tolist(), nodes.tolist(), strict=True):
            lined = [row for row, is_active in zip(arch_rows, there, strict=True) if is_active]
            assert numbers[len(lined) :] == [len(windows)] * (len(numbers) - len(lined))
            for place in range(len(lined)):
                window = tuple(lined[max(0, place - longest + 1) : place + 1])
                assert number_of.setdefault(window, numbers[place]) == numbers[place] < len(windows)
        assert len(set(number_of.values())) == len(number_of) <= len(windows)


def test_pairs_and_triples_are_counted_and_longer_windows_are_too_many() -> None:
    space = load_space("ofa_proxyless")
    network, *_ = _network(space, 4)
    first, unit, last = 9 + 3 * 81, 3 * 81 + 3 * 81, 3 * 81
    begin, inner, across = 9 + 81 + 2 * 729, 2 * 729, 3 * 729 + 3 * 729
    assert [len(level) for level in network.windows.levels] == [
        first + 4 * unit + last, begin + 4 * (inner + across) + 3 * 729
    ]  # fmt: skip


@pytest.mark.parametrize("hops", [0, 3])
@pytest.mark.parametrize("n", [1, 63, 65, 1023, 1025])
def test_an_arch_has_one_prediction_in_any_batch(toy: Space, hops: int, n: int) -> None:
    archs = draw_archs(toy, 1500, np.random.default_rng(0))
    network, *_ = _network(toy, hops)
    whole = network.evaluate(archs)
    for part, full in zip(network.evaluate(archs[-n:]), whole, strict=True):
        np.testing.assert_array_equal(part, full[:, -n:])


def test_no_archs(toy: Space) -> None:
    for hops in (0, 2):
        additive, rest = _network(toy, hops)[0].evaluate(np.empty((0, toy.n_slots), np.uint8))
        assert additive.shape == rest.shape == (N_METRICS, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("hops", [0, 3])
def test_cuda_agrees_within_rounding(toy: Space, hops: int) -> None:
    archs = draw_archs(toy, 1000, np.random.default_rng(0))
    found = [_network(toy, hops, device=name)[0].evaluate(archs) for name in ("cpu", "cuda")]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-4)
