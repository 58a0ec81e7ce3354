"""Fitting on the toy space, where the additive part is known and the product metric needs the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.folderlock import lock_folder
from blockprofile.predict import AdditivePredictor, build_predictor, find_metric, read_card
from blockprofile.predict.evaluate import evaluate_predictor, list_residuals
from blockprofile.predict.fit import FitReport, fit_recipe
from blockprofile.predict.floor import mean_layers
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.network import NetworkPredictor
from blockprofile.predict.recipe import Recipe, read_recipe
from blockprofile.predict.training import TrainingOptions
from blockprofile.space import Archs, CompiledSum, Space
from tests.toy import all_archs, shared_space

SMALL = TrainingOptions(widths=(32, 16), min_steps=600, batch=64, learning_rate=1e-2, weight_decay=0.1)


METRICS = ("latency_ms:phone", "sum", "energy_mj:phone")


def _weights(archs: Archs) -> np.ndarray:
    """Give every active layer the value (code + 1) x (slot + 1)."""
    values = np.where(archs == 255, 0.0, (archs.astype(float) + 1) * (np.arange(archs.shape[1]) + 1))
    return values[:, [1, 2, 4, 5, 6]]


def _table(space: Space, *, copies: int = 2) -> LabelTable:
    archs = np.repeat(all_archs(space), copies, axis=0)
    parts = _weights(archs)
    product = parts[:, :2].sum(1) * parts[:, 2:].sum(1)
    labels = {"sum": parts.sum(1), "latency_ms:phone": 5 + product / 20, "energy_mj:phone": 100 - product}
    return LabelTable(Path("toy.parquet"), archs, labels, None)


def _recipe(*metrics: str, **card: object) -> Recipe:
    return Recipe(
        schema="blockprofile.recipe/1", table="toy.parquet", space="toy", metrics={m: {} for m in metrics}, card=card,
        options=SMALL, folds=0,
    )  # fmt: skip


def _kept(*metrics: str) -> Recipe:
    """Return a recipe whose metrics keep their networks, since each has a ceiling."""
    return replace(_recipe(*metrics), metrics={metric: {"ceiling": 1e6} for metric in metrics})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelTable, list[FitReport]]:
    from tests.toy import toy_space

    space = toy_space()
    table = _table(space)
    return table, fit_recipe(table, space, _recipe(*METRICS, hardware="none"), out=tmp_path_factory.mktemp("fit"))


def test_an_additive_metric_is_met_by_the_tables(fitted: tuple[LabelTable, list[FitReport]], toy: Space) -> None:
    table, reports = fitted
    assert reports[1].fidelity.r2 > 0.9999999
    folder = reports[1].folder
    predictor = build_predictor((read_card(folder), folder), toy)
    assert isinstance(predictor, AdditivePredictor)
    np.testing.assert_allclose(predictor.predict(table.archs), table.label("sum"), rtol=1e-5)


def test_a_product_is_met_by_the_network(fitted: tuple[LabelTable, list[FitReport]], toy: Space) -> None:
    table, reports = fitted
    assert reports[0].fidelity.r2 > 0.995
    predictor = build_predictor((read_card(reports[0].folder), reports[0].folder), toy)
    assert isinstance(predictor, NetworkPredictor)
    labels = table.label("latency_ms:phone")
    assert predictor.factors is not None
    additive = CompiledSum(toy, [predictor.factors])(table.archs)[0]
    rest = np.square(labels - predictor.predict(table.archs)).mean()
    assert rest < 0.5 * np.square(labels - additive).mean()


def test_the_depth_of_layers_that_share_a_block_is_learnt(tmp_path: Path) -> None:
    space = shared_space()
    archs = np.repeat(all_archs(space), 2, axis=0)
    table = LabelTable(Path("shared.parquet"), archs, {"sum": space.depths(archs) @ np.array([3.0, 5.0])}, None)
    report = fit_recipe(table, space, replace(_recipe("sum"), space="shared"), out=tmp_path)[0]
    assert report.fidelity.r2 > 0.9999


def test_the_card_says_what_was_found(toy: Space, fitted: tuple[LabelTable, list[FitReport]]) -> None:
    table, reports = fitted
    for report in reports:
        card = read_card(report.folder)
        assert card.error.n == report.fidelity.n == round(0.1 * len(table.archs) / 2)
        assert card.error.rmse == pytest.approx(report.fidelity.rmse, rel=1e-5)
        assert card.floor == pytest.approx(report.fidelity.rmse / mean_layers(toy) ** 0.5, rel=1e-3)
        assert (card.error.law, card.error.by_law, card.label_error) == ("unknown", {}, None)
        assert (card.provenance, card.hardware, card.spaces) == ("user", "none", ("toy",))
    assert read_card(reports[0].folder).device == "phone"
    assert read_card(reports[1].folder).device is None


def test_a_second_fit_gives_the_same_bytes(toy: Space, tmp_path: Path) -> None:
    table, both = _table(toy), {"sum": {}, "latency_ms:phone": {"ceiling": 1e6}}  # tables alone, and a network
    quick = replace(_recipe("sum"), metrics=both).changed(epochs=2)
    once, again = (fit_recipe(table, toy, quick, out=tmp_path / name) for name in ("once", "again"))
    for first, second in zip(once, again, strict=True):
        for file in sorted(first.folder.iterdir()):
            assert file.read_bytes() == (second.folder / file.name).read_bytes(), file.name


def test_metrics_with_a_network_each_are_fitted_alone(toy: Space, tmp_path: Path) -> None:
    quick = _kept("sum", "latency_ms:phone").changed(epochs=2)
    reports = fit_recipe(_table(toy), toy, quick, out=tmp_path / "both")
    alone = fit_recipe(_table(toy), toy, replace(quick, metrics={"sum": {"ceiling": 1e6}}), out=tmp_path / "one")
    assert (alone[0].folder / "weights.safetensors").read_bytes() == (
        reports[0].folder / "weights.safetensors"
    ).read_bytes()
    assert [report.metric for report in reports] == ["sum", "latency_ms:phone"]
    assert all((report.folder / "weights.safetensors").is_file() for report in reports)


def test_every_command_finds_a_fitted_folder(fitted: tuple[LabelTable, list[FitReport]], toy: Space) -> None:
    folder = fitted[1][0].folder
    assert find_metric(str(folder), toy)[0].metric == "latency_ms:phone"


def test_rows_at_several_resolutions(toy: Space, tmp_path: Path) -> None:
    table = _table(toy)
    resolutions = np.where(np.arange(len(table.archs)) % 2 == 0, 16, 32)
    labels = {"score": table.label("sum") * np.where(resolutions == 16, 1.0, 2.0)}
    table = replace(table, labels=labels, resolutions=resolutions)
    report = fit_recipe(table, toy, _recipe("score"), out=tmp_path)[0]
    assert report.fidelity.r2 > 0.99
    card = read_card(report.folder)
    assert card.resolutions == (16, 32)
    low, high = (
        build_predictor((card, report.folder), toy.at_resolution(r)).predict(table.archs).mean() for r in (16, 32)
    )
    assert high / low == pytest.approx(2, rel=0.05)
    found = evaluate_predictor((card, report.folder), toy, table, column="score")
    assert found.fidelity.r2 > 0.99


def test_noise_is_not_taken_for_structure(toy: Space, tmp_path: Path) -> None:
    archs = all_archs(toy)
    noise = np.random.default_rng(0).normal(size=len(archs))
    table = LabelTable(Path("toy.csv"), archs, {"score": _weights(archs).sum(1) + noise}, None)
    report = fit_recipe(table, toy, _recipe("score"), out=tmp_path)[0]
    assert report.fidelity.rmse < 1.3


def test_progress_is_told(toy: Space, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    quick = replace(_recipe("sum"), options=replace(SMALL, min_steps=20))
    fit_recipe(_table(toy), toy, quick, out=tmp_path, progress=lambda epoch, epochs, _: seen.append((epoch, epochs)))
    assert [epoch for epoch, _ in seen] == list(range(1, seen[-1][1] + 1))


def test_refuses_too_few_rows_and_missing_columns(toy: Space, tmp_path: Path) -> None:
    table = _table(toy)
    few = replace(table, archs=table.archs[:5], labels={"sum": table.label("sum")[:5]})
    with pytest.raises(DataError, match="holds 3 archs in 5 rows; at least 20 archs"):
        fit_recipe(few, toy, _recipe("sum"), out=tmp_path)
    with pytest.raises(DataError, match="no column 'nothing'"):
        fit_recipe(table, toy, _recipe("nothing"), out=tmp_path)


def test_residuals_by_block_are_brute_force_means(fitted: tuple[LabelTable, list[FitReport]], toy: Space) -> None:
    table, reports = fitted
    folder = reports[0].folder
    rows = 2 * np.flatnonzero(np.random.default_rng(0).random(len(table.archs) // 2) < 0.5)
    found = evaluate_predictor((read_card(folder), folder), toy, table, column="latency_ms:phone", rows=rows)
    errors = found.predictions - table.label("latency_ms:phone")[rows]
    records = list_residuals(toy, found)
    assert len(records) == 5 * 3 + 3
    for record in records:
        slot = toy.slot(f"u{record['unit']}l{record['layer']}")
        code = slot.choices.index(record["block"]) if record["block"] else 255
        part = errors[table.archs[rows, slot.index] == code]
        assert record["n"] == len(part)
        assert record["bias"] == pytest.approx(part.mean())


def test_a_recipe_file(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "schema: blockprofile.recipe/1\ntable: t.csv\nspace: toy\nmetrics: {score: {}}\noptions: {widths: [8]}\n"
    )
    assert read_recipe(path).options == TrainingOptions(widths=(8,))
    path.write_text(
        "schema: blockprofile.recipe/1\ntable: t.csv\nspace: toy\nmetrics: {score: {}}\noptions: {wide: 8}\n"
    )
    with pytest.raises(DataError, match=r"r.yaml:5:.*wide"):
        read_recipe(path)


def test_a_number_of_epochs_that_is_asked_for_is_made(toy: Space, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    few = replace(_recipe("sum"), folds=0).changed(epochs=2)
    fit_recipe(_table(toy), toy, few, out=tmp_path, progress=lambda epoch, epochs, _: seen.append((epoch, epochs)))
    assert seen == [(1, 2), (2, 2)]


def test_a_network_that_is_no_better_gives_way_to_additive_tables(toy: Space, tmp_path: Path) -> None:
    archs = all_archs(toy)
    noisy = _weights(archs).sum(1) + 20 * np.random.default_rng(1).normal(size=len(archs))
    table = LabelTable(Path("toy.csv"), archs, {"score": noisy}, None)
    epochs: list[int] = []
    recipe = replace(_recipe("score"), folds=3, options=replace(SMALL, learning_rate=0.1, min_steps=60))
    (report,) = fit_recipe(table, toy, recipe, out=tmp_path, progress=lambda epoch, *_: epochs.append(epoch))
    card = read_card(report.folder)
    predictor = build_predictor((card, report.folder), toy)
    assert isinstance(predictor, AdditivePredictor)
    assert report.choice.is_additive
    assert card.kind == "table"
    assert not (report.folder / "weights.safetensors").exists()
    assert card.made_from.endswith(report.choice.why)
    assert "additive tables kept: RMSE" in report.choice.why
    assert epochs == sorted(epochs)  # one network, not one for each fold
    found = evaluate_predictor((card, report.folder), toy, table, column="score").predictions
    assert np.square(found - _weights(archs).sum(1)).mean() < 20**2 / 5


def test_a_network_that_is_better_is_kept(fitted: tuple[LabelTable, list[FitReport]]) -> None:
    sum_of, product = fitted[1][1].choice, fitted[1][0].choice
    assert (sum_of.is_additive, product.is_additive) == (True, False)
    assert product.why.startswith("network kept: RMSE ")


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_threads_are_bounded_and_given_back(toy: Space, tmp_path: Path, threads: int | None) -> None:
    torch = pytest.importorskip("torch")
    seen: list[int] = []
    quick = _recipe("sum").changed(epochs=1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit_recipe(
            _table(toy), toy, quick, out=tmp_path, threads=threads,
            progress=lambda *_: seen.append(torch.get_num_threads()),
        )  # fmt: skip
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {threads or 1}


def test_directions(toy: Space, tmp_path: Path) -> None:
    table = _table(toy)
    quick = _recipe("sum").changed(epochs=1)
    (report,) = fit_recipe(table, toy, quick, out=tmp_path)
    assert np.isnan(report.fidelity.best_percentile_mae)
    assert read_card(report.folder).error.best_percentile_mae is None
    (report,) = fit_recipe(table, toy, quick.directed("min"), out=tmp_path)
    card = read_card(report.folder)
    assert (card.direction, card.error.best_percentile_mae) == (
        "min",
        pytest.approx(report.fidelity.best_percentile_mae),
    )
    found = evaluate_predictor((card, report.folder), toy, table, column="sum")
    best = np.argsort(found.labels, kind="stable")[: max(1, round(0.01 * len(found.labels)))]
    wanted = np.abs(found.predictions - found.labels)[best].mean()
    assert found.fidelity.best_percentile_mae == pytest.approx(wanted)
    with pytest.raises(OptionError, match="no effect"):
        _recipe("latency_ms:phone").directed("min")
    with pytest.raises(OptionError, match="direction of 'sum' is 'up'; choices: max, min"):
        quick.directed("up")
    with pytest.raises(OptionError, match="direction of 'energy_mj:x' is 'max'"):
        replace(quick, metrics={"energy_mj:x": {"direction": "max"}})


def test_a_fit_that_is_killed_before_its_card_leaves_the_old_predictor(
    toy: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = _kept("sum", "latency_ms:phone").changed(epochs=1)
    fit_recipe(_table(toy), toy, quick, out=tmp_path)
    (tmp_path / "sum_toy" / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("blockprofile.predict.fit.write_fit_card", kill)
        with pytest.raises(KeyboardInterrupt):
            fit_recipe(_table(toy), toy, quick.changed(seed=5), out=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    fit_recipe(_table(toy), toy, quick.changed(seed=5), out=tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()  # what was beside the predictor is kept
    assert after[tmp_path / "sum_toy" / "weights.safetensors"] != before[tmp_path / "sum_toy" / "weights.safetensors"]


def test_two_fits_into_one_folder_are_kept_apart_and_leftovers_go(toy: Space, tmp_path: Path) -> None:
    quick = _recipe("sum").changed(epochs=1)
    left, other = tmp_path / "sum_toy.0123abcd.partial", tmp_path / "other_toy.0123abcd.partial"
    for folder in (left, other):
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(b"cut")
    with lock_folder(tmp_path), pytest.raises(RunError, match=r"is in use by process \d+ on .*; wait until it is done"):
        fit_recipe(_table(toy), toy, quick, out=tmp_path)
    assert left.exists()
    fit_recipe(_table(toy), toy, quick, out=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other_toy.0123abcd.partial", "sum_toy"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdout": float("nan")}, "holdout is nan; must be above 0 and below 1"),
        ({"metrics": {}}, "metrics is empty"),
        ({"metrics": {"latency_ms:../stolen": {}}}, "metric 'latency_ms:../stolen' cannot name a file: it holds '/'"),
        ({"metrics": {"/tmp/x": {}}}, "metric '/tmp/x' cannot name a file"),
        ({"metrics": {"": {}}}, "metric '' cannot name a file: it is empty"),
        ({"metrics": {"latency_ms:": {}}}, "metric 'latency_ms:' must be a column, or a column and what it is of"),
        ({"metrics": {"latency_ms:..": {}}}, "begins with a dot"),
        ({"metrics": {"score": {"column": ["y"]}}}, r"column of 'score' is \['y'\]; must be the name of a column"),
        ({"metrics": {"score": {"batch": "two"}}}, "batch: 'two' is wrong"),
        ({"metrics": {"score": {"hardwear": "x"}}}, "did you mean 'hardware'"),
        ({"card": {"sources": 5}}, "sources"),
        ({"card": {"name": "../x"}}, "card has a key 'name'"),
        ({"resolution": 0}, "resolution is 0; must be at least 1"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    fields = {"schema": "blockprofile.recipe/1", "table": "t.csv", "space": "toy", "metrics": {"score": {}}}
    with pytest.raises((OptionError, DataError), match=message):
        Recipe(**(fields | change))  # type: ignore[arg-type]


def test_a_seed_beyond_64_bits_is_refused() -> None:
    with pytest.raises(OptionError, match="seed is 1180591620717411303424; must be at most 9223372036854775807"):
        TrainingOptions(seed=2**70)
    with pytest.raises(OptionError, match="learning_rate is nan"):
        TrainingOptions(learning_rate=float("nan"))
