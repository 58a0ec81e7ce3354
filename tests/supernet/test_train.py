"""Training: it learns, goes on to the same bytes wherever it was killed, and refuses what is wrong."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from blockprofile.cli.main import main
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.predict import load_predictors
from blockprofile.space import Space, draw_archs
from blockprofile.supernet import Scheme, Training
from blockprofile.supernet.data import load_data
from blockprofile.supernet.evaluate import evaluate_supernet
from blockprofile.supernet.folder import open_supernet
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.samplers import make_sampler
from blockprofile.supernet.shared import build_supernet
from blockprofile.supernet.train import Trained, train_supernet
from blockprofile.supernet.training import Report, Trainer
from tests.supernet.images import write_npz
from tests.toy import mixed_space, toy_space

QUICK = {"flip": False, "epochs": 3.0, "batch": 16, "lr": 0.05, "warmup": 0.1, "seed": 1}


class Killed(BaseException):
    """What a kill is to the code that runs: nothing that anything catches."""


def small_space() -> Space:
    """Return the toy space at depth one: two layers of three choices."""
    space = toy_space().at_resolution(16)
    allowed = [(0,) if slot.kind == "depth" else codes for slot, codes in zip(space.slots, space.allowed, strict=True)]
    return space.restricted(allowed, name="small")


def train(folder: Path, data: Path, *, space: Space | None = None, **options: object) -> Trained:
    recipe = Recipe(**{**QUICK, **options.pop("recipe", {})})  # type: ignore[arg-type, dict-item]
    scheme = Scheme(**{key: options.pop(key) for key in ("sampler", "sharing") if key in options})  # type: ignore[arg-type]
    training = Training(data, recipe, save_every_s=options.pop("save_every_s", 120.0))  # type: ignore[arg-type]
    return train_supernet(space or small_space(), training, out=folder, scheme=scheme, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("data") / "d.npz", n=80, n_test=30)


@pytest.mark.parametrize(
    ("sampler", "sharing"),
    [("fair", "separate"), ("uniform", "nested"), ("sandwich", "nested"), ("proportional", "separate")],
)
def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path, data: Path, sampler: str, sharing: str) -> None:
    options = {
        "sampler": sampler,
        "sharing": sharing,
        "space": mixed_space() if sharing == "nested" else small_space(),
        "recipe": {"epochs": 1.0},
    }
    whole = train(tmp_path / "whole", data, **options)

    def kill_at(step: int) -> object:
        def tell(report: Report) -> None:
            if report.step == step:
                raise Killed

        return tell

    for step in (1, 3):
        with pytest.raises(Killed):
            train(tmp_path / "killed", data, save_every_s=-1.0, tell=kill_at(step), **options)
        assert not (tmp_path / "killed" / "weights.safetensors").exists()
    gone_on = train(tmp_path / "killed", data, **options)
    files = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "killed")]
    assert files[0] == files[1]
    assert gone_on.n_new < whole.n_new == whole.n_steps
    assert (gone_on.curve, gone_on.accuracies) == (whole.curve, whole.accuracies)
    assert not (tmp_path / "killed" / "checkpoint.safetensors").exists()
    assert train(tmp_path / "killed", data, **options).n_new == 0


def test_it_learns_and_is_a_predictor(tmp_path: Path, data: Path) -> None:
    trained = train(tmp_path / "net", data, sampler="uniform", recipe={"epochs": 20.0})
    assert trained.curve[-1] < 1.1 < 1.5 < trained.curve[0]
    assert min(trained.accuracies) > 70
    space = small_space()
    (predictor,) = load_predictors(space, metrics=[str(tmp_path / "net")])
    archs = draw_archs(space, 5, np.random.default_rng(0))
    values = predictor.predict(archs)
    result = evaluate_supernet(tmp_path / "net", archs)
    assert result.n_new == 0  # the predictor had asked already
    np.testing.assert_allclose(values, result.top1, rtol=1e-6)
    assert predictor.metric == "top1_percent:net"
    assert predictor.card.provenance == "trained"  # type: ignore[attr-defined]


def test_unused_weights_have_no_gradient_and_do_not_move(data: Path) -> None:
    space = small_space()
    net = build_supernet(space)
    images = load_data(data, size=16)
    trainer = Trainer(net, images, make_sampler("uniform", space), Recipe(**QUICK))  # type: ignore[arg-type]
    for _ in range(3):
        before = {name: value.clone() for name, value in net.module.named_parameters()}
        used = net.parameters_of(trainer.archs_of(trainer.position.step)[0])
        trainer.step()
        for name, value in net.module.named_parameters():
            assert torch.equal(before[name], value) == (value not in used), name


def test_a_fair_step_is_the_mean_of_its_gradients_where_they_share(data: Path) -> None:
    space = small_space()
    images = load_data(data, size=16)
    recipe = Recipe(**{**QUICK, "clip": 0.0, "momentum": 0.0, "weight_decay": 0.0, "warmup": 0.0})  # type: ignore[arg-type]
    net = build_supernet(space)
    trainer = Trainer(net, images, make_sampler("fair", space), recipe)
    archs = trainer.archs_of(0)
    start = {name: value.clone() for name, value in net.module.named_parameters()}
    sums = {name: torch.zeros_like(value) for name, value in start.items()}
    uses = dict.fromkeys(start, 0)
    for arch in archs:
        alone = Trainer(build_supernet(space), images, make_sampler("uniform", space), recipe)
        alone.archs_of = lambda step, arch=arch: arch[None]  # type: ignore[method-assign]
        alone.step()
        used = alone.net.parameters_of(arch)
        for name, value in alone.net.module.named_parameters():
            sums[name] += start[name] - value.detach()
            uses[name] += value in used
    trainer.step()
    for name, value in net.module.named_parameters():
        moved = start[name] - value.detach()
        torch.testing.assert_close(moved, sums[name] / max(1, uses[name]), rtol=2e-3, atol=2e-6)


def test_the_largest_arch_goes_first_and_channels_are_sorted_then(data: Path) -> None:
    space = small_space()
    net = build_supernet(space, "nested")
    recipe = Recipe(**{**QUICK, "largest_epochs": 0.5})  # type: ignore[arg-type]
    trainer = Trainer(net, load_data(data, size=16), make_sampler("uniform", space), recipe)
    sorted_at = []
    sort = net.sort_channels
    net.sort_channels = lambda: (sorted_at.append(trainer.position.step), sort())[1]  # type: ignore[method-assign]
    while trainer.position.step < 6:
        trainer.step()
    assert sorted_at == [2]
    assert len({trainer.archs_of(step).tobytes() for step in range(2)}) == 1


def test_what_is_wrong_is_refused_before_the_training(tmp_path: Path, data: Path) -> None:
    for options, message in (
        ({"batch": 1000}, "--batch is 1000, and there are 72 training images"),
        ({"epochs": 0.0}, "--epochs is 0; must be above 0"),
        ({"lr": float("nan")}, "--lr is nan"),
        ({"accelerator": "tpu"}, "--accelerator 'tpu' is unknown"),
        ({"largest_epochs": 3.0}, "--largest-epochs is 3"),
    ):
        with pytest.raises(OptionError, match=message):
            train(tmp_path / "net", data, recipe=options)
    x = np.zeros((44, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "eleven.npz", images=x, labels=np.arange(44) % 11)
    with pytest.raises(OptionError, match="the data have 11 classes, and networks of space 'small' tell 10 apart"):
        train(tmp_path / "net", tmp_path / "eleven.npz")
    assert not (tmp_path / "net").exists()


def test_a_training_that_diverges_says_so(tmp_path: Path, data: Path) -> None:
    with pytest.raises(RunError, match=r"the loss is .* at step .* give a lower --lr"):
        train(tmp_path / "net", data, recipe={"lr": 900.0, "clip": 0.0, "warmup": 0.0})


def test_another_training_in_the_folder_is_refused(tmp_path: Path, data: Path) -> None:
    train(tmp_path / "net", data, recipe={"epochs": 0.3}, sampler="uniform")
    with pytest.raises(RunError, match=r"another configuration: recipe.epochs is 0.3 there and 3.0 here"):
        train(tmp_path / "net", data, sampler="uniform")
    moved = data.with_name("moved.npz")
    moved.write_bytes(data.read_bytes())
    assert train(tmp_path / "net", moved, recipe={"epochs": 0.3}, sampler="uniform").n_new == 0


def test_weights_of_a_wrong_shape_are_refused_by_name(tmp_path: Path, data: Path) -> None:
    train(tmp_path / "net", data, recipe={"epochs": 0.3}, sampler="uniform")
    path = tmp_path / "net" / "weights.safetensors"
    good = path.read_bytes()
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    name = "stem1.own.0.0.weight"
    save_file({**tensors, name: tensors[name][:4].contiguous()}, path, metadata=header)
    with pytest.raises(DataError, match=rf"tensor '{name}' is float32 \(4, 3, 3, 3\); must be float32 \(8, 3, 3, 3\)"):
        open_supernet(tmp_path / "net")
    save_file({key: value for key, value in tensors.items() if key != name}, path, metadata=header)
    with pytest.raises(DataError, match=f"has no tensor '{name}'"):
        open_supernet(tmp_path / "net")
    save_file({**tensors, "more": torch.zeros(1)}, path, metadata=header)
    with pytest.raises(DataError, match="has a tensor 'more', which nothing takes"):
        open_supernet(tmp_path / "net")
    save_file(tensors, path)
    with pytest.raises(DataError, match="holds no weights of a supernet"):
        open_supernet(tmp_path / "net")
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(DataError, match="cannot be read as safetensors"):
        open_supernet(tmp_path / "net")


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blockprofile import files

    writes = [0]
    replace = files.os.fsync

    def fsync(handle: int) -> None:
        writes[0] += 1
        if writes[0] == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(handle)

    monkeypatch.setattr(files.os, "fsync", fsync)
    options = {"sampler": "uniform", "save_every_s": -1.0, "recipe": {"epochs": 2.0}}
    with pytest.raises(OSError, match=r"No space left on device: .*checkpoint.safetensors"):
        train(tmp_path / "net", data, **options)
    kept = (tmp_path / "net" / "checkpoint.safetensors").read_bytes()
    assert len(kept) > 1000
    monkeypatch.undo()
    assert 0 < train(tmp_path / "net", data, **options).n_new < 8


def test_the_command_line_trains_evaluates_and_fits(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    from blockprofile.space.record import base_text, describe_space

    space = toy_space()
    Path("toy.yaml").write_text(base_text(describe_space(space, space), space))
    words = ["supernet", "train", "--space", "toy.yaml", "--data", str(data), "--sampler", "uniform", "--epochs", "1"]
    assert main([*words, "--batch", "16", "--resolution", "16", "--out", "net"]) == 0
    shown = capsys.readouterr()
    assert "4 updates of 1 archs each" in shown.out
    assert "held-out images (chance 50.0 %" in shown.out
    assert "images/s" in shown.err
    suggested = shown.err.partition("next: blockprofile ")[2].splitlines()[0].replace("--n 1000", "--n 30")
    assert main([*shlex.split(suggested), "--repeats", "2"]) == 0
    shown = capsys.readouterr()
    assert "30 archs: mean" in shown.out
    suggested = shown.err.partition("next: blockprofile ")[2].splitlines()[0]
    assert main([*shlex.split(suggested), "--epochs", "1"]) == 0
    assert Path("top1_percent_toy/card.yaml").is_file()
    capsys.readouterr()
    assert main(["supernet", "evaluate", "net", "--n", "5", "--on", "test", "--out", "labels.csv", "--json"]) == 0
    assert '"images": 30' in capsys.readouterr().out
    from blockprofile.predict.labels import read_labels

    labels = read_labels(Path("labels.parquet"), space)
    assert len(labels.archs) == 30
    assert set(labels.labels) == {"top1_percent", "sd_percent"}
    assert main(["supernet", "evaluate", "net", "--n", "0"]) == 2
    assert main(["supernet", "evaluate", "net", "--bn", "none"]) == 2
    capsys.readouterr()
    assert main(["supernet", "evaluate", "net", "--bn", "batch", "--repeats", "2"]) == 2
    assert "--repeats has no effect here: --bn batch recalibrates nothing" in capsys.readouterr().err
    assert main(["supernet", "evaluate", "net", "--from", "archs.txt", "--n", "5"]) == 2
    assert "--n has no effect here: the archs stand in archs.txt" in capsys.readouterr().err
    assert main(["supernet", "evaluate", "toy.yaml"]) == 2
    capsys.readouterr()
    data.with_name("away.npz").unlink(missing_ok=True)
    assert main(["supernet", "evaluate", "net", "--n", "2", "--data", "toy.yaml"]) == 3
