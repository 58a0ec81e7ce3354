"""Spaces, profiles, searches and comparisons show themselves, and their pictures are written in three formats."""

from __future__ import annotations

import struct
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from blockprofile.compare import Trials, compare
from blockprofile.errors import OptionError
from blockprofile.plot import show_profile, show_search, show_space
from blockprofile.plot.fronts import COLOURS
from blockprofile.plot.style import figure_style
from blockprofile.profile import Profile, profile_pool
from blockprofile.run import Execution, PoolRequest
from blockprofile.search import search
from blockprofile.space import Space

GOALS = ["params_m:max", "macs_m:min"]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    request = PoolRequest(space="moga", n=2000, metrics=("macs_m", "params_m"))
    return profile_pool(request, out=tmp_path_factory.mktemp("profile"), execution=Execution(workers=1))


def width_of(png: bytes) -> int:
    return int(struct.unpack(">I", png[16:20])[0])


def test_a_profile_shows_a_table_and_a_picture(profile: Profile) -> None:
    page = profile._repr_html_()
    assert page.count("<table>") == page.count("<img ") == 1
    assert plt.get_fignums() == []


def test_a_heatmap_in_one_call(profile: Profile, tmp_path: Path) -> None:
    picture = profile.heatmap("params_m")
    (title,) = [ax.get_title() for ax in picture.figure.axes if ax.get_title()]
    assert title.startswith("parameters")
    assert profile.heatmap().figure.axes[0].get_title().startswith("multiply-adds")
    before, size = picture._repr_png_(), picture.figure.get_size_inches().tolist()
    one = picture.save(tmp_path / "deep" / "a.png", columns=1).read_bytes()
    assert picture.figure.get_size_inches().tolist() == size
    assert width_of(one) == pytest.approx(width_of(before), abs=2), "as sharp as the whole, on 3.5 inches"
    assert picture.save(tmp_path / "a.pdf", columns=2).read_bytes().startswith(b"%PDF")
    svg = picture.save(tmp_path / "a.svg", columns=2).read_text(encoding="utf-8")
    assert f'width="{7.2 * 72:g}pt"' in svg


@pytest.mark.parametrize(
    ("name", "columns", "match"),
    [("a.jpg", None, "choices: png, svg, pdf"), ("a.png", 3, "columns is 3; choices: 1, 2")],
)
def test_what_cannot_be_written_is_refused(
    name: str, columns: int | None, match: str, profile: Profile, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=match):
        profile.heatmap().save(tmp_path / name, columns=columns)


def test_words_that_would_be_too_small_are_refused(profile: Profile, tmp_path: Path) -> None:
    picture = profile.heatmap(kind="blocks")
    words = [(text.get_text(), text.get_fontsize()) for text in picture.figure.axes[0].texts]
    with pytest.raises(OptionError, match=r"points high, less than 3\.5; draw one metric alone"):
        picture.save(tmp_path / "a.png", columns=1)
    assert [(text.get_text(), text.get_fontsize()) for text in picture.figure.axes[0].texts] == words


def test_a_kind_that_is_not_there_is_refused(profile: Profile) -> None:
    with pytest.raises(OptionError, match="kind 'maps' is unknown"):
        show_profile(profile, kind="maps")
    with pytest.raises(OptionError, match="nothing of kind 'depths'"):
        show_profile(profile, kind="depths")
    with pytest.raises(OptionError, match="'energy_mj' is not in the profile"):
        profile.heatmap("energy_mj")


def test_a_space_shows_what_a_pruning_left(toy: Space) -> None:
    pruned = toy.restricted([codes[:-1] or codes for codes in toy.allowed], name="pruned")
    for space in (toy, pruned):
        (mesh,) = show_space(space).axes[0].collections
        kept = sum(
            len(space.allowed[slot.index]) for slot in space.layer_slots if slot.layer <= space.max_depth(slot.unit)
        )
        assert mesh.get_array().filled(0).sum() == kept  # type: ignore[union-attr]
        assert "<img " in space._repr_html_()


def test_a_search_shows_its_front(toy: Space) -> None:
    result = search(toy, GOALS, budget=60, seed=0)
    evaluated, front = show_search(result).axes[0].lines
    assert len(evaluated.get_xdata()) == len(result.archive)
    assert len(front.get_xdata()) == len(result.front)
    page = result._repr_html_()
    assert page.count("<tr>") == 1 + min(10, len(result.front))
    assert "<img " in page
    assert repr(result).startswith("Search of toy by nsga2: 60 evaluations, a front of ")
    assert front.get_color() == COLOURS[0]
    pruned = toy.restricted([codes[:-1] or codes for codes in toy.allowed], name="pruned")
    single = search(pruned, ["macs_m"], budget=30, seed=0, algorithm="random")
    best = show_search(single).axes[0].lines[1]
    assert (best.get_ydata()[1:] <= best.get_ydata()[:-1]).all()
    assert best.get_color() == COLOURS[1], "as a pruned space has it in a comparison"
    archive = single.archive
    archive._violations[: len(archive)] = archive.metrics["macs_m"] < np.median(archive.metrics["macs_m"])
    best = show_search(single).axes[0].lines[1]
    kept = archive.metrics["macs_m"][archive.violations <= 0]
    assert np.nanmin(best.get_ydata()) == kept.min(), "what breaks a limit is no best"


def test_a_comparison_shows_its_verdicts_and_fronts(toy: Space) -> None:
    pruned = toy.restricted([codes[:-1] or codes for codes in toy.allowed], name="pruned")
    found = compare(toy, [pruned], aims=GOALS, trials=Trials(budget=40, seeds=2), workers=1)
    page = found._repr_html_()
    assert page.count("<table>") == page.count("<img ") == 1
    assert "original" in page


def test_the_backend_of_a_notebook_is_left_as_it_was() -> None:
    before = mpl.get_backend()
    mpl.use("svg")
    with figure_style():
        assert mpl.get_backend() == "agg"
    assert mpl.get_backend() == "svg"
    mpl.use(before)
