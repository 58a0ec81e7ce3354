"""`profile`: the same table kept or not kept, for any workers, after an interruption; against exact answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.additive.exact import exact_profile
from blockprofile.errors import DataError, OptionError, RunError, UnknownNameError
from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.profile import Profile, profile_pool, profile_run
from blockprofile.profile import profile as module
from blockprofile.profile.checkpoint import CHECKPOINT_NAME
from blockprofile.profile.record import PROFILE_NAME
from blockprofile.run import Execution, sample, shard_paths
from blockprofile.run.chunks import CHUNK_SIZE
from blockprofile.run.pool import PoolRequest
from blockprofile.space import Space

N = 6 * CHUNK_SIZE + 100
REQUEST = PoolRequest(space="moga", n=N, metrics=("macs_m", "params_m"), seed=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profile") / "run"
    sample(PoolRequest("moga", n=N, metrics=REQUEST.metrics, seed=1), out=folder)
    return folder


def test_kept_and_unkept_pools_give_the_same_table(run: Path, tmp_path: Path) -> None:
    kept = profile_run(run)
    unkept = profile_pool(REQUEST, out=tmp_path / "out")
    pd.testing.assert_frame_equal(kept.table, unkept.table, check_exact=True)
    profile = Profile.read(run)
    table, about = profile.table, profile.about
    assert len(table) == len(kept.table)
    assert about["config"]["space"]["name"] == "moga"


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_do_not_change_the_table(run: Path, workers: int) -> None:
    one, more = (profile_run(run, execution=Execution(workers=number)) for number in (1, workers))
    pd.testing.assert_frame_equal(one.table, more.table, check_exact=True)


def test_sketched_profiles_go_on_from_their_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.profile.accumulate.EXACT_LIMIT", 1000)
    monkeypatch.setattr(module, "EXACT_LIMIT", 1000)
    monkeypatch.setattr(module, "SKETCH_BLOCK", 2)
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", -1.0)
    whole = profile_pool(REQUEST, out=tmp_path / "whole")
    assert not (tmp_path / "whole" / CHECKPOINT_NAME).exists()

    draw, drawn = module.draw_and_evaluate, []

    def interrupted(request: PoolRequest, index: int) -> object:
        drawn.append(index)
        if index == 5:
            raise KeyboardInterrupt
        return draw(request, index)

    monkeypatch.setattr(module, "draw_and_evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        profile_pool(REQUEST, out=tmp_path / "broken")
    assert (tmp_path / "broken" / CHECKPOINT_NAME).is_file()

    drawn.clear()
    monkeypatch.setattr(
        module, "draw_and_evaluate", lambda request, index: (drawn.append(index), draw(request, index))[1]
    )
    again = profile_pool(REQUEST, out=tmp_path / "broken", execution=Execution(workers=1))
    assert drawn == [0, 4, 5, 6]  # the first once more, for the archs that a profile keeps
    pd.testing.assert_frame_equal(whole.table, again.table, check_exact=True)


def test_means_are_within_four_standard_errors_of_the_closed_form(tmp_path: Path, ofa_mbv3: Space) -> None:
    request = PoolRequest(space="ofa_mbv3", n=200_000, devices=("note10",), metrics=("macs_m",), seed=3)
    table = profile_pool(request, out=tmp_path / "out").table
    predictors = load_predictors(ofa_mbv3, devices=["note10"], metrics=["macs_m"])
    additive = [p for p in predictors if isinstance(p, AdditivePredictor)]
    exact = exact_profile(ofa_mbv3, [p.factors for p in additive])
    for number, predictor in enumerate(additive):
        rows = table[(table["metric"] == predictor.metric) & (table["statistic"] == "M_b")].set_index("block")
        for name, wanted in zip(exact.blocks, exact.block_mean[number], strict=True):
            row = rows.loc[name]
            whole = table[(table["metric"] == predictor.metric) & (table["statistic"] == "mean")].iloc[0]
            assert abs(row["value"] - wanted) < 4 * np.hypot(row["se"], whole["se"])


def test_an_unfinished_run_names_its_first_missing_shard(tmp_path: Path) -> None:
    sample(PoolRequest("moga", n=N, metrics=["macs_m"]), out=tmp_path / "run")
    shard_paths(tmp_path / "run")[2].unlink()
    with pytest.raises(RunError, match=r"1 of 7 shards are missing or cut, the first is part-00002.parquet"):
        profile_run(tmp_path / "run")


def test_what_is_no_run_or_no_profile_is_told(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UnknownNameError, match="no run folder"):
        profile_run(tmp_path)
    with pytest.raises(RunError, match="there is no profile"):
        Profile.read(tmp_path)
    (tmp_path / PROFILE_NAME).write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        Profile.read(tmp_path)
    with pytest.raises(OptionError, match="--tau is"):
        profile_run(run, taus=[0.5, 1.5])
    with pytest.raises(OptionError, match="presence 'givn' is unknown; did you mean 'given'"):
        profile_run(run, presence="givn")


def test_a_pool_under_a_limit_has_only_the_given_presence(tmp_path: Path) -> None:
    sample(PoolRequest("moga", n=3000, metrics=["macs_m"], limit="macs_m<=220"), out=tmp_path / "run")
    with pytest.raises(OptionError, match="only 'given' is defined"):
        profile_run(tmp_path / "run", presence="promoted")
    assert profile_run(tmp_path / "run").table["value"].notna().all()
