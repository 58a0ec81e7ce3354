"""A network equals its formula, whatever the batch, the threads and the resolution; its file says what it is."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from blockprofile.errors import CoverageError, DataError
from blockprofile.predict.network import Network
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.weights import FORMAT, NetworkFile, read_network, write_network
from blockprofile.space import Archs, Space, draw_archs, load_space

SIZES = (12, 8, 1)


def _arrays(inputs: OneHot, *, members: int = 2, has_additive: bool = True) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(members, *shape, generator=generator)

    arrays = {"scale": draw().double()}
    for place, (before, after) in enumerate(pairwise((inputs.n_rows, *SIZES))):
        arrays |= {f"weight{place}": draw(after, before), f"bias{place}": draw(after)}
    return arrays | ({"constant": draw().double(), "additive": draw(inputs.n_rows).double()} if has_additive else {})


def _file(tmp_path: Path, inputs: OneHot, **options: object) -> NetworkFile:
    write_network(tmp_path / "w.safetensors", _arrays(inputs, **options), inputs)  # type: ignore[arg-type]
    return read_network(tmp_path / "w.safetensors")


def _written_out(file: NetworkFile, space: Space, arch: np.ndarray, resolution: int) -> float:
    """Compute one arch in float64, from the formula of the module."""
    ones = np.zeros(file.inputs.n_rows)
    start = 0
    for (_, size), code in zip(file.inputs.slots, arch, strict=True):
        ones[start + min(int(code), size - 1)] = 1
        start += size
    if file.inputs.resolutions:
        ones[start + file.inputs.resolutions.index(resolution)] = 1
    a = {name: array.double().numpy() for name, array in file.arrays.items()}
    values = []
    for member in range(file.n_members):
        state = ones
        for layer in range(file.depth):
            state = a[f"weight{layer}"][member] @ (np.maximum(state, 0) if layer else state) + a[f"bias{layer}"][member]
        additive = a["constant"][member] + a["additive"][member] @ ones if "additive" in a else 0.0
        values.append(additive + a["scale"][member] * state[0])
    return float(np.mean(values))


@pytest.mark.parametrize("has_additive", [True, False])
@pytest.mark.parametrize("resolutions", [(), (16, 32)])
def test_a_network_equals_its_formula(
    toy: Space, tmp_path: Path, resolutions: tuple[int, ...], *, has_additive: bool
) -> None:
    file = _file(tmp_path, OneHot.of(toy, resolutions), has_additive=has_additive)
    archs = draw_archs(toy, 50, np.random.default_rng(0))
    for resolution in resolutions or (32,):
        found = Network(file, toy.at_resolution(resolution)).predict(archs)
        assert found.dtype == np.float32
        expected = [_written_out(file, toy, arch, resolution) for arch in archs]
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("name", ["ofa_resnet50", "moga", "mnasnet_accel"])
def test_spaces_of_every_kind(tmp_path: Path, name: str) -> None:
    space = load_space(name)
    file = _file(tmp_path, OneHot.of(space), members=1)
    archs = draw_archs(space, 20, np.random.default_rng(0))
    expected = [_written_out(file, space, arch, space.resolution) for arch in archs]
    np.testing.assert_allclose(Network(file, space).predict(archs), expected, rtol=0, atol=2e-3)


def test_depth_is_an_input_where_layers_share_their_block(tmp_path: Path) -> None:
    space = load_space("mnasnet_accel")
    assert [name for name, _ in OneHot.of(space).slots if name.endswith("depth")]


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1023, 1025, 2500])
def test_an_arch_has_one_prediction_in_any_batch(toy: Space, tmp_path: Path, n: int) -> None:
    archs = draw_archs(toy, 2500, np.random.default_rng(0))
    network = Network(_file(tmp_path, OneHot.of(toy)), toy)
    whole = network.predict(archs)
    np.testing.assert_array_equal(network.predict(archs[:n]), whole[:n])
    np.testing.assert_array_equal(network.predict(archs[-n:]), whole[-n:])


def test_any_number_of_threads_gives_the_same_bits(toy: Space, tmp_path: Path) -> None:
    archs = draw_archs(toy, 3000, np.random.default_rng(0))
    network = Network(_file(tmp_path, OneHot.of(toy)), toy)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(network.predict(archs))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_no_archs(toy: Space, tmp_path: Path) -> None:
    none: Archs = np.empty((0, toy.n_slots), np.uint8)
    assert Network(_file(tmp_path, OneHot.of(toy)), toy).predict(none).shape == (0,)


def test_the_mean_of_members(toy: Space, tmp_path: Path) -> None:
    file = _file(tmp_path, OneHot.of(toy), members=3)
    archs = draw_archs(toy, 40, np.random.default_rng(0))
    each = [Network(file.member(place), toy).predict(archs) for place in range(3)]
    np.testing.assert_allclose(Network(file, toy).predict(archs), np.mean(each, axis=0), rtol=1e-4, atol=1e-4)


def test_a_resolution_that_a_network_does_not_know(toy: Space, tmp_path: Path) -> None:
    file = _file(tmp_path, OneHot.of(toy, (16,)))
    with pytest.raises(CoverageError, match="does not cover resolution 32; choices: 16"):
        Network(file, toy.at_resolution(32))


def test_another_space_is_refused(toy: Space, moga: Space) -> None:
    with pytest.raises(DataError, match="w was made for a slot"):
        OneHot.of(toy).check_space(moga, what="w")
    short = OneHot(OneHot.of(toy).slots[:-1])
    with pytest.raises(DataError, match=f"w was made for {toy.n_slots - 1} slots"):
        short.check_space(toy, what="w")


def _changed(path: Path, **arrays: torch.Tensor | None) -> None:
    kept = {name: array for name, array in (load_file(path) | arrays).items() if array is not None}
    path.write_bytes(save(kept, metadata={"blockprofile": _header(path)}))


def _header(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return str(file.metadata()["blockprofile"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"bias0": None}, "needed are"),
        ({"constant": None}, "needed are"),
        ({"strange": torch.zeros(1)}, "needed are"),
        ({"weight1": torch.zeros(2, 8, 11)}, r"array 'weight1' has shape \(2, 8, 11\); must be \(2, 8, 12\)"),
        ({"additive": torch.zeros(2, 3, dtype=torch.float64)}, "array 'additive' has shape"),
        ({"bias0": torch.zeros(12)}, "one for networks, one for numbers"),
        ({"bias2": torch.full((2, 1), torch.nan)}, "array 'bias2' holds values that are not finite"),
        ({"bias2": torch.zeros(2, 1, dtype=torch.float16)}, "array 'bias2' holds torch.float16; must be torch.float32"),
        ({"scale": torch.zeros(0, dtype=torch.float64)}, "holds 0 networks; must be 1 to 64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    toy: Space, tmp_path: Path, arrays: dict[str, torch.Tensor | None], message: str
) -> None:
    path = _file(tmp_path, OneHot.of(toy)).path
    _changed(path, **arrays)
    with pytest.raises(DataError, match=message):
        read_network(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "has no 'blockprofile'"),
        ([], r"its header holds \[\]; must be a mapping"),
        ({"format": "blockprofile.network/1"}, f"'blockprofile.network/1'; must be '{FORMAT}'"),
        ({"format": FORMAT}, "its header is wrong"),
        ({"format": FORMAT, "slots": [["a", "b"]], "resolutions": []}, "its header is wrong"),
    ],
)
def test_headers_that_are_wrong_are_refused(toy: Space, tmp_path: Path, header: object, message: str) -> None:
    path = _file(tmp_path, OneHot.of(toy)).path
    path.write_bytes(save(load_file(path), metadata=None if header is None else {"blockprofile": json.dumps(header)}))
    with pytest.raises(DataError, match=message):
        read_network(path)


def test_the_same_arrays_give_the_same_bytes(toy: Space, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _file(tmp_path / name, OneHot.of(toy, (16, 32)))
    assert (tmp_path / "a" / "w.safetensors").read_bytes() == (tmp_path / "b" / "w.safetensors").read_bytes()
