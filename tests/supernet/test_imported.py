"""Once-for-All's checkpoints: their subnets computed from the file's tensors by its rules, and files that are wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, batch_norm, conv2d, hardsigmoid, hardswish, linear, relu

from blockprofile.cli.main import main
from blockprofile.errors import DataError
from blockprofile.space import INACTIVE, Archs, Space, draw_archs, load_space
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.imported import import_supernet, published_names
from blockprofile.supernet.shared import build_supernet
from blockprofile.supernet.weights import float_values

Tensors = dict[str, torch.Tensor]


def wrapped(name: str) -> str:
    """Write a plain name as Once-for-All's MobileNetV3 checkpoint has it."""
    if name.startswith(("first_conv", "final_expand_layer", "feature_mix_layer")):
        return name.replace(".weight", ".conv.weight") if ".bn." not in name else name
    if name.startswith("classifier"):
        return name
    number, rest = name.removeprefix("blocks.").split(".", 1)
    head = f"blocks.{number}.mobile_inverted_conv."
    is_dynamic = number != "0"
    if "matrix" in rest:
        return head + rest.replace("depth_conv.", "depth_conv.conv.")
    if ".bn." in rest:
        return head + (rest.replace(".bn.", ".bn.bn.") if is_dynamic else rest)
    if ".se." in rest:
        return head + rest
    return head + rest.replace(".weight", ".conv.conv.weight" if is_dynamic else ".conv.weight")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tensors]:
    """Write a checkpoint of random weights, as the published one of width 1.0 is laid out."""
    net = build_supernet(load_space("ofa_mbv3_w10"), "nested", transform=True, seed=5)
    names, generator = published_names(net), torch.Generator().manual_seed(0)
    tensors = {}
    for name, value in float_values(net.module).items():
        noise = torch.rand(value.shape, generator=generator)
        plain = value + 0.2 * noise if ("norm" in name or "matrices" in name) else value
        tensors[wrapped(names[name])] = plain.detach().clone()
    tensors["first_conv.bn.num_batches_tracked"] = torch.tensor(7)
    path = tmp_path_factory.mktemp("ofa") / "ofa_mbv3_d234_e346_k357_w1.0"
    torch.save({"state_dict": tensors}, path)
    return path, tensors


def norm(values: torch.Tensor, held: Tensors, name: str) -> torch.Tensor:
    n = values.shape[1]
    parts = [held[f"{name}.{part}"][:n] for part in ("running_mean", "running_var", "weight", "bias")]
    return batch_norm(values, *parts)


def run_by_the_rules(held: Tensors, space: Space, arch: Archs, images: torch.Tensor) -> torch.Tensor:
    """Run a subnet from the tensors of a checkpoint, by the rules that Once-for-All's paper and code state."""
    x = hardswish(norm(conv2d(images, held["first_conv.conv.weight"], stride=2, padding=1), held, "first_conv.bn"))
    first = "blocks.0.mobile_inverted_conv."
    y = conv2d(x, held[first + "depth_conv.conv.weight"], padding=1, groups=x.shape[1])
    y = norm(conv2d(relu(norm(y, held, first + "depth_conv.bn")), held[first + "point_linear.conv.weight"]), held,
             first + "point_linear.bn")  # fmt: skip
    x = x + y
    for place, slot in enumerate(space.layer_slots):
        code = arch[slot.index]
        if code == INACTIVE:
            continue
        expansion, kernel = (int(part) for part in space.block_names[code][1:].split("k"))
        head = f"blocks.{place + 1}.mobile_inverted_conv."
        act = relu if slot.unit <= 2 else hardswish
        stride = (2 if slot.unit != 4 else 1) if slot.layer == 1 else 1
        hidden = expansion * x.shape[1]
        y = conv2d(x, held[head + "inverted_bottleneck.conv.conv.weight"][:hidden])
        y = act(norm(y, held, head + "inverted_bottleneck.bn.bn"))
        weight = held[head + "depth_conv.conv.conv.weight"][:hidden]
        for large, small in ((7, 5), (5, 3)):
            if kernel < large:
                flat = weight[:, :, 1:-1, 1:-1].reshape(-1, small * small)
                weight = linear(flat, held[f"{head}depth_conv.conv.{large}to{small}_matrix"])
                weight = weight.view(hidden, 1, small, small)
        y = act(
            norm(conv2d(y, weight, stride=stride, padding=kernel // 2, groups=hidden), held, head + "depth_conv.bn.bn")
        )
        if slot.unit in {2, 4, 5}:
            middle = max(8, int(hidden // 4 + 4) // 8 * 8)
            middle += 8 * (middle < 0.9 * (hidden // 4))
            fc = head + "depth_conv.se.fc."
            gate = conv2d(adaptive_avg_pool2d(y, 1), held[fc + "reduce.weight"][:middle, :hidden],
                          held[fc + "reduce.bias"][:middle]).relu()  # fmt: skip
            gate = conv2d(gate, held[fc + "expand.weight"][:hidden, :middle], held[fc + "expand.bias"][:hidden])
            y = y * hardsigmoid(gate)
        y = norm(conv2d(y, held[head + "point_linear.conv.conv.weight"][:, :hidden]), held, head + "point_linear.bn.bn")
        x = x + y if stride == 1 and x.shape == y.shape else y
    x = hardswish(norm(conv2d(x, held["final_expand_layer.conv.weight"]), held, "final_expand_layer.bn"))
    x = hardswish(conv2d(adaptive_avg_pool2d(x, 1), held["feature_mix_layer.conv.weight"]))
    return linear(x.flatten(1), held["classifier.linear.weight"], held["classifier.linear.bias"])


def test_subnets_are_those_of_the_rules(tmp_path: Path, checkpoint: tuple[Path, Tensors]) -> None:
    path, tensors = checkpoint
    assert main(["supernet", "import", str(path), "--out", str(tmp_path / "ofa")]) == 0
    net = open_supernet(tmp_path / "ofa").net
    assert net.space.name == "ofa_mbv3_w10"
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    seen = set()
    for arch in draw_archs(net.space, 14, np.random.default_rng(0)):
        seen |= {int(arch[slot.index]) for slot in net.space.layer_slots}
        with torch.no_grad():
            torch.testing.assert_close(
                net.network_of(arch).eval()(images), run_by_the_rules(tensors, net.space, arch, images),
                rtol=1e-4, atol=1e-5,
            )  # fmt: skip
    assert seen == {*range(9), INACTIVE}


def test_what_is_no_checkpoint_of_theirs_is_refused_by_name(
    tmp_path: Path, checkpoint: tuple[Path, Tensors], capsys: pytest.CaptureFixture[str]
) -> None:
    path, tensors = checkpoint
    name = "blocks.3.mobile_inverted_conv.depth_conv.conv.conv.weight"
    cases = {
        "shape": ({**tensors, name: tensors[name][:5]}, r"blocks.3.depth_conv.weight' is float32 \(5, 1, 7, 7\)"),
        "missing": ({key: value for key, value in tensors.items() if key != name}, "has no tensor 'blocks.3.depth"),
        "more": ({**tensors, "extra.weight": torch.zeros(1)}, "has a tensor 'extra.weight'"),
        "nan": ({**tensors, name: tensors[name] * float("nan")}, "not finite"),
        "twice": ({**tensors, name.replace(".mobile_inverted", ""): tensors[name]}, "twice"),
        "other": ({"weight": torch.zeros(2)}, "is none of ofa_mbv3_w10"),
        "text": ({"weight": "text"}, "tensor 'weight' is a str; must be a plain tensor"),
    }
    for case, (content, message) in cases.items():
        torch.save({"state_dict": content}, tmp_path / case)
        with pytest.raises(DataError, match=message):
            import_supernet(tmp_path / case, out=tmp_path / "out")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="no checkpoint of tensors alone"):
        import_supernet(tmp_path / "cut", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert main(["supernet", "import", str(path), "--space", "moga", "--out", str(tmp_path / "out")]) == 2
    assert "--space 'moga' has no published supernet" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ofa_proxyless", "ofa_resnet50"])
def test_the_other_layouts_are_told_by_their_tensors(tmp_path: Path, name: str) -> None:
    space = load_space(name)
    net = build_supernet(space, "nested", transform=name == "ofa_proxyless", seed=2)
    names = published_names(net)
    assert len(set(names.values())) == len(names)
    held = float_values(net.module)
    torch.save({names[key]: value for key, value in held.items()}, tmp_path / "c.pth")
    again, where = import_supernet(tmp_path / "c.pth", out=tmp_path / "net")
    assert where.name == name
    arch = draw_archs(space, 1, np.random.default_rng(0))[0]
    eps = {part.eps for part in again.network_of(arch).modules() if isinstance(part, torch.nn.BatchNorm2d)}
    # The published ProxylessNAS supernet is made with 1e-3, the others with torch's own.
    assert eps == {1e-3 if name == "ofa_proxyless" else 1e-5}
    assert open_supernet(tmp_path / "net").net.bn_eps == again.bn_eps
    for key, value in float_values(again.module).items():
        assert torch.equal(value, held[key])
