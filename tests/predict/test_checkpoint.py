"""Published checkpoints: synthetic ones of both layouts against a direct evaluation, and what is refused."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from blockprofile.errors import CoverageError, DataError
from blockprofile.predict import build_predictor, read_card
from blockprofile.predict.checkpoint import LAYOUTS, MAX_BYTES, convert_checkpoint, import_predictor
from blockprofile.predict.weights import read_network
from blockprofile.space import Archs, Space, draw_archs, load_space
from blockprofile.tensorfile import read_tensors

HIDDEN = 24


def _linear_stack(n_inputs: int, *, last_bias: bool) -> list[nn.Linear]:
    torch.manual_seed(n_inputs)
    sizes = [n_inputs, HIDDEN, HIDDEN, HIDDEN]
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return [*layers, nn.Linear(HIDDEN, 1, bias=last_bias)]


def _mobilenet_checkpoint(path: Path) -> list[nn.Linear]:
    layers = _linear_stack(128, last_bias=True)
    tensors = {f"{2 * i}.{k}": v for i, layer in enumerate(layers) for k, v in layer.state_dict().items()}
    torch.save(tensors, path)
    return layers


def _resnet_checkpoint(path: Path) -> tuple[list[nn.Linear], torch.Tensor]:
    layers = _linear_stack(82, last_bias=False)
    names = ("layers.0.0", "layers.1.0", "layers.2.0", "layers.3")
    base = torch.tensor([0.8])
    tensors = {f"{n}.{k}": v for n, layer in zip(names, layers, strict=True) for k, v in layer.state_dict().items()}
    torch.save({"base_acc": base, **tensors}, path)
    return layers, base


def _run(layers: list[nn.Linear], inputs: np.ndarray) -> torch.Tensor:
    state = torch.from_numpy(inputs.astype(np.float32))
    with torch.no_grad():
        for layer in layers[:-1]:
            state = layer(state).relu()
        return layers[-1](state)[:, 0]


def _mobilenet_inputs(space: Space, archs: Archs, resolution: int) -> np.ndarray:
    inputs = np.zeros((len(archs), 128))
    for row, arch in enumerate(archs):
        for place, slot in enumerate(space.layer_slots):
            if arch[slot.index] != 255:
                block = space.blocks[arch[slot.index]]
                inputs[row, 3 * place + [3, 5, 7].index(block.kernel)] = 1
                inputs[row, 60 + 3 * place + [3, 4, 6].index(int(block.expansion))] = 1
        inputs[row, 120 + (resolution - 112) // 16] = 1
    return inputs


def _resnet_inputs(space: Space, archs: Archs, resolution: int) -> np.ndarray:
    inputs = np.zeros((len(archs), 82))
    resolutions = [128, 144, 160, 176, 192, 224, 240, 256]
    widths = [
        space.slot(name).index for name in ("stem_mid", "stem_out", "u1_width", "u2_width", "u3_width", "u4_width")
    ]
    for row, arch in enumerate(archs):
        inputs[row, resolutions.index(resolution)] = 1
        inputs[row, 8 + arch[space.slot("stem_depth").index]] = 1
        for place, slot_index in enumerate(widths):
            inputs[row, 10 + 3 * place + arch[slot_index]] = 1
        for place, slot in enumerate(space.layer_slots):
            if arch[slot.index] != 255:
                inputs[row, 28 + 3 * place + arch[slot.index]] = 1
    return inputs


@pytest.mark.parametrize("resolution", [160, 192, 224])
def test_the_mobilenet_layout(tmp_path: Path, resolution: int) -> None:
    layers = _mobilenet_checkpoint(tmp_path / "a.pth")
    import_predictor(tmp_path / "a.pth", out=tmp_path / "mine", name="ofa")
    space = load_space("ofa_mbv3").at_resolution(resolution)
    archs = draw_archs(space, 200, np.random.default_rng(0))
    card = read_card(tmp_path / "mine")
    found = build_predictor((card, tmp_path / "mine"), space).predict(archs)
    expected = 100 * _run(layers, _mobilenet_inputs(space, archs, resolution)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert (card.metric, card.unit, card.provenance) == ("top1_percent:ofa", "%", "user")


@pytest.mark.parametrize("resolution", [128, 192, 256])
def test_the_resnet_layout(tmp_path: Path, resolution: int) -> None:
    layers, base = _resnet_checkpoint(tmp_path / "b.pth")
    import_predictor(tmp_path / "b.pth", out=tmp_path / "mine", name="ofa")
    space = load_space("ofa_resnet50").at_resolution(resolution)
    archs = draw_archs(space, 200, np.random.default_rng(0))
    found = build_predictor((read_card(tmp_path / "mine"), tmp_path / "mine"), space).predict(archs)
    expected = 100 * (_run(layers, _resnet_inputs(space, archs, resolution)) + base).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-5)


def test_a_batch_does_not_change_a_prediction(tmp_path: Path) -> None:
    _mobilenet_checkpoint(tmp_path / "a.pth")
    import_predictor(tmp_path / "a.pth", out=tmp_path / "mine", name="ofa")
    space = load_space("ofa_mbv3")
    predictor = build_predictor((read_card(tmp_path / "mine"), tmp_path / "mine"), space)
    archs = draw_archs(space, 1100, np.random.default_rng(0))
    whole = predictor.predict(archs)
    np.testing.assert_array_equal(whole[:1], predictor.predict(archs[:1]))
    np.testing.assert_array_equal(whole[-90:], predictor.predict(archs[-90:]))
    assert predictor.predict(archs[:0]).shape == (0,)


class _Hostile:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_hostile_file_runs_nothing(tmp_path: Path, wrapped: bool) -> None:
    victim = tmp_path / "victim"
    if wrapped:
        torch.save({"0.weight": _Hostile(victim)}, tmp_path / "evil.pth")
    else:
        (tmp_path / "evil.pth").write_bytes(pickle.dumps(_Hostile(victim)))
    with pytest.raises(DataError, match="no checkpoint of tensors alone"):
        import_predictor(tmp_path / "evil.pth", out=tmp_path / "mine", name="ofa")
    assert not victim.exists()
    assert not (tmp_path / "mine").exists()


def test_other_checkpoints_are_refused() -> None:
    with pytest.raises(DataError, match=r"none of the known checkpoints.*w \(3, 4\)"):
        convert_checkpoint({"w": torch.zeros(3, 4)}, source=Path("other.pth"))
    tensors = {f"{2 * i}.weight": torch.zeros(s) for i, s in enumerate([(4, 128), (4, 4), (4, 4), (2, 4)])}
    with pytest.raises(DataError, match="none of the known"):
        convert_checkpoint(tensors, source=Path("two_outputs.pth"))
    tensors["6.weight"] = torch.zeros(1, 4)
    with pytest.raises(DataError, match=r"holds 1 tensors that no checkpoint of ofa_mbv3 has: 8\.weight"):
        convert_checkpoint(tensors | {"8.weight": torch.zeros(1)}, source=Path("more.pth"))
    sizes = [(4, 82), (4, 4), (4, 4), (1, 4)]
    tensors = {f"{name}.weight": torch.zeros(s) for name, s in zip(LAYOUTS[1].layers, sizes, strict=True)}
    with pytest.raises(DataError, match="none of the known"):
        convert_checkpoint(tensors | {"base_acc": torch.zeros(2)}, source=Path("two_bases.pth"))


def test_a_resolution_outside_is_refused(tmp_path: Path) -> None:
    _resnet_checkpoint(tmp_path / "b.pth")
    _, inputs, space = convert_checkpoint(read_tensors(tmp_path / "b.pth", max_bytes=MAX_BYTES), source=tmp_path)
    assert inputs.resolutions == LAYOUTS[1].resolutions
    import_predictor(tmp_path / "b.pth", out=tmp_path / "mine", name="ofa")
    card = read_card(tmp_path / "mine")
    with pytest.raises(CoverageError, match="ofa_resnet50"):
        build_predictor((card, tmp_path / "mine"), load_space("ofa_mbv3"))
    assert space.name == "ofa_resnet50"


def test_a_damaged_import_is_refused(tmp_path: Path) -> None:
    _mobilenet_checkpoint(tmp_path / "a.pth")
    import_predictor(tmp_path / "a.pth", out=tmp_path / "mine", name="ofa")
    path = tmp_path / "mine" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="cannot be read as safetensors"):
        read_network(path)
