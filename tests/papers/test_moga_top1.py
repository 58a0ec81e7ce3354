"""MoGA's accuracy: the table against the fit, the fit against the published networks."""

import numpy as np
import pytest

from blockprofile.errors import InfeasibleError, UnknownNameError
from blockprofile.papers.moga_top1 import (
    FAMILIES,
    READINGS,
    Reading,
    describe_network,
    fit_top1,
    leave_one_out_top1,
    moga_table,
)
from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.predict.published import published_network, read_published_table
from blockprofile.space import load_space


def _predictor():
    (predictor,) = load_predictors(load_space("moga"), metrics=["top1_percent"])
    return predictor


def _published_archs():
    codes = {
        name: [int(row["block"]) for row in read_published_table("moga_choices") if row["network"] == name]
        for name in FAMILIES["moga"]
    }
    return np.array(list(codes.values()), np.uint8)


def test_the_shipped_table_is_additive_and_gives_the_fit_on_the_published_archs():
    predictor, fit = _predictor(), fit_top1()
    assert isinstance(predictor, AdditivePredictor)
    expected = [fit.predict(describe_network(name, family="moga")) for name in FAMILIES["moga"]]
    np.testing.assert_allclose(predictor.predict(_published_archs()), expected, atol=1e-5)


def test_published_networks_are_left_out_within_a_third_of_a_point():
    left_out = leave_one_out_top1()
    for name in FAMILIES["moga"]:
        published, fitted, predicted = left_out[name]
        assert published == published_network(name).top1_percent
        assert abs(fitted - published) < abs(predicted - published) < 0.33


def test_left_out_error_beats_the_average_of_the_others():
    left_out = leave_one_out_top1()
    top1 = np.array([left_out[name][0] for name in FAMILIES["moga"]])
    errors = np.array([left_out[name][2] - left_out[name][0] for name in FAMILIES["moga"]])
    average = (top1.sum() - top1) / 2
    assert np.sqrt(np.mean(errors**2)) < 0.5 * np.sqrt(np.mean((average - top1) ** 2))


def test_variants_of_an_architecture_are_left_out_together():
    published, _, left_out = leave_one_out_top1()["FairNAS-A-SE-1.0"]
    alone = fit_top1(without="FairNAS-A").predict(describe_network("FairNAS-A-SE-1.0", family="fairnas"))
    assert left_out == alone
    assert published == 77.5


def test_a_gate_adds_the_same_everywhere_and_readings_bracket_it():
    table, fit = moga_table(fit_top1()), fit_top1()
    gains = [table[slot, f"{name}se"] - table[slot, name] for slot, name in table if slot and not name.endswith("se")]
    np.testing.assert_allclose(gains, fit.se_points)
    others = [fit_top1(reading).se_points for reading in READINGS[1:]]
    assert min(others) < fit.se_points < max(others)


def test_more_expansion_never_hurts_and_levels_differ_by_family():
    table = moga_table(fit_top1())
    slots = {slot for slot, _ in table if slot}
    assert all(table[slot, "e6k7"] > table[slot, "e3k7"] for slot in slots)
    assert fit_top1().levels.keys() == FAMILIES.keys()


def test_too_few_networks_are_refused():
    reading = Reading(name="moga alone", families=("moga",), swish=False)
    with pytest.raises(InfeasibleError, match="3 networks do not determine 3 terms"):
        fit_top1(reading)


def test_networks_without_layers_are_refused():
    with pytest.raises(UnknownNameError, match="layers of network 'EfficientNet-B0' are not published"):
        describe_network("EfficientNet-B0", family="fairnas")
