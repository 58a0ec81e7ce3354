"""A folder with one of everything that commands read: a space, runs, a search, times, a device, labels."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.device.node_names import find_steps
from blockprofile.space import decode, draw_archs, load_space, write_arch
from tests.cli.everything import GOALS, PRUNED, SPACE, STUDY
from tests.device.samples import tensorrt


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the commands read."""
    folder = tmp_path_factory.mktemp("everything")
    (folder / "tiny.yaml").write_text(SPACE, encoding="utf-8")
    (folder / "smaller.yaml").write_text(PRUNED, encoding="utf-8")
    (folder / "smallest.yaml").write_text(PRUNED.replace("smaller", "smallest").replace("[skip]", "[skip, e6k3]"))
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    space = load_space(folder / "tiny.yaml")
    archs = draw_archs(space, 60, np.random.default_rng(0))
    energy = 20 + archs[:, 0] * 0.5 + np.random.default_rng(1).normal(size=60)
    rows = [f"{decode(space, arch)},{e:.3f},{30 - e:.3f}" for arch, e in zip(archs, energy, strict=True)]
    (folder / "labels.csv").write_text("\n".join(["arch,energy_mj,other", *rows]) + "\n", encoding="utf-8")
    networks = [f"{decode(space, arch)},{0.2 + 0.01 * arch[0]:.3f},300" for arch in archs[:40]]
    (folder / "networks.csv").write_text("\n".join(["arch,mean_ms,slow_us", *networks]) + "\n", encoding="utf-8")
    (folder / "archs.txt").write_text(decode(space, archs[0]) + "\n", encoding="utf-8")
    (folder / "others.txt").write_text(decode(space, archs[1]) + "\n", encoding="utf-8")
    ofa = load_space("ofa_mbv3", resolution=160)
    text = json.dumps(write_arch(ofa, draw_archs(ofa, 1, np.random.default_rng(0))[0], "ofa"))
    (folder / "ofa.txt").write_text(f"{text}\n", encoding="utf-8")
    _publish(folder / "published.pth")
    here = Path.cwd()
    os.chdir(folder)
    try:
        _fill(folder)
    finally:
        os.chdir(here)
    return folder


def _publish(path: Path) -> None:
    """Write a checkpoint of the layout that Once-for-All publishes for MobileNet spaces."""
    import torch

    sizes = [128, 4, 4, 4, 1]
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
    torch.save({f"{2 * i}.{k}": v for i, layer in enumerate(layers) for k, v in layer.state_dict().items()}, path)


def _fill(folder: Path) -> None:
    def run(line: str) -> None:
        assert main(line.split()) == 0, line

    run("sample --space tiny.yaml --n 2000 --out run")
    run("profile run")
    run(f"search --space tiny.yaml {GOALS} --budget 60 --out search")
    run("lut template --space tiny.yaml --out times.csv")
    lines = (folder / "times.csv").read_text(encoding="utf-8").splitlines()
    for name, step in (("times.csv", 0.0), ("steps.csv", 0.002)):
        filled = [f"{line.rstrip(',')},{0.01 + step * row:.3f},," for row, line in enumerate(lines[1:])]
        (folder / name).write_text("\n".join([lines[0], *filled]) + "\n", encoding="utf-8")
    run("lut measure --space tiny.yaml --runtime torch --time-limit 1 --precision 50% --out device")
    measured = "lut measure --space tiny.yaml --runtime torch --precision 20% --time-limit 1 --out measured"
    run(measured)
    run("lut export --space tiny.yaml --form networks --out models")
    write_profiles(folder / "models", folder / "profiles")
    run("lut import steps.csv --space tiny.yaml --hardware h --runtime r --out stepped")
    devices = "--device device --device stepped"
    run(f"sample --space tiny.yaml --n 500 {devices} --metric params_m --metric macs_m --metric flops_m --out rich")
    run("profile rich")


def write_profiles(models: Path, profiles: Path) -> None:
    """Write a profile of every exported model: 10 us for each node, and more for later steps of an operator."""
    import onnx

    profiles.mkdir()
    for file in sorted(models.glob("*.onnx")):
        names = [node.name for node in onnx.load(file).graph.node]
        nodes = [(name, 0.01 * (1 + find_steps(name)[0].index)) for name in names]
        (profiles / f"{file.stem}.json").write_text(tensorrt(nodes), encoding="utf-8")


@pytest.fixture
def new(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Work in the folder; return a name of something that is not there."""
    monkeypatch.chdir(place)
    return str(tmp_path / "deep" / "new")
