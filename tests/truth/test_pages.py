"""What the pages of judgements say: only what is beyond doubt, and whence."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.content import content_file
from blockprofile.errors import DataError, UnknownNameError
from blockprofile.predict import find_metric
from blockprofile.space import load_space
from blockprofile.truth.ofa import _follow_words, _networks
from blockprofile.truth.page import _search_words
from blockprofile.truth.part_page import devices_words
from blockprofile.truth.words import source_words, told_source

Row = dict[str, object]


def factors(second_on_b: float, se: float) -> dict[str, object]:
    """Two steps that bring alike: the first costs less on device a, the second what is said on device b."""

    def step(name: str, a: float, b: float) -> Row:
        row: Row = {"step": name}
        for half in ("fitted", "judged"):
            for metric, effect in (("top1_percent", 1.0), ("a", a), ("b", b)):
                row[f"{metric} {half}"] = {"effect": effect, "se": se}
        return row

    rows = [step("first", 1.0, 2.0), step("second", 2.0, second_on_b)]
    return {"factors": rows, "devices": {"a": {"a": 1.0, "b": 0.5}, "b": {"a": 0.5, "b": 1.0}}}


def test_devices_disagree_only_beyond_doubt() -> None:
    told = devices_words(factors(1.0, 0.05))
    assert told.endswith("a: first; b: second. By the other half a and b disagree beyond doubt.")
    assert devices_words(factors(1.0, 0.5)).endswith("By the other half a and b are undecided.")
    assert devices_words(factors(3.0, 0.05)).endswith("a: first; b: first. The devices agree on it.")


def test_a_search_is_better_only_beyond_doubt() -> None:
    def row(algorithm: str, where: str, lack: float) -> Row:
        return {"n": 50, "algorithm": algorithm, "where": where, "lack": lack, "lack_se": 0.01}

    rows = [row("x", "pruned", 0.5), row("x", "whole", 0.6), row("x", "whole, labels too", 0.51)]
    rows += [row("y", "pruned", 0.5), row("y", "whole", 0.4), row("y", "whole, labels too", 0.6)]
    told = _search_words(rows)
    assert "what the labels cost, the search in the pruned space lacks less: x (100); more: y (100)." in told
    assert "are there anyway, the search in the pruned space lacks less: y (100); undecided: x (100)." in told


def test_batches_follow_what_their_tau_says() -> None:
    rows = [
        {"device": f"{gpu}_batch{batch}", "tau with layers": layers, "tau with multiply-adds": 0.5}
        for gpu, batch, layers in (("g", 1, 0.6), ("g", 64, 0.2), ("h", 1, 0.7), ("h", 64, 0.9))
    ]
    assert _follow_words(rows).endswith("at a batch of 1 on 2 of 2 GPUs, at a batch of 64 on 1 of 2 GPUs.")


def test_the_source_is_the_cards() -> None:
    card, _ = find_metric("top1_percent:cifar10", load_space("nas_bench_macro"))
    told = source_words(told_source(card))
    assert told.startswith(f"The truth: {card.title} (Su et al.")
    assert told.endswith("Apache-2.0).")


def test_files_of_the_data_stay_in_their_folder_and_have_their_columns(tmp_path: Path) -> None:
    for name in ("../README.md", "published/none.csv", "published"):
        with pytest.raises(UnknownNameError, match="is no file within the folder"):
            content_file("data", name)
    (tmp_path / "networks.csv").write_text("device,top1_percent,resolution,d,ks\nphone,77,224,2,3\n")
    with pytest.raises(DataError, match=r"networks.csv has no column 'e'"):
        _networks(tmp_path / "networks.csv")
