"""Single-Path NAS: the superkernel against nested subnets, its cost against the table, and what lambda does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from blockprofile.cli.main import main
from blockprofile.errors import CoverageError, InfeasibleError, OptionError
from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.space import Space, decode, draw_archs, encode, load_space
from blockprofile.space.definition import Block, FixedLayer, Input, LayerOverride, SpaceDefinition, SqueezeExcite, Unit
from blockprofile.space.record import base_text, describe_space
from blockprofile.supernet import PathAim, Training
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.singlepath import search_single_path
from blockprofile.supernet.superkernel import SuperKernel
from tests.supernet.images import write_npz
from tests.toy import mixed_space, toy_space


def path_space(*, se: bool) -> Space:
    kinds = [(e, k, s) for e in (2, 4) for k in (3, 5) for s in ((False, True) if se else (False,))]
    blocks = [
        Block(name=f"e{e}k{k}{'se' if s else ''}", expansion=float(e), kernel=k, se=s if se else None)
        for e, k, s in kinds
    ]
    names = tuple(block.name for block in blocks)
    return Space(SpaceDefinition(
        schema="blockprofile.space/1", name="path", title="Kernels, expansions, skip", sources=("made up",),
        input=Input(default=12, resolutions=(12,)), squeeze_excite=SqueezeExcite(divisor=4),
        blocks=(*blocks, Block(name="skip", op="skip")),
        stem=(FixedLayer(op="conv", out=8, kernel=3, stride=2, act="relu"),),
        units=(Unit(out=8, stride=1, depths=(3,), act="hswish", layers=(LayerOverride(layer=1, blocks=names),)),),
        head=(FixedLayer(op="global_pool"), FixedLayer(op="linear", out=2, bias=True)),
    ))  # fmt: skip


def macs(space: Space) -> AdditivePredictor:
    (predictor,) = load_predictors(space, metrics=["macs_m"])
    assert isinstance(predictor, AdditivePredictor)
    return predictor


def gates_of(net: SuperKernel, arch: np.ndarray) -> dict[str, torch.Tensor]:
    """Return the gates that stand for an arch."""
    gates = {key: torch.zeros(()) for key in net.thresholds}
    for name, layer in net.layers.items():
        block = net.space.blocks[arch[layer.slot.index]]
        if block.op == "skip":
            continue
        for gate in layer.gates:
            is_on = gate == "skip" or (gate == "se" and block.se)
            is_on |= gate.startswith("kernel") and int(gate[6:]) <= (block.kernel or 0)
            is_on |= gate.startswith("expansion") and float(gate[9:]) <= (block.expansion or 0)
            gates[f"{name}-{gate}"] = torch.tensor(float(is_on))
    return gates


@pytest.mark.parametrize("se", [False, True])
def test_cost_and_outputs_are_those_of_the_arch(se: bool) -> None:
    space = path_space(se=se)
    net = SuperKernel(space, macs(space), seed=2)
    net.net.module.eval()
    images = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    for arch in draw_archs(space, 25, np.random.default_rng(1)):
        gates = gates_of(net, arch)
        assert float(net.cost(gates)) == pytest.approx(float(macs(space).predict(arch[None])[0]), rel=1e-6)
        has_narrow_gate = any(name.startswith("e2") and name.endswith("se") for name in decode(space, arch).split())
        if not has_narrow_gate:  # a narrow gate squeezes to fewer channels when it stands alone
            with torch.no_grad():
                torch.testing.assert_close(
                    net.forward(images, gates), net.net.forward(images, arch), rtol=1e-4, atol=1e-5
                )


def test_gates_learn_from_cost_and_are_steps_forward() -> None:
    space = path_space(se=True)
    net = SuperKernel(space, macs(space))
    gates = net.gates()
    assert {float(value.detach()) for value in gates.values()} == {1.0}
    assert decode(space, net.arch()) == "e4k5se e4k5se e4k5se"
    net.cost(gates).backward()
    for threshold in net.thresholds.values():
        assert threshold.grad is not None
        assert float(threshold.grad) <= 0  # a larger threshold costs less
    with torch.no_grad():
        for key, threshold in net.thresholds.items():
            threshold.fill_(3.0 if "kernel" in key or key.endswith("-skip") else -1.0)
    assert decode(space, net.arch()) == "e4k3se skip skip"


def test_lambda_trades_accuracy_for_cost_and_bisection_meets_a_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = path_space(se=False)
    (tmp_path / "path.yaml").write_text(base_text(describe_space(space, space), space))
    data = write_npz(tmp_path / "d.npz", n=60, size=12)
    card = "schema: blockprofile.predictor/1\nname: counter\ntitle: Counted\nkind: counted\nmetric: macs_m\nunit: M\n"
    (tmp_path / "counter").mkdir()
    (tmp_path / "counter" / "card.yaml").write_text(card + "provenance: counted\nfloor: 0\n")
    recipe = Recipe(epochs=8.0, batch=18, lr=0.1, flip=False)
    options = {"device": str(tmp_path / "counter")}
    training = Training(data, recipe)
    path = tmp_path / "path.yaml"
    free = search_single_path(path, training, out=tmp_path / "free", aim=PathAim(lambda_=0.0, warm=0.2), **options)  # type: ignore[arg-type]
    dear = search_single_path(path, training, out=tmp_path / "dear", aim=PathAim(lambda_=8.0, warm=0.2), **options)  # type: ignore[arg-type]
    assert free.chosen.cost > dear.chosen.cost
    target = (free.chosen.cost + dear.chosen.cost) / 2
    words = ["supernet", "search", "--space", str(path), "--data", str(data), "--device", str(tmp_path / "counter")]
    words += [
        "--target",
        f"{target:.4f}",
        "--epochs",
        "8",
        "--batch",
        "18",
        "--lr",
        "0.1",
        "--no-flip",
        "--warm",
        "0.2",
    ]
    assert main([*words, "--lambda", "1", "--runs", "3", "--out", str(tmp_path / "aim")]) == 2
    assert "--runs has no effect here: --lambda is one training" in capsys.readouterr().err
    assert main([*words, "--runs", "3", "--out", str(tmp_path / "aim")]) == 0
    shown = capsys.readouterr()
    assert "lambda" in shown.out
    assert main([*words, "--runs", "3", "--out", str(tmp_path / "aim")]) == 0
    assert "0 trainings now" in capsys.readouterr().err
    for line in (tmp_path / "aim" / "archs.txt").read_text().splitlines():
        encode(space, line)
    with pytest.raises(InfeasibleError, match="no training met it"):
        search_single_path(path, training, out=tmp_path / "no", aim=PathAim(target=1e-6, n_runs=1, warm=0.2), **options)  # type: ignore[arg-type]


def test_what_is_no_superkernel_is_refused() -> None:
    with pytest.raises(OptionError, match="'u1_depth' is a choice"):
        SuperKernel(toy_space(), macs(toy_space()))
    with pytest.raises(OptionError, match="is a choice"):
        SuperKernel(mixed_space(), macs(mixed_space()))
    fbnet = load_space("fbnet_32")
    with pytest.raises(OptionError, match="are no such product"):
        SuperKernel(fbnet, macs(fbnet))
    with pytest.raises(OptionError, match="give either --lambda or --target"):
        PathAim()
    space = path_space(se=False)
    joint = AdditivePredictor(macs(space).card, space, [type(macs(space).factors[0])((0, 1), np.zeros((6, 6)))])
    with pytest.raises(CoverageError, match="no sum over layers"):
        SuperKernel(space, joint)
