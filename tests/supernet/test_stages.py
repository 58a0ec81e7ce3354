"""The stages of studies that begin with images: a study from images to a verdict, and the verdict's own arithmetic."""

from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import OptionError
from blockprofile.space import draw_archs
from blockprofile.space.record import base_text, describe_space
from blockprofile.supernet import Training
from blockprofile.supernet.alone import Alone
from blockprofile.supernet.stages import _spread_out, _verdict, compare_trained
from tests.supernet.images import write_npz
from tests.toy import toy_space

STUDY = """\
schema: blockprofile.study/1
name: images
title: From images to a verdict
out: runs/images
stages:
  - supernet_train: {space: toy.yaml, data: d.npz, sampler: uniform, epochs: 1, batch: 16, out: net}
  - supernet_label: {supernet: net, n: 12, out: labels.parquet}
  - search: {space: toy.yaml, metrics: [params_m, macs_m], objectives: ["params_m:max", "macs_m:min"], algorithm: random, budget: 12, out: one}
  - search: {space: toy.yaml, metrics: [net, macs_m], objectives: ["top1_percent:net:max", "macs_m:min"], algorithm: random, budget: 12, out: two}
  - compare_trained: {space: toy.yaml, data: d.npz, searches: [one, two], cost: macs_m, n: 1, epochs: 1, batch: 16, out: trained}
  - supernet_rank: {supernet: net, truth: labels.parquet, out: rank.csv}
"""  # noqa: E501


def test_a_study_goes_from_images_to_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space = toy_space()
    Path("toy.yaml").write_text(base_text(describe_space(space, space), space))
    write_npz(Path("d.npz"), size=32)
    Path("study.yaml").write_text(STUDY)
    assert main(["run", "study.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "archs at random have" in shown
    assert "the second search " in shown
    assert "supernet: tau" in shown
    with pytest.raises(OptionError, match="searches has 1 entries"):
        compare_trained("toy.yaml", Training("d.npz"), ["runs/images/one"], out="x", cost="macs_m")
    with pytest.raises(OptionError, match="cost 'flops_m' is none of the search"):
        compare_trained("toy.yaml", Training("d.npz"), ["runs/images/one"] * 2, out="x", cost="flops_m")


def test_the_verdict_follows_the_hypervolumes() -> None:
    archs = draw_archs(toy_space(), 40, np.random.default_rng(0))
    archs = np.unique(archs, axis=0)[:4]
    costs = [np.array([1.0, 2.0]), np.array([1.0, 2.0])]

    def verdict(top1: list[float], repeats: list[float], images: int = 10**6) -> tuple[float, str]:
        values = np.array([*top1, *(np.array(top1) + repeats)])
        alone = Alone(Path("x"), np.concatenate([archs, archs]), np.repeat([0, 1], 4), values, images, 0)
        found = _verdict(alone, [archs[:2], archs[2:]], costs)
        assert found.low <= found.gain <= found.high
        return found.gain, found.report

    gain, told = verdict([60.0, 70.0, 62.0, 72.0], [0.0, 0.0, 0.0, 0.0])
    # Reference (2.04, 59): 1.04 * 1 + 0.04 * 10 against 1.04 * 3 + 0.04 * 10.
    assert gain == pytest.approx(1.04 * 2)
    assert "found better networks than" in told
    gain, told = verdict([62.0, 72.0, 60.0, 70.0], [0.0, 0.0, 0.0, 0.0])
    assert gain == pytest.approx(-1.04 * 2)
    assert "found worse networks than" in told
    assert "cannot be told from" in verdict([60.0, 70.0, 62.0, 72.0], [0.0, 0.0, 0.0, 0.0], images=500)[1]
    assert "cannot be told from" in verdict([60.0, 70.0, 60.5, 70.5], [4.0, -4.0, 4.0, -4.0])[1]


def test_archs_are_taken_evenly_along_a_front() -> None:
    costs = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert costs[_spread_out(costs, 3)].tolist() == [1.0, 3.0, 5.0]
    assert costs[_spread_out(costs, 9)].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
