"""Exported archs: the state dict and ONNX Runtime give what the network gives, from a supernet or fresh."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from blockprofile.cli.main import main
from blockprofile.errors import DataError
from blockprofile.predict.evaluator import ROWS_TRIED
from blockprofile.space import Space, decode, draw_archs, load_space
from blockprofile.space.record import base_text, describe_space
from blockprofile.supernet import Scheme, Training
from blockprofile.supernet.export import export_arch, load_exported
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.judging import Judge, JudgeOptions
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.shared import build_supernet
from blockprofile.supernet.train import train_supernet
from tests.supernet.images import write_npz
from tests.supernet.test_shared import KINDS
from tests.toy import mixed_space, toy_space


def run_onnx(folder: Path, images: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"input": images.numpy()})[0]


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), Space(KINDS)], ids=lambda space: space.name)
def test_state_dict_and_onnx_give_the_same_outputs(tmp_path: Path, space: Space) -> None:
    net = build_supernet(space, "nested", seed=1, bn_eps=1e-2)
    generator = torch.Generator().manual_seed(0)
    net.module.eval()
    with torch.no_grad():
        for name, value in net.module.named_buffers():
            if "running" in name:
                value.add_(torch.rand(value.shape, generator=generator))
    for number, arch in enumerate(draw_archs(space, 4, np.random.default_rng(0))):
        network = net.network_of(arch).eval()
        folder = tmp_path / str(number)
        about = export_arch(space, arch, network, out=folder)
        assert about["arch"] == decode(space, arch)
        size = space.resolution_of(arch)
        images = torch.randn(3, 3, size, size, generator=generator)
        with torch.no_grad():
            wanted = network(images)
            torch.testing.assert_close(net.forward(images, arch), wanted, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(load_exported(folder)(images), wanted)
        np.testing.assert_allclose(run_onnx(folder, images), wanted.numpy(), rtol=2e-4, atol=2e-5)


def test_an_exported_folder_that_was_changed_is_refused(tmp_path: Path) -> None:
    space = toy_space()
    arch, other = draw_archs(space, 2, np.random.default_rng(0))
    export_arch(space, arch, None, out=tmp_path / "net", with_onnx=False)
    text = (tmp_path / "net" / "arch.yaml").read_text()
    (tmp_path / "net" / "arch.yaml").write_text(text.replace(decode(space, arch), decode(space, other)))
    with pytest.raises(DataError, match="does not hold this network's weights"):
        load_exported(tmp_path / "net")
    (tmp_path / "net" / "arch.yaml").write_text(text)
    (tmp_path / "net" / "weights.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="does not hold this network's weights"):
        load_exported(tmp_path / "net")


def test_export_from_a_supernet_and_of_what_was_picked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space = toy_space()
    Path("toy.yaml").write_text(base_text(describe_space(space, space), space))
    data = write_npz(Path("d.npz"), size=32)
    train_supernet(
        "toy.yaml", Training(data, Recipe(epochs=1.0, batch=16)), out="net", scheme=Scheme(sampler="uniform")
    )
    arch = draw_archs(space, 1, np.random.default_rng(0))[0]
    assert main(["supernet", "export", decode(space, arch), "--supernet", "net", "--out", "one"]) == 0
    assert "batch statistics recalibrated" in capsys.readouterr().err
    found = open_supernet("net")
    images = found.load_data()
    network = Judge(found.net, images, JudgeOptions()).network(arch)
    pixels = images.normalise(images.held_out.pixels)
    with torch.no_grad():
        torch.testing.assert_close(load_exported("one")(pixels), network(pixels))
        np.testing.assert_allclose(run_onnx(Path("one"), pixels), network(pixels).numpy(), rtol=2e-4, atol=2e-5)
    search = ["search", "--space", "toy.yaml", "--metric", "./net", "--objective", "top1_percent:net:max"]
    assert main([*search, "--objective", "macs_m:min", "--budget", "8", "--population", "4", "--out", "found"]) == 0
    (judged,) = Path("net").rglob("*.jsonl")
    n_judged = len(judged.read_text().splitlines()) - 1
    assert n_judged <= 8 + ROWS_TRIED, "a supernet is asked for the archs of the budget, not for a reference point"
    assert main(["pick", "found", "--knee", "--export", "picked", "--supernet", "net"]) == 0
    assert load_exported("picked")(pixels).shape == (len(pixels), 10)
    capsys.readouterr()
    assert main(["pick", "found", "--knee", "--supernet", "net"]) == 2
    assert "--supernet has no effect without --export" in capsys.readouterr().err
    assert main(["supernet", "export", decode(space, arch), "--out", "two"]) == 2


def test_named_networks_are_exported_fresh(tmp_path: Path) -> None:
    space = load_space("nas_bench_macro")
    assert main(["supernet", "export", "21012012", "--space", space.name, "--out", str(tmp_path / "a"), "--json"]) in {
        0,
        2,
    }
    arch = np.array([2, 1, 0, 1, 2, 0, 1, 2], np.uint8)
    assert main(["supernet", "export", decode(space, arch), "--space", space.name, "--out", str(tmp_path / "b")]) == 0
    assert sum(p.numel() for p in load_exported(tmp_path / "b").parameters()) > 1e5
