"""A profile: the table of responses, and what it was made from. Whoever wants rows of it asks here.

The table's columns are told in `blockprofile.profile.responses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from blockprofile.command import command_line
from blockprofile.errors import DataError, OptionError, RunError, one_of
from blockprofile.html import html_table
from blockprofile.metric import match_metric
from blockprofile.picture import Picture, draw, html_picture
from blockprofile.run import MANIFEST_NAME, RunFolder, run_digest
from blockprofile.space import Space, kept_space
from blockprofile.tablefile import Column, read_signed, write_table

if TYPE_CHECKING:
    import pandas as pd

Statistic = Literal["mean", "quantile", "M_b", "M_ulb", "M_tau", "M_d", "M_factor", "M_pair"]
"""What a row is: of the whole space, of a block, of a block at its place (its mean, its quantile), of a depth, of a
step of a factor, of two."""

PROFILE_NAME = "profile.parquet"
_TEXT, _COUNT = Column("text"), Column("integer", low=0, high=2**53)
_MAYBE = Column("number", low=-np.inf, high=np.inf, is_nullable=True)
COLUMNS: Mapping[str, Column] = {
    **dict.fromkeys(("metric", "unit_of", "provenance", "presence", "statistic"), _TEXT),
    "tau": Column("number", low=0, high=1, is_nullable=True),
    "u": _COUNT, "layer": _COUNT, "block": _TEXT, "depth": _COUNT, "n": _COUNT, "value": _MAYBE,
    **dict.fromkeys(("effect", "se", "ci_low", "ci_high", "p_value", "p_adjusted", "floor"), _MAYBE),
    "is_effect": Column("flag"),
}  # fmt: skip
"""What a table of responses must have; it may have more."""
_SHOWN = 1e-9
"""Two tau that differ by less are one: tables keep them as float64."""


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """Responses of blocks, layers, depths and factors, with their intervals.

    Parameters
    ----------
    table
        One row per figure, as `blockprofile.profile.responses` says.
    about
        What it was made from: ``config`` of the run, ``presence``, ``taus``.
    path
        Its file, as it is or would be written.
    seconds
        What it took to make; 0 where it was read.

    Examples
    --------
    >>> profile = Profile.read("runs/moga")  # doctest: +SKIP
    >>> profile.layers("latency_ms:mace_gpu", tau=0.95)  # doctest: +SKIP
    """

    table: pd.DataFrame
    about: Mapping[str, Any] = field(default_factory=dict)
    path: Path = Path(PROFILE_NAME)
    seconds: float = 0.0

    @classmethod
    def read(cls, run: str | Path) -> Profile:
        """Read a profile.

        Parameters
        ----------
        run
            The file, or the folder that holds ``profile.parquet``.

        Raises
        ------
        RunError
            If there is none, or the folder's is of another run, or the run has grown since. A file that is named itself
            is taken as it is.
        DataError
            If the file is damaged or is no profile.
        """
        file = Path(run)
        if not file.exists():
            raise RunError(f"{str(file)!r} does not exist; give a folder that was profiled, or its {PROFILE_NAME}")
        if file.is_dir():
            file = file / PROFILE_NAME
        made_by = f"`{command_line('profile', [file.parent])}`"
        if not file.is_file():
            raise RunError(f"there is no profile at {str(file)!r}; make one with {made_by}")
        data, about = read_signed(file, COLUMNS, made_by=made_by, with_others=True)
        _check_about(about, file)
        unknown = sorted(set(data["metric"].to_pylist()) - about["config"]["predictors"].keys())
        if unknown:
            raise DataError(f"{file} has rows of {unknown[0]!r}, which nothing is said of; make it anew with {made_by}")
        is_beside = file.parent == Path(run) and (file.parent / MANIFEST_NAME).is_file()
        if is_beside:
            _check_run(RunFolder.read(file.parent), about["config"], file, made_by=made_by)
        return cls(data.to_pandas(), about, file)

    def write(self) -> None:
        """Write the table, with what it was made from in the file's own metadata, where ``path`` says."""
        import pyarrow as pa

        rows = pa.Table.from_pandas(self.table, preserve_index=False)
        write_table(self.path, rows, about=self.about, within=self.path.parent)

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the run that was profiled."""
        config: Mapping[str, Any] = self.about["config"]
        return config

    @property
    def space(self) -> Space:
        """The space, from what the profile itself keeps of it.

        Raises
        ------
        DataError
            If it is not as it was written.
        """
        return kept_space(self.config["space"], self.path)

    def rows(self, statistic: Statistic, metric: str | None = None) -> pd.DataFrame:
        """Choose the rows of a statistic, of one metric by its whole name or of all, in their order."""
        chosen = self.table["statistic"] == statistic
        return self.table[chosen if metric is None else chosen & (self.table["metric"] == metric)]

    def only(self, metrics: Sequence[str]) -> Profile:
        """Return the profile of some of its metrics."""
        return replace(self, table=self.table[self.table["metric"].isin(metrics)])

    @property
    def metrics(self) -> list[str]:
        """The metrics, in the table's order."""
        return list(dict.fromkeys(self.table["metric"]))

    @property
    def taus(self) -> list[float]:
        """The tau of the quantile responses, ascending."""
        return sorted({float(tau) for tau in self.rows("M_tau")["tau"].dropna()})

    @property
    def n(self) -> int:
        """How many archs it is of."""
        return int(self.rows("mean")["n"].iloc[0])

    def unit(self, metric: str) -> str:
        """Return a metric's unit; the metric by its name, or by its column if only one has that."""
        return str(self._of_metric("unit_of", metric))

    def provenance(self, metric: str) -> str:
        """Return where a metric's figures come from; the metric as for `unit`."""
        return str(self._of_metric("provenance", metric))

    def _of_metric(self, column: str, metric: str) -> object:
        return self.table.loc[self.table["metric"] == self._name(metric), column].iloc[0]

    def blocks(self, metric: str) -> pd.DataFrame:
        """Return the rows of M_b: a block on average over its places.

        A metric is its name, or its column where only one has that; so for all that follow.

        Raises
        ------
        OptionError
            If the profile does not have the metric.
        """
        return self._rows("M_b", metric)

    def layers(self, metric: str, *, tau: float | None = None) -> pd.DataFrame:
        """Return the rows of M_ulb, a block at its place, or of its quantile ``tau``.

        Raises
        ------
        OptionError
            If the profile does not have the metric, or the tau.
        """
        if tau is None:
            return self._rows("M_ulb", metric)
        if not np.isclose(self.taus, tau, atol=_SHOWN).any():
            raise OptionError(f"tau {tau} is not in the profile; it has {', '.join(map(str, self.taus)) or 'none'}")
        rows = self._rows("M_tau", metric)
        return rows[np.isclose(rows["tau"], tau, atol=_SHOWN)]

    def depths(self, metric: str) -> pd.DataFrame:
        """Return the rows of M_d: how many layers a unit has."""
        return self._rows("M_d", metric)

    def factors(self, metric: str) -> pd.DataFrame:
        """Return the rows of M_factor: a step of kernel, expansion, SE, width or depth."""
        return self._rows("M_factor", metric)

    def pairs(self, metric: str) -> pd.DataFrame:
        """Return the rows of M_pair: two steps together against both apart."""
        return self._rows("M_pair", metric)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the whole table."""
        return self.table.copy()

    def _name(self, metric: str) -> str:
        found = match_metric(metric, self.metrics)
        if found is None:
            raise OptionError(f"metric {metric!r} is not in the profile; {one_of(metric, self.metrics)}")
        return found

    def _rows(self, statistic: Statistic, metric: str) -> pd.DataFrame:
        return self.rows(statistic, self._name(metric)).reset_index(drop=True)

    def __repr__(self) -> str:
        name = self.config["space"]["name"] if "config" in self.about else "a space"
        return f"Profile of {name}: {self.n:,} archs, {', '.join(self.metrics)}; {len(self.table):,} figures"

    def _repr_html_(self) -> str:
        from blockprofile.profile.summary import block_summary

        return html_table(block_summary(self), title=repr(self)) + html_picture(self.heatmap(kind="blocks"))

    def heatmap(self, metric: str | None = None, *, kind: str = "layers") -> Picture:
        """Draw the profile; a notebook shows the picture, ``.save("layers.pdf", columns=2)`` writes it.

        Parameters
        ----------
        metric
            Left out, the first one, or all where a figure of that kind has all.
        kind
            One of `blockprofile.plot.KINDS`: layers, blocks, quantiles, depths, factors, distributions, sensitivities.

        Raises
        ------
        OptionError
            If there is no such kind or metric, or the profile has nothing of the kind.
        """
        return draw("show_profile", self, metric=metric and self._name(metric), kind=kind)


def _check_run(run: RunFolder, config: Mapping[str, Any], file: Path, *, made_by: str) -> None:
    """Refuse a profile that is not of the run in whose folder it lies, or of its first archs alone."""
    if run.digest != run_digest(config):
        raise RunError(f"{file} is the profile of another run; make it anew with {made_by}")
    if run.manifest.kind == "samples" and run.config["n"] != config["n"]:
        raise RunError(
            f"{file} is of {config['n']:,} archs, and the run has {run.config['n']:,} by now; make it anew with "
            f"{made_by}, or name the file itself to take it as it is"
        )


def _check_about(about: Mapping[str, Any], path: Path) -> None:
    config = about.get("config")
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("space"), dict)
        or not isinstance(config.get("predictors"), dict)
        or not {"presence", "taus"} <= about.keys()
        or not {"n", "seed", "law", "limit", "devices", "metrics"} <= config.keys()
    ):
        raise DataError(f"{path} is no profile: it does not say what it was made from")
