"""Training networks of ReLU layers on the toy space: what a chain can tell and tables cannot, bytes, drawn archs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from blockprofile.errors import DataError, OptionError
from blockprofile.predict import build_predictor, read_card
from blockprofile.predict.design import draw_design
from blockprofile.predict.fit import fit_predictors
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.neural import NetworkPredictor
from blockprofile.predict.recipe import Recipe, read_recipe
from blockprofile.predict.recorded import Recorded
from blockprofile.predict.relu_options import ReluOptions
from blockprofile.predict.repeats import number_archs, pool_repeats, split_archs
from blockprofile.predict.weights import (
    WEIGHTS_NAME,
    is_coarse,
    pack_header,
    read_network,
    read_safetensors,
    write_network,
)
from blockprofile.space import INACTIVE, Archs, Space

CHAIN = ReluOptions(hops=2, hidden=16, trunk=(16,), members=2, epochs=1, min_steps=700, batch=32)
PLAIN = replace(CHAIN, hops=0, members=1)


def _product_of_neighbours(space: Space, archs: Archs) -> np.ndarray:
    """Sum, over the active layers, the product of a layer's code and that of the layer before it."""
    layers = archs[:, [slot.index for slot in space.layer_slots]]
    found = np.zeros(len(archs))
    for row, codes in enumerate(layers):
        chain = codes[codes != INACTIVE].astype(float) + 1
        found[row] = (chain[1:] * chain[:-1]).sum()
    return found


def _table(space: Space, n: int = 1500, seed: int = 0) -> LabelTable:
    archs = draw_design(space, n, seed=seed).archs
    return LabelTable(Path("toy.parquet"), archs, {"latency_ms:phone": _product_of_neighbours(space, archs)}, None)


def _recipe(options: ReluOptions) -> Recipe:
    return Recipe(
        schema="blockprofile.recipe/1",
        table="toy.parquet",
        space="toy",
        metrics={"latency_ms:phone": {}},
        relu=options,
        folds=0,
    )


NARROW = replace(PLAIN, hidden=24, trunk=(12, 6), rows_rate=0.03)


@pytest.mark.parametrize("options", [CHAIN, PLAIN, NARROW], ids=["chain", "plain", "narrow"])
def test_products_of_neighbours_are_met(toy: Space, tmp_path: Path, options: ReluOptions) -> None:
    table = _table(toy)
    (report,) = fit_predictors(table, toy, _recipe(options), out=tmp_path)
    assert report.fidelity.r2 > 0.99
    card = read_card(report.folder)
    assert card.error.r2 == pytest.approx(report.fidelity.r2, abs=1e-6)
    predictor = build_predictor((card, report.folder), toy)
    assert isinstance(predictor, NetworkPredictor)
    whole = predictor.predict(table.archs)
    additive = whole - predictor.predict_rest(table.archs)
    labels = table.label("latency_ms:phone")
    assert np.square(whole - labels).mean() < 0.3 * np.square(additive - labels).mean()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("options", [CHAIN, NARROW], ids=["chain", "narrow"])
@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
def test_products_of_neighbours_are_met_on_cuda(
    toy: Space, tmp_path: Path, options: ReluOptions, bfloat16: bool
) -> None:
    recipe = _recipe(replace(options, bfloat16=bfloat16))
    (report,) = fit_predictors(_table(toy), toy, recipe, out=tmp_path, provider="cuda")
    assert report.fidelity.r2 > 0.98
    assert read_card(report.folder).created["provider"].startswith("cuda (")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_recorded_step_is_the_step() -> None:
    device = torch.device("cuda")

    def train(*, recorded: bool) -> torch.Tensor:
        weight, seen = torch.zeros(4, device=device), torch.arange(20.0, device=device)
        stream = torch.cuda.Stream(device)

        def step(rows: torch.Tensor, share: torch.Tensor) -> None:
            weight.add_(seen[rows] * share)

        take = Recorded(step, device, stream) if recorded else None
        for place in range(5):
            rows = torch.arange(place * 4, place * 4 + 4, device=device)
            if take is None:
                step(rows, torch.tensor(place / 4, device=device))
            else:
                stream.wait_stream(torch.cuda.current_stream())
                take(rows, place / 4)
        torch.cuda.synchronize()
        return weight

    assert torch.equal(train(recorded=True), train(recorded=False))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_device(toy: Space, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="torch finds no CUDA device here; choices: cpu"):
        fit_predictors(_table(toy, 300), toy, _recipe(PLAIN), out=tmp_path, provider="cuda")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("provider", "relu", "match"),
    [
        ("gpu", PLAIN, "no provider 'gpu' to fit with; choices: cpu, cuda"),
        ("cuda", None, "fits networks of ReLU layers alone, and this recipe has no relu; choices: cpu"),
    ],
)
def test_providers_that_do_not_fit_are_refused(
    toy: Space, tmp_path: Path, provider: str, relu: ReluOptions | None, match: str
) -> None:
    recipe = replace(_recipe(PLAIN), relu=relu)
    with pytest.raises(OptionError, match=match):
        fit_predictors(_table(toy, 300), toy, recipe, out=tmp_path, provider=provider)


def test_the_factors_are_least_squares(toy: Space, tmp_path: Path) -> None:
    table = pool_repeats(_table(toy), ["latency_ms:phone"]).table
    (report,) = fit_predictors(table, toy, _recipe(replace(CHAIN, min_steps=20)), out=tmp_path)
    predictor = build_predictor((read_card(report.folder), report.folder), toy)
    additive = predictor.predict(table.archs) - predictor.predict_rest(table.archs)  # type: ignore[attr-defined]
    left = table.label("latency_ms:phone") - additive
    assert abs(left.mean()) < 0.05
    for slot in toy.layer_slots:
        for code in range(slot.n_choices):
            assert abs(left[table.archs[:, slot.index] == code].mean()) < 0.25


def test_a_second_fit_gives_the_same_bytes(toy: Space, tmp_path: Path) -> None:
    table, recipe = _table(toy, 300), _recipe(replace(CHAIN, min_steps=60))
    first, second = (fit_predictors(table, toy, recipe, out=tmp_path / name)[0].folder for name in ("a", "b"))
    for file in sorted(first.iterdir()):
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name


def test_members_differ(toy: Space, tmp_path: Path) -> None:
    (report,) = fit_predictors(_table(toy, 300), toy, _recipe(replace(CHAIN, min_steps=20)), out=tmp_path)
    hops = read_network(report.folder / WEIGHTS_NAME).arrays["hops"]
    assert hops.shape == (2, 1, 16, 32)
    assert float((hops[0] - hops[1]).abs().max()) > 0.01


def test_more_members_than_threads(toy: Space, tmp_path: Path) -> None:
    def hops(members: int) -> torch.Tensor:
        recipe = _recipe(replace(CHAIN, min_steps=20, members=members))
        (report,) = fit_predictors(_table(toy, 300), toy, recipe, out=tmp_path / str(members))
        return read_network(report.folder / WEIGHTS_NAME).arrays["hops"]

    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        five, two = hops(5), hops(2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
    assert len(five) == 5
    torch.testing.assert_close(five[:2], two, rtol=1e-3, atol=1e-3)
    for place in range(1, 5):
        assert float((five[place] - five[place - 1]).abs().max()) > 0.01


def test_a_trunk_that_narrows(toy: Space, tmp_path: Path) -> None:
    (report,) = fit_predictors(_table(toy, 300), toy, _recipe(replace(NARROW, min_steps=20)), out=tmp_path)
    arrays = read_network(report.folder / WEIGHTS_NAME).arrays
    shapes = {name: tuple(array.shape) for name, array in arrays.items() if name.startswith("hid") or name == "head"}
    assert shapes == {
        "hidden.0": (1, 12, 24), "hidden_bias.0": (1, 12), "hidden.1": (1, 6, 12), "hidden_bias.1": (1, 6),
        "head": (1, 1, 6),
    }  # fmt: skip
    options = read_card(report.folder).created["options"]
    assert (options["trunk"], options["rows_rate"]) == ([12, 6], 0.03)


def test_a_rate_of_its_own_for_the_rows(toy: Space, tmp_path: Path) -> None:
    def rows(rate: float | None) -> torch.Tensor:
        recipe = _recipe(replace(NARROW, min_steps=20, rows_rate=rate))
        (report,) = fit_predictors(_table(toy, 300), toy, recipe, out=tmp_path / str(rate))
        return read_network(report.folder / WEIGHTS_NAME).arrays["rows"]

    assert torch.equal(rows(None), rows(NARROW.matrix_rate))
    assert not torch.equal(rows(None), rows(0.03))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"hidden_bias.1": None}, "lacks the arrays hidden_bias.1"),
        ({"hidden.0": None}, r"array 'head' has shape \(1, 1, 6\); space 'toy' needs \(1, 1, 24\)"),
        (
            {"hidden.1": torch.zeros(1, 6, 11)},
            r"array 'hidden.1' has shape \(1, 6, 11\); space 'toy' needs \(1, 6, 12\)",
        ),
        ({"hidden.0": torch.zeros(12)}, r"an array has too few axes; see .*'hidden.0' of shape \(12,\)"),
        ({"hops": torch.zeros(0)}, r"an array has too few axes; see .*'hops' of shape \(0,\)"),
    ],
)
def test_a_trunk_that_does_not_fit_is_refused(
    toy: Space, tmp_path: Path, changes: dict[str, torch.Tensor | None], match: str
) -> None:
    (report,) = fit_predictors(_table(toy, 300), toy, _recipe(replace(NARROW, min_steps=5)), out=tmp_path)
    path = report.folder / WEIGHTS_NAME
    arrays, header = read_safetensors(path)
    content = {key: value for key, value in header.items() if key != "format"}
    changed = {name: array for name, array in (arrays | changes).items() if array is not None}
    save_file(changed, path, metadata=pack_header(header["format"], content))
    with pytest.raises(DataError, match=match):
        build_predictor((read_card(report.folder), report.folder), toy)


def test_matrices_in_eight_bits(toy: Space, tmp_path: Path) -> None:
    recipe = _recipe(CHAIN)
    coarse = replace(recipe, relu=replace(CHAIN, eight_bits=True))
    fine_fit, coarse_fit = (
        fit_predictors(_table(toy), toy, r, out=tmp_path / name)[0] for r, name in ((recipe, "16"), (coarse, "8"))
    )
    assert coarse_fit.fidelity.r2 == pytest.approx(fine_fit.fidelity.r2, abs=1e-3)
    paths = [report.folder / WEIGHTS_NAME for report in (fine_fit, coarse_fit)]
    assert paths[1].stat().st_size < paths[0].stat().st_size
    fine, rounded = (read_network(path).arrays for path in paths)
    for name, array in fine.items():
        if is_coarse(name):
            half_a_step = array.abs().amax(-1, keepdim=True) / 254
            assert bool(((rounded[name] - array).abs() <= 1.01 * half_a_step + 1e-3 * array.abs()).all()), name
            assert float((rounded[name] - array).abs().max()) > 0
        else:
            assert torch.equal(rounded[name], array), name


def test_a_row_of_zeros_stays_zero_in_eight_bits(toy: Space, tmp_path: Path) -> None:
    (report,) = fit_predictors(_table(toy, 300), toy, _recipe(replace(CHAIN, min_steps=5)), out=tmp_path)
    file = read_network(report.folder / WEIGHTS_NAME)
    arrays = dict(file.arrays) | {"hops": torch.zeros_like(file.arrays["hops"])}
    path = tmp_path / "zeros.safetensors"
    write_network(path, arrays, space=toy, metrics=file.metrics, resolutions=(), eight_bits=True)
    assert not read_network(path).arrays["hops"].any()


def test_scales_of_another_shape_are_refused(toy: Space, tmp_path: Path) -> None:
    options = replace(CHAIN, min_steps=5, eight_bits=True)
    (report,) = fit_predictors(_table(toy, 300), toy, _recipe(options), out=tmp_path)
    path = report.folder / WEIGHTS_NAME
    arrays, header = read_safetensors(path)
    content = {key: value for key, value in header.items() if key != "format"}
    for scale in (arrays["hops.scale"][:1], arrays["hops.scale"][..., 0]):
        save_file(arrays | {"hops.scale": scale.clone()}, path, metadata=pack_header(header["format"], content))
        with pytest.raises(DataError, match=r"array 'hops.scale' has shape .*; must be \(2, 1, 16, 1\)"):
            read_network(path)


def test_drawn_archs_are_trained_on_and_never_judged_by(toy: Space, tmp_path: Path) -> None:
    table, drawn = _table(toy, 200), _table(toy, 2000, seed=1)
    recipe = _recipe(replace(PLAIN, min_steps=500))
    alone = fit_predictors(table, toy, recipe, out=tmp_path / "alone")[0]
    both = fit_predictors(table, toy, recipe, drawn=drawn, out=tmp_path / "both")[0]
    n = len(number_archs(table.archs)[0])
    train, held = split_archs(table.archs, holdout=0.1, seed=0)
    others = {bytes(arch) for arch in table.archs[held]}
    n_drawn = sum(bytes(arch) not in others for arch in drawn.archs)
    assert alone.fidelity.n == both.fidelity.n == round(0.1 * n)
    assert alone.n_train == n - round(0.1 * n) == len(number_archs(table.archs[train])[0])
    assert both.n_train == alone.n_train + n_drawn
    assert both.fidelity.rmse < alone.fidelity.rmse
    assert f"{n_drawn} drawn archs" in read_card(both.folder).made_from


def test_rows_at_several_resolutions(toy: Space, tmp_path: Path) -> None:
    table = _table(toy)
    resolutions = np.where(np.arange(len(table.archs)) % 2 == 0, 16, 32)
    labels = {"latency_ms:phone": table.label("latency_ms:phone") * np.where(resolutions == 16, 1.0, 2.0)}
    table = replace(table, labels=labels, resolutions=resolutions)
    (report,) = fit_predictors(table, toy, _recipe(CHAIN), out=tmp_path)
    assert report.fidelity.r2 > 0.97
    card = read_card(report.folder)
    low, high = (
        build_predictor((card, report.folder), toy.at_resolution(r)).predict(table.archs).mean() for r in (16, 32)
    )
    assert high / low == pytest.approx(2, rel=0.05)


def test_a_recipe_names_the_network(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "schema: blockprofile.recipe/1\ntable: t.csv\nspace: toy\nmetrics: {score: {}}\nrelu: {hops: 3, seed: 4}\n"
    )
    recipe = read_recipe(path)
    assert recipe.relu == ReluOptions(hops=3, seed=4)
    assert (recipe.seed, recipe.changed(seed=9, epochs=2).relu) == (
        4,
        ReluOptions(hops=3, seed=9, epochs=2, min_steps=0),
    )
    assert recipe.used_options()["hops"] == 3


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("relu: {members: 0}", "relu: members is 0; must be at least 1"),
        ("relu: {trunk: [8, 0]}", "trunk is \\[8, 0\\]; every size must be at least 1"),
        ("relu: {rows_rate: 0}", "rows_rate is 0.0; must be above 0"),
        ("relu: {hops: -1}", "hops is -1; must be at least 0"),
        ("relu: {decay: 0}", "decay is 0.0; must be above 0"),
        ("options: {width: 0}", "options: width is 0; must be at least 1"),
        ("drawn: ../drawn.parquet", "'../drawn.parquet' is no name of a file"),
    ],
)
def test_options_out_of_range_are_named(tmp_path: Path, line: str, match: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"schema: blockprofile.recipe/1\ntable: t.csv\nspace: toy\nmetrics: {{score: {{}}}}\n{line}\n")
    with pytest.raises(DataError, match=match):
        read_recipe(path)
