"""Models for torch.export and LiteRT: the network that ONNX Runtime runs, every step named by its place."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from blockprofile.cli.main import EXIT_USER, main
from blockprofile.device.export import export_networks
from blockprofile.device.export_manifest import read_manifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.node_names import find_steps, instance_names, required_steps
from blockprofile.device.onnx_graph import onnx_model
from blockprofile.device.torch_export import named_module
from blockprofile.errors import OptionError
from blockprofile.space import Archs, Operator, Space, build_sites, draw_archs, load_space


def parts_of(space: Space, arch: Archs) -> list[tuple[str, Operator]]:
    found = [(site.name, site.operator(arch)) for site in build_sites(space)]
    return [(place, op) for place, op in found if op is not None]


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_the_module_is_the_network_of_the_onnx_graph(layout: str) -> None:
    space = load_space("moga_32")
    parts = parts_of(space, draw_archs(space, 1, np.random.default_rng(3))[0])
    names, operators = instance_names(parts), [op for _, op in parts]
    module = named_module(operators, names, layout=layout)
    held = [each for each in module.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    layers = [
        (each.weight.detach().numpy(), None if each.bias is None else each.bias.detach().numpy()) for each in held
    ]
    graph = onnx_model(operators, layers=layers, layout=layout)
    shape = (1, 3, 32, 32) if layout == "nchw" else (1, 32, 32, 3)
    features = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        given = module(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(given, session.run(None, {"input": features})[0], rtol=1e-3, atol=1e-5)


def test_exported_programs_name_every_step(toy: Space, tmp_path: Path) -> None:
    arch = draw_archs(toy, 1, np.random.default_rng(1))
    settings = ExportSettings(kind="pt2", precision="fp16", batch=2)
    manifest = export_networks(toy, tmp_path / "models", arch, settings=settings)
    assert read_manifest(tmp_path / "models", toy) == manifest
    assert [model.file for model in manifest.models] == ["network0.pt2"]
    program = torch.export.load(tmp_path / "models" / "network0.pt2")
    stacks = [
        " ".join(path for path, _ in node.meta.get("nn_module_stack", {}).values()) for node in program.graph.nodes
    ]
    named = {(str(step.instance), step.index) for stack in stacks for step in find_steps(stack)}
    parts = parts_of(toy, arch[0])
    for (_, op), name in zip(parts, instance_names(parts), strict=True):
        assert {(name, index) for index in required_steps(op)} <= named
    given = program.module()(torch.zeros(2, 3, 32, 32, dtype=torch.float16))
    assert given.shape == (2, parts[-1][1].out_channels)


def test_what_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match="precision 'int8' is not written as 'pt2'; choices: fp32, fp16"):
        ExportSettings(kind="pt2", precision="int8")
    command = ["lut", "export", "--space", "moga_32", "--out", str(tmp_path / "models"), "--files"]
    assert main([*command, "pt3"]) == EXIT_USER
    assert "kind of files 'pt3' is unknown; did you mean 'pte'?" in capsys.readouterr().err
    for kind, package in (("tflite", "litert_torch"), ("pte", "executorch")):
        if importlib.util.find_spec(package) is None:
            assert main([*command, kind]) == EXIT_USER
            assert f"files need the package '{package}'; pip install " in capsys.readouterr().err
            assert not (tmp_path / "models").exists()
    with pytest.raises(OptionError, match="operators are kept apart in 'pte' alone"):
        ExportSettings(apart=True)
    with pytest.raises(OptionError, match="a network is timed as a whole as 'pte' in 'int8'"):
        ExportSettings(kind="pte", precision="int8", apart=True)
