"""The noun `Profile`: its rows by what they are, a copy of its table, and how it shows itself."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from blockprofile.errors import DataError, OptionError
from blockprofile.profile import Profile, profile_run
from blockprofile.run import PoolRequest, sample


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    folder = tmp_path_factory.mktemp("record") / "run"
    sample(PoolRequest("moga", n=3_000, metrics=["macs_m", "params_m"]), out=folder)
    return profile_run(folder)


def test_what_was_made_is_what_is_read(profile: Profile) -> None:
    again = Profile.read(profile.path)
    pd.testing.assert_frame_equal(again.table, profile.table, check_like=True)
    assert again.metrics == ["macs_m", "params_m"]
    assert again.n == 3_000
    assert again.space.name == "moga"
    assert again.config["n"] == 3_000


def test_rows_by_what_they_are(profile: Profile) -> None:
    blocks, space = profile.blocks("macs_m"), profile.space
    assert set(blocks["block"]) == {name for slot in space.layer_slots for name in slot.choices}
    assert set(blocks["statistic"]) == {"M_b"}
    assert set(zip(profile.layers("macs_m")["u"], profile.layers("macs_m")["layer"], strict=True)) == {
        (slot.unit, slot.layer) for slot in space.layer_slots
    }
    high = profile.layers("params_m", tau=0.95)
    assert set(high["tau"]) == {0.95}
    assert len(high) == len(profile.layers("params_m"))
    assert set(profile.factors("macs_m")["statistic"]) == {"M_factor"}
    assert set(profile.pairs("macs_m")["statistic"]) == {"M_pair"}
    assert profile.depths("macs_m").empty  # moga has no depths to choose


def test_what_is_not_there_is_told(profile: Profile) -> None:
    with pytest.raises(OptionError, match="metric 'mac_m' is not in the profile; did you mean 'macs_m'"):
        profile.blocks("mac_m")
    with pytest.raises(OptionError, match="metric 'mac_m' is not in the profile; did you mean 'macs_m'"):
        profile.unit("mac_m")
    with pytest.raises(OptionError, match=r"tau 0\.9 is not in the profile; it has 0\.01, 0\.05, 0\.5, 0\.95, 0\.99"):
        profile.layers("macs_m", tau=0.9)


def test_rows_of_a_metric_that_nothing_is_said_of_are_refused(profile: Profile, tmp_path: Path) -> None:
    odd = profile.to_frame()
    odd.loc[odd.index[-1], "metric"] = "../x"
    Profile(odd, profile.about, tmp_path / "profile.parquet").write()
    with pytest.raises(DataError, match=r"has rows of '\.\./x', which nothing is said of"):
        Profile.read(tmp_path / "profile.parquet")


def test_a_frame_is_a_copy(profile: Profile) -> None:
    frame = profile.to_frame()
    frame["value"] = 0.0
    assert profile.table["value"].abs().sum() > 0


def test_it_shows_itself(profile: Profile) -> None:
    assert repr(profile).startswith("Profile of moga: 3,000 archs, macs_m, params_m; ")
    page = profile._repr_html_()
    assert page.count("<tr>") == 1 + len(profile.blocks("macs_m"))
    assert "<th>macs_m [M]</th>" in page


def test_a_profile_of_one_file(profile: Profile, tmp_path: Path) -> None:
    copy = tmp_path / "of_mine.parquet"
    copy.write_bytes(profile.path.read_bytes())
    assert Profile.read(copy).n == 3_000
