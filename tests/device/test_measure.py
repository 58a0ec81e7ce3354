"""From probes to a predictor folder and its audit, on a fake runtime whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.device import measure as measure_module
from blockprofile.device.audit import Audit, audit_table, runtime_of
from blockprofile.device.audit_archs import draw_skewed, spread_archs
from blockprofile.device.audit_report import AUDIT_TABLE, repair_card, write_audit
from blockprofile.device.folder import check_name
from blockprofile.device.measure import MeasuredTable, measure_table
from blockprofile.device.repair import fit_repairs
from blockprofile.device.residuals import depth_rows, unit_rows
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import Settings
from blockprofile.errors import CoverageError, DataError, OptionError, RunError
from blockprofile.predict import load_predictors, read_card
from blockprofile.predict.floor import mean_layers
from blockprofile.space import Space, draw_archs, encode, list_operators
from tests.device.fake import CALL_MS, MS_PER_MELEMENT, FakeRuntime, true_ms
from tests.toy import all_archs

PLAN = Plan(min_rounds=6)


@pytest.fixture(autouse=True)
def small_filler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_module, "typical_weight_bytes", lambda _: 4)


def measured(toy: Space, folder: Path, runtime: FakeRuntime | None = None, **fields: object) -> MeasuredTable:
    arguments = {"name": "fake_1t", "hardware": "a fake", "plan": PLAN, **fields}
    return measure_table(toy, runtime or FakeRuntime(), folder, **arguments)  # type: ignore[arg-type]


def audited(toy: Space, folder: Path, runtime: FakeRuntime, n: int = 30) -> Audit:
    return audit_table(toy, str(folder), n=n, plan=PLAN, out=folder, runtime=runtime)


def test_the_table_predicts_what_the_runtime_would_take(toy: Space, tmp_path: Path) -> None:
    table = measured(toy, tmp_path / "dev")
    assert table.within == len(table.times)
    assert table.overhead.call_ms == pytest.approx(CALL_MS, rel=1e-5)
    for op, time in table.times.items():
        assert time.value == pytest.approx(true_ms(op), rel=1e-6)
    predictor = load_predictors(toy, devices=[str(tmp_path / "dev")], metrics=[])[0]
    assert predictor.metric == "latency_ms:fake_1t"
    archs = all_archs(toy)
    wanted = [CALL_MS + sum(true_ms(op) for op in list_operators(toy, arch)) for arch in archs[:50]]
    assert predictor.predict(archs[:50]) == pytest.approx(wanted, rel=1e-5)


def test_the_card_says_how_it_was_measured(toy: Space, tmp_path: Path) -> None:
    measured(toy, tmp_path / "dev")
    card = read_card(tmp_path / "dev")
    assert (card.provenance, card.kind, card.hardware, card.spaces) == ("measured", "lookup", "a fake", ("toy",))
    assert card.resolutions == (32,)
    assert {"processor", "settings", "rounds", "drift_percent", "sentinel_ms", "precision"} <= set(card.created)
    assert card.created["settings"]["threads"] == 1
    assert "Not audited" in card.error.notes
    with pytest.raises(CoverageError, match="does not cover resolution 16"):
        load_predictors(toy.at_resolution(16), devices=[str(tmp_path / "dev")], metrics=[])


def test_an_operator_is_measured_once_and_once_in_a_chain(toy: Space, tmp_path: Path) -> None:
    runtime = FakeRuntime()
    measured(toy, tmp_path / "dev", runtime)
    built = runtime.prepared[:-1]  # the last is the sentinel
    assert len(set(built)) == len(built)
    assert all(len(set(chain)) == 1 for chain in built)


def test_a_searched_resolution_is_measured_whole(mixed: Space, tmp_path: Path) -> None:
    table = measured(mixed, tmp_path / "dev")
    predictor = load_predictors(mixed, devices=[str(tmp_path / "dev")], metrics=[])[0]
    archs = draw_archs(mixed, 20, np.random.default_rng(0))
    wanted = [table.overhead.call_ms + sum(true_ms(op) for op in list_operators(mixed, arch)) for arch in archs]
    assert predictor.predict(archs) == pytest.approx(wanted, rel=1e-5)


def test_killed_and_resumed_gives_the_same_table(toy: Space, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measured(toy, tmp_path / "dev", FakeRuntime(fail_after=300))
    assert not (tmp_path / "dev" / "card.yaml").exists()
    measured(toy, tmp_path / "dev")
    measured(toy, tmp_path / "whole")
    tables = [pd.read_parquet(tmp_path / name / "table.parquet") for name in ("dev", "whole")]
    pd.testing.assert_frame_equal(*tables)


def test_another_configuration_in_the_same_folder_is_refused(toy: Space, tmp_path: Path) -> None:
    measured(toy, tmp_path / "dev")
    with pytest.raises(RunError, match=r"settings is .*'threads': 1.* there"):
        measured(toy, tmp_path / "dev", FakeRuntime(Settings(threads=2)))
    with pytest.raises(RunError, match=r"resolutions is .32. there, .16. now"):
        measured(toy, tmp_path / "dev", resolutions=(16,))


def test_options_that_cannot_be_are_refused(toy: Space, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="resolution 20 is not one of space 'toy'; choices: 16, 32"):
        measured(toy, tmp_path / "dev", resolutions=(20,))
    with pytest.raises(OptionError, match="jobs is 0"):
        Plan(jobs=0)
    with pytest.raises(OptionError, match=r"processors .9999. are not all among the usable"):
        measured(toy, tmp_path / "dev", plan=Plan(min_rounds=6, processors=(9999,)))
    with pytest.raises(OptionError, match="name 'my phone'"):
        check_name("my phone")


def test_a_folder_that_cannot_be_made(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match=r"--out '.*file' cannot be made: a file or a dangling link"):
        measured(toy, tmp_path / "file")
    with pytest.raises(RunError, match=r"--out '.*deeper' cannot be made: Not a directory"):
        measured(toy, tmp_path / "file" / "deeper")


def test_more_jobs_build_at_once_and_measure_alike(toy: Space, tmp_path: Path) -> None:
    one, four = measured(toy, tmp_path / "one"), measured(toy, tmp_path / "four", plan=Plan(min_rounds=6, jobs=4))
    assert {op: time.value for op, time in one.times.items()} == {op: time.value for op, time in four.times.items()}


def test_an_additive_machine_passes_its_audit(toy: Space, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    measured(toy, folder)
    audit = audited(toy, folder, FakeRuntime())
    boundary = MS_PER_MELEMENT * (3 * 32**2 + 10) / 1e6  # the network's own input and output
    assert audit.errors == pytest.approx(-boundary, abs=2e-6)
    assert audit.figures["kendall_tau"] == pytest.approx(1.0)
    assert audit.verdict.startswith("additive")
    assert read_card(folder).floor is None
    assert "Not audited" in read_card(folder).error.notes
    write_audit(folder, toy, audit)
    card = read_card(folder)
    assert card.error.n == 30
    assert card.error.rmse == pytest.approx(boundary, rel=1e-2)
    assert card.floor == pytest.approx(card.error.rmse / mean_layers(toy) ** 0.5, rel=1e-4)
    frame = pd.read_parquet(folder / AUDIT_TABLE)
    assert np.array_equal([encode(toy, text) for text in frame["arch"]], audit.archs)


def test_a_slower_machine_since_the_table_is_told_apart_from_bias(toy: Space, tmp_path: Path) -> None:
    measured(toy, tmp_path / "dev")
    audit = audited(toy, tmp_path / "dev", FakeRuntime(speed=lambda _: 1.25))
    assert audit.speed == pytest.approx(1.25)
    assert audit.figures["rmse_percent"] < 0.5


def test_a_biased_sum_is_found_repaired_and_honoured(toy: Space, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    measured(toy, folder)
    audit = audited(toy, folder, FakeRuntime(scale=1.2, offset_ms=0.4))
    assert audit.verdict.startswith("biased")
    assert "below the measured" in audit.verdict
    write_audit(folder, toy, audit)
    chosen = repair_card(folder, toy, audit)
    assert chosen.model == "offset and scale"
    assert chosen.scale == pytest.approx(1.2, rel=1e-4)
    assert chosen.cv_rmse_ms < 1e-4
    repaired = load_predictors(toy, devices=[str(folder)], metrics=[])[0]
    assert repaired.predict(audit.archs) == pytest.approx(audit.measured, rel=1e-4)
    card = read_card(folder)
    assert "Repaired by offset and scale" in card.error.notes
    assert card.provenance == "measured"
    again = audited(toy, tmp_path / "dev", FakeRuntime(scale=1.2, offset_ms=0.4))
    assert again.verdict.startswith("additive")


def test_a_busy_machine_stands_on_the_card(toy: Space, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    measured(toy, folder)
    assert "wall clock" in read_card(folder).made_from
    write_audit(folder, toy, audited(toy, folder, FakeRuntime(disturb_every=7)))
    card = read_card(folder)
    assert "Others used the machine meanwhile" in card.error.notes
    assert card.created["audit"]["disturbed_percent"] == pytest.approx(100 / 7, abs=4)


def test_a_repaired_table_is_judged_by_other_networks(moga: Space, tmp_path: Path) -> None:
    folder, runtime = tmp_path / "dev", FakeRuntime(scale=1.2, offset_ms=0.4)
    measured(moga, folder)
    first = audited(moga, folder, runtime)
    again = audited(moga, folder, runtime)
    np.testing.assert_array_equal(first.archs, again.archs)
    assert repair_card(folder, moga, first).model == "offset and scale"
    second = audited(moga, folder, runtime)
    fresh = {arch.tobytes() for arch in second.archs} - {arch.tobytes() for arch in first.archs}
    assert len(fresh) > len(first.archs) // 3
    assert second.figures["rmse_ms"] < 0.01 * first.figures["rmse_ms"]
    fewer = audited(moga, folder, runtime, n=12)
    assert len(fewer.archs) == 12


def test_two_repairs_in_a_row_add_up(toy: Space, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    measured(toy, folder)
    first = audited(toy, folder, FakeRuntime(scale=1.2, offset_ms=0.4))
    repair_card(folder, toy, first)
    other = replace(first, measured=1.5 * first.measured + 0.1)
    predicted = load_predictors(toy, devices=[str(folder)], metrics=[])[0].predict(first.archs).astype(np.float64)
    counts = np.array([len(list_operators(toy, arch)) for arch in first.archs], np.float64)
    both = replace(other, predicted=predicted, repairs=fit_repairs(predicted, counts, other.measured))
    repair_card(folder, toy, both)
    final = load_predictors(toy, devices=[str(folder)], metrics=[])[0]
    assert final.predict(first.archs) == pytest.approx(other.measured, rel=1e-3)


def test_errors_are_laid_to_the_unit_and_the_depth_they_come_from(toy: Space, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    measured(toy, folder)
    audit = audited(toy, folder, FakeRuntime(), n=40)
    layers = toy.depths(audit.archs).sum(axis=1)
    slow = replace(audit, measured=audit.predicted + 0.1 * layers)
    rows = depth_rows(toy, slow)
    assert [row["layers"] for row in rows] == sorted(set(layers.tolist()))
    for row in rows:
        assert row["mean_error_ms"] == pytest.approx(-0.1 * row["layers"])
    assert sum(row["n"] for row in rows) == 40
    from blockprofile.device.residuals import _unit_part

    predictor = load_predictors(toy, devices=[str(folder)], metrics=[])[0]
    part = _unit_part(toy, predictor, audit.archs, 2)
    unit_two = replace(audit, measured=audit.predicted - 0.3 * part)
    slopes = [row["slope"] for row in unit_rows(toy, str(folder), unit_two)]
    assert slopes == pytest.approx([0.0, 0.3], abs=1e-6)


def test_an_audit_needs_the_machine_and_the_runtime_of_the_table(toy: Space, tmp_path: Path) -> None:
    measured(toy, tmp_path / "dev")
    card = read_card(tmp_path / "dev")
    with pytest.raises(OptionError, match="was not measured by 'lut measure'"):
        runtime_of(replace(card, created={}))
    with pytest.raises(OptionError, match="was measured on another one; this is"):
        runtime_of(replace(card, created={**card.created, "processor": "another one"}))
    for settings in (["cpu"], {"cores": 3}, {"threads": "two"}):
        with pytest.raises(DataError, match="should be provider, threads, batch, dtype, clock"):
            runtime_of(replace(card, created={**card.created, "settings": settings}))
    torch_card = replace(card, created={**card.created, "adapter": "torch"})
    assert runtime_of(torch_card).settings == Settings()
    with pytest.raises(OptionError, match="n is 4"):
        audited(toy, tmp_path / "dev", FakeRuntime(), n=4)


def test_audited_archs_cover_the_range(ofa_mbv3: Space) -> None:
    note10 = load_predictors(ofa_mbv3, devices=["note10"], metrics=[])[0]
    archs = spread_archs(ofa_mbv3, note10, 50, np.random.default_rng(0))
    assert len(np.unique(archs, axis=0)) == 50
    assert ofa_mbv3.contains(archs).all()
    latencies = note10.predict(archs)
    assert (np.diff(latencies) >= 0).all()
    assert np.diff(latencies).max() < 0.1 * np.ptp(latencies)
    plain = note10.predict(draw_archs(ofa_mbv3, 50, np.random.default_rng(0)))
    assert np.ptp(latencies) > 1.3 * np.ptp(plain)


def test_skewed_archs_are_members_and_more_extreme(shipped: Space) -> None:
    archs = draw_skewed(shipped, 2000, np.random.default_rng(1))
    assert shipped.contains(archs).all()
    slot = shipped.layer_slots[0].index
    share = (archs == archs[:, slot : slot + 1])[:, [s.index for s in shipped.layer_slots]].mean()
    even = draw_archs(shipped, 2000, np.random.default_rng(1))
    assert share > 1.1 * (even == even[:, slot : slot + 1])[:, [s.index for s in shipped.layer_slots]].mean()


def test_a_space_smaller_than_the_audit_is_taken_whole(toy: Space, tmp_path: Path) -> None:
    small = toy.restricted([codes[:1] for codes in toy.allowed[:-1]] + [toy.allowed[-1]], name="small")
    macs = load_predictors(small, metrics=["macs_m"])[0]
    archs = spread_archs(small, macs, 50, np.random.default_rng(0))
    assert 1 <= len(archs) < 50
