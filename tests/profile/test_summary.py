"""What a profile says in a few lines."""

from __future__ import annotations

from blockprofile.profile.exact_table import exact_table
from blockprofile.profile.record import Profile
from blockprofile.profile.summary import block_summary, factor_summary, pair_words, strongest_layers
from blockprofile.space import Space, load_space
from tests.toy import additive_predictor, shared_space


def test_a_block_that_layers_share_stands_at_its_unit() -> None:
    table = exact_table(shared_space(), [additive_predictor(shared_space())], taus=(0.5,))
    assert set(Profile(table).rows("M_ulb")["layer"]) == set(Profile(table).rows("M_tau")["layer"]) == {0}
    (sentence,) = strongest_layers(Profile(table))
    assert "e4k5se at unit 2 (" in sentence
    assert "layer" not in sentence


def test_layers_of_their_own_are_named(toy: Space) -> None:
    (sentence,) = strongest_layers(Profile(exact_table(toy, [additive_predictor(toy)], taus=())))
    assert "e4k5se at unit 2, layer 3 (" in sentence


def test_what_lowers_is_not_told_to_raise(toy: Space) -> None:
    """However few effects there are: with more asked for than there are, both halves keep their sign."""
    profile = Profile(exact_table(toy, [additive_predictor(toy)], taus=()))
    raised, _, lowered = strongest_layers(profile, count=99)[0].partition("; most lowered by ")
    assert "(+" in raised
    assert "(-" not in raised
    assert "(-" in lowered
    assert "(+" not in lowered


def test_small_effects_have_their_digits_and_exact_ones_no_interval(toy: Space) -> None:
    table = exact_table(toy, [additive_predictor(toy)], taus=())
    table["effect"] /= 1e4
    table[["ci_low", "ci_high"]] = table[["effect", "effect"]].to_numpy()
    told = [row["latency_ms:toy [ms]"] for row in block_summary(Profile(table))]
    assert told == ["-0.0000892", "-0.0000067", "+0.0000958"]
    rounding = table["effect"] / 1e12
    sums = Profile(table.assign(effect=rounding, ci_low=rounding, ci_high=rounding))
    assert [row["latency_ms:toy [ms]"] for row in block_summary(sums)] == ["-0.000", "-0.000", "+0.000"]
    table["ci_high"] += 2e-6
    assert block_summary(Profile(table))[0]["latency_ms:toy [ms]"].endswith("-0.0000892 ±0.0000010")


def test_steps_of_a_product_are_told_in_words() -> None:
    space = load_space("mnasnet_accel")
    table = exact_table(space, [additive_predictor(space)], taus=())
    assert [row["step"] for row in factor_summary(Profile(table))][:4] == [
        "expansion 1 → 4", "expansion 4 → 6", "kernel 3 → 5", "se no → yes",
    ]  # fmt: skip
    (sentence,) = pair_words(Profile(table))
    assert sentence.startswith("latency_ms:toy: 5 of 5 pairs of steps interact: most expansion ")


def test_a_space_without_steps_has_no_summary_of_them(toy: Space) -> None:
    table = exact_table(toy, [additive_predictor(toy)], taus=())
    assert pair_words(Profile(table[table["statistic"] != "M_pair"])) == []
    assert factor_summary(Profile(table[table["statistic"] != "M_factor"])) == []


def test_a_metric_without_a_unit_has_no_brackets(toy: Space) -> None:
    table = exact_table(toy, [additive_predictor(toy)], taus=()).assign(unit_of="", metric="acc")
    assert list(block_summary(Profile(table))[0]) == ["block", "acc"]
    assert list(factor_summary(Profile(table))[0]) == ["step", "acc"]
    (sentence,) = strongest_layers(Profile(table))
    assert " )" not in sentence
