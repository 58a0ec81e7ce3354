"""Predictors on a device of torch equal those on the processor; the mechanism is the same for every device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blockprofile.cli.main import main
from blockprofile.errors import DataError, OptionError
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.predict.on_device import DeviceEvaluator
from blockprofile.space import Space, draw_archs, load_space

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["ofa_mbv3", "ofa_resnet50", "mnasnet_accel"])
def test_sums_are_the_same_bits_and_networks_the_same_within_rounding(name: str, device: str) -> None:
    space = load_space(name)
    predictors = load_predictors(space, devices=["note10"] if name == "ofa_mbv3" else [])
    archs = draw_archs(space, 3000, np.random.default_rng(1))
    here, there = Evaluator(space, predictors)(archs), Evaluator(space, predictors, accelerator=device)(archs)
    assert list(there) == list(here)
    for metric, values in here.items():
        assert there[metric].dtype == np.float32
        if metric.startswith("top1"):
            np.testing.assert_allclose(there[metric], values, rtol=2e-6)
        else:
            np.testing.assert_array_equal(there[metric], values)


def test_what_is_neither_sum_nor_network_is_refused(fashion: Space) -> None:
    predictors = load_predictors(fashion, metrics=["macs_m", "naswot"])
    with pytest.raises(OptionError, match="--accelerator cpu evaluates sums and networks; the predictor of 'naswot'"):
        Evaluator(fashion, predictors, accelerator="cpu")


def test_values_that_are_not_finite_are_refused(moga: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = Evaluator(moga, load_predictors(moga, metrics=["macs_m"]), accelerator="cpu")
    bad = {"macs_m": torch.tensor([1.0, torch.inf])}
    monkeypatch.setattr(DeviceEvaluator, "__call__", lambda self, columns: bad)
    with pytest.raises(DataError, match="'macs_m' returned inf for arch number 1"):
        evaluate(draw_archs(moga, 2, np.random.default_rng(0)))


@pytest.fixture
def fashion() -> Space:
    return load_space("fashion_28")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("command", ["sample", "profile"])
def test_without_a_device_one_line_says_so(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [command, "--space", "moga", "--n", "9", "--accelerator", "cuda", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error == "blockprofile: --accelerator cuda: torch finds no CUDA device here; choices: cpu\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--accelerator tpu", "--accelerator 'tpu' is unknown; did you mean 'cpu'? choices: cpu, cuda"),
        ("--accelerator cuda --backend loky", "--backend loky works in others; choices: auto, threading"),
    ],
)
def test_an_accelerator_that_cannot_be_used_is_refused(
    words: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "--space", "moga", "--out", str(tmp_path / "run"), *words.split()]) == 2
    assert told in capsys.readouterr().err
