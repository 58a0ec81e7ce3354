"""`--until`: rounds, exact parts put back, and the same archs as any pool of that seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import OptionError
from blockprofile.predict import Evaluator, Predictor
from blockprofile.profile import Profile, profile_pool
from blockprofile.profile.exact_table import exact_table
from blockprofile.profile.until import UntilResult, parse_until, profile_until
from blockprofile.run.pool import PoolRequest, Tools
from blockprofile.space import Space
from tests.toy import ProductPredictor, additive_predictor, expected_product, toy_space


@dataclass(frozen=True)
class ToyRequest:
    """A request for the toy space, which is no file."""

    predictors: tuple[Predictor, ...]
    n: int = 60_000
    seed: int = 1
    law: str = "papers"
    limit: str | None = None
    space: Space = field(default_factory=toy_space)

    def resolve(self) -> ToyRequest:
        return self

    @property
    def request(self) -> ToyRequest:
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(each.metric for each in self.predictors)

    @property
    def config(self) -> dict[str, Any]:
        about = {each.metric: {"unit": each.unit, "provenance": "counted", "floor": 0.0} for each in self.predictors}
        asked = {"seed": self.seed, "law": self.law, "limit": None, "devices": [], "metrics": []}
        return {"space": {"name": "toy"}, "predictors": about, "n": self.n, **asked}

    def tools(self) -> Tools:
        return Tools(Evaluator(self.space, self.predictors), None)


@pytest.fixture
def toy_run(tmp_path: Path) -> Any:
    def run(until: list[str], **options: Any) -> UntilResult:
        space = toy_space()
        request = ToyRequest((ProductPredictor(space), additive_predictor(space)), **options)
        return profile_until(request, until, out=tmp_path / "out", taus=[0.5])  # type: ignore[arg-type]

    return run


def test_intervals_are_as_narrow_as_asked_and_hold_the_truth(toy_run: Any) -> None:
    space = toy_space()
    found = toy_run(["top1_percent=0.4"])
    assert found.is_reached
    assert 4096 < found.profile.n < 60_000
    assert found.profile.n % 4096 == 0
    assert found.widest["top1_percent"] <= 0.4
    means = found.profile.table.query("metric == 'top1_percent' and statistic == 'M_ulb'")
    wanted = [
        expected_product(space, place=(r.u, r.layer, space.block_names.index(r.block))) for r in means.itertuples()
    ]
    scores = (means["effect"] - (np.array(wanted) - expected_product(space))) / means["se"]
    assert scores.abs().max() < 4
    assert found.factors["top1_percent"] > 3


def test_an_additive_metric_is_exact_after_one_round(toy_run: Any) -> None:
    found = toy_run(["latency_ms:toy=0.001"])
    assert found.profile.n == 4096
    assert found.factors["latency_ms:toy"] == float("inf")
    exact = exact_table(toy_space(), [additive_predictor(toy_space())], taus=[])
    keys = ["statistic", "u", "layer", "block", "depth"]
    both = found.profile.table.query("metric == 'latency_ms:toy'").merge(exact, on=keys)
    assert len(both) == len(exact)
    np.testing.assert_allclose(both["value_x"], both["value_y"], rtol=1e-6)
    np.testing.assert_allclose(both["effect_x"].fillna(0), both["effect_y"].fillna(0), atol=1e-5)


def test_the_pool_may_be_used_up(toy_run: Any) -> None:
    found = toy_run(["ci=0.0001"], n=9000)
    assert not found.is_reached
    assert found.profile.n == 9000
    about = Profile.read(found.profile.path).about
    assert about["config"]["n"] == 9000
    assert about["until"] == {"top1_percent": 0.0001, "latency_ms:toy": 0.0001}


def test_a_limited_pool_is_refused(toy_run: Any) -> None:
    with pytest.raises(OptionError, match="--until takes the whole space; the pool is limited to latency_ms:toy<=8"):
        toy_run(["ci=1"], limit="latency_ms:toy<=8")


def test_quantiles_are_those_of_the_plain_pool_of_that_size(tmp_path: Path) -> None:
    request = PoolRequest(space="moga", n=70_000, metrics=("macs_m",), seed=3)
    found = profile_until(request, ["ci=1"], out=tmp_path / "a", taus=[0.5])
    plain = profile_pool(
        PoolRequest(space="moga", n=4096, metrics=("macs_m",), seed=3), out=tmp_path / "b", taus=[0.5]
    ).table
    for statistic in ("quantile", "M_tau"):
        ours = found.profile.table.query(f"statistic == '{statistic}'")["value"].to_numpy()
        np.testing.assert_array_equal(ours, plain.query(f"statistic == '{statistic}'")["value"].to_numpy())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ci", "--until 'ci' is not of the form ci=WIDTH"),
        ("ci=0", "with a width above 0"),
        ("=0.1", "not of the form"),
        ("top2=0.1", "no metric 'top2' is profiled; did you mean 'top1'"),
    ],
)
def test_mistakes_in_the_width(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_until([text], ["top1", "macs_m"])


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = ["profile", "--space", "moga", "--metric", "macs_m"]
    assert main([*pool, "--n", "5000", "--until", "ci=1", "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["n"] == 4096
    assert "macs_m: every interval within ±" in printed.err
    assert main(["profile", str(tmp_path / "out"), "--until", "ci=1"]) == 2
    assert "give --space and --out" in capsys.readouterr().err
