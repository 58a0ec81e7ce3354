"""The report of a run of `sample` and `profile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.command import command_line
from blockprofile.errors import DataError, OptionError, UserError, one_of
from blockprofile.plot import (
    Published,
    block_grid_data,
    largest_effect,
    layer_map_data,
    mark_networks,
    metric_label,
    metric_title,
)
from blockprofile.predict import Evaluator
from blockprofile.profile import Profile, archs_words, holding_words
from blockprofile.report.document import Document, Drawing, Part, Section, Table, Text, number, p_value, table_of
from blockprofile.report.factors import factor_sections
from blockprofile.report.maps import block_table, map_table
from blockprofile.report.marks import Chart, Points
from blockprofile.report.pairs import pair_sections
from blockprofile.report.profile_answer import answer_profile, find_goals
from blockprofile.report.provenance import provenance_section, repeat_section
from blockprofile.report.search_charts import network_points
from blockprofile.run import RunFolder, kept_predictors, read_shard, run_digest, shard_paths

if TYPE_CHECKING:
    from blockprofile.space import Space

N_SHOWN = 800


def profile_document(folder: Path, *, metrics: Sequence[str] | None = None) -> Document:
    """Make the report of a profiled run, of all its metrics or of some.

    Raises
    ------
    OptionError
        If the profile lacks one of the metrics.
    RunError, DataError
        If the folder has no profile, its space has changed, or a file is damaged.
    """
    profile = Profile.read(folder)
    config, space, n = profile.config, profile.space, profile.n
    metrics = _chosen(profile.metrics, metrics)
    shown = profile.only(metrics)
    titles = ", ".join(metric_title(metric) for metric in metrics)
    title = space.definition.title if not space.is_pruned else space.name
    asked = (
        f"Asked: which blocks of {space.name} are worth their cost, and where? From {archs_words(config, n)}, presence "
        f"'{profile.about['presence']}'; metrics: {titles}. {holding_words(config['predictors'], metrics)}"
    ).strip()
    command = command_line("report", [folder], metric=metrics[0])
    elsewhere = f"It stands in {folder / 'profile.parquet'}; a page of fewer metrics has room for it: {command}"
    manifest = RunFolder.read(folder).manifest
    sections = [
        Section("blocks", "Blocks", _block_parts(shown, space, metrics, folder=folder, run=run_digest(config))),
        Section("layers", "Blocks at their places", _layer_parts(shown, metrics), elsewhere),
        *factor_sections(shown, metrics, elsewhere),
        *pair_sections(profile, folder, metrics, elsewhere),
        *_depth_sections(shown),
        *_quantile_sections(shown, metrics, elsewhere),
        Section("table", "All responses", (_responses(shown),), elsewhere),
        provenance_section(config["predictors"]),
        repeat_section(
            _commands(folder, profile, kind=manifest.kind), config, made_by=manifest.version,
            typed=manifest.command,
        ),
    ]  # fmt: skip
    return Document(f"{title}: what the blocks are worth", asked, answer_profile(shown), tuple(sections))


def _chosen(known: list[str], asked: Sequence[str] | None) -> list[str]:
    for metric in asked or ():
        if metric not in known:
            raise OptionError(f"metric {metric!r} is not in the profile; {one_of(metric, known)}")
    return [metric for metric in known if not asked or metric in asked]


def _commands(folder: Path, profile: Profile, *, kind: str) -> list[str]:
    config, about = profile.config, profile.about
    space = config["space"]
    pool = {
        "space": space["source"], "device": config["devices"], "metric": config["metrics"], "n": config["n"],
        "seed": config["seed"], "law": config["law"], "resolution": space["resolution"], "limit": config["limit"],
        "out": folder,
    }  # fmt: skip
    how = {"presence": about["presence"], "tau": list(about["taus"])}
    drawn = [command_line("sample", **pool), command_line("profile", [folder], **how)]
    return [
        *(drawn if kind == "samples" else [command_line("profile", **pool, **how)]),
        command_line("heatmap", [folder]),
        command_line("report", [folder]),
    ]


def _block_parts(profile: Profile, space: Space, metrics: list[str], *, folder: Path, run: str) -> tuple[Part, ...]:
    goals = find_goals(metrics)
    parts: list[Part] = []
    if goals.gain and goals.cost:
        parts.append(_trade(profile, goals.gain, goals.cost))
    parts += [
        block_table(block_grid_data(profile, space, metric), title=metric_label(metric, profile.unit(metric)))
        for metric in metrics
    ]
    shards = shard_paths(folder)
    if goals.gain and goals.cost and shards:
        parts.append(_cloud(profile, space, goals.gain, goals.cost, shard=shards[0], run=run))
    return tuple(parts)


def _trade(profile: Profile, gain: str, cost: str) -> Drawing:
    """Draw what each block brings against what it costs."""
    up, right = _block_effects(profile, gain), _block_effects(profile, cost)
    units = profile.unit(gain), profile.unit(cost)
    tips = tuple(f"{b}: {up[b][0]:+.3f} {units[0]}, {right[b][0]:+.3f} {units[1]}" for b in up)
    x, y = np.array([right[block] for block in up]), np.array([up[block] for block in up])
    points = Points(
        "a block, with 95 % intervals", x[:, 0], y[:, 0], tips, tuple(up), x_error=x[:, 1], y_error=y[:, 1], size=5.0
    )
    chart = Chart(
        "What a block brings against what it costs",
        f"effect on {metric_label(cost, profile.unit(cost))}",
        f"effect on {metric_label(gain, profile.unit(gain))}",
        (points,),
    )
    caption = (
        "Average effect of each block against the average block at the same layers, with 95 % intervals (often smaller "
        f"than the mark). Up and left is better. {_provenances(profile, [gain, cost])}"
    )
    return Drawing(chart, caption)


def _block_effects(profile: Profile, metric: str) -> dict[str, tuple[float, float]]:
    """Return block -> effect and half-width of its 95 % interval."""
    rows = profile.rows("M_b", metric).to_dict("records")
    return {row["block"]: (row["effect"], (row["ci_high"] - row["ci_low"]) / 2) for row in rows}


def _provenances(profile: Profile, metrics: list[str]) -> str:
    words = [f"{metric_title(m)}: {profile.provenance(m)}" for m in metrics]
    return f"Provenance: {'; '.join(words)}."


def _cloud(profile: Profile, space: Space, gain: str, cost: str, *, shard: Path, run: str) -> Drawing:
    _, values = read_shard(shard, space, (gain, cost), run=run)
    x, y = values[cost][:N_SHOWN].astype(np.float64), values[gain][:N_SHOWN].astype(np.float64)
    networks, told = _networks(profile, space, gain, cost)
    chart = Chart(
        "Random archs of the space", metric_label(cost, profile.unit(cost)), metric_label(gain, profile.unit(gain)),
        (Points("", x, y, size=2.2, opacity=0.55), *networks),
    )  # fmt: skip
    return Drawing(chart, f"The first {len(x)} archs of the pool. {_provenances(profile, [gain, cost])}{told}")


def _networks(profile: Profile, space: Space, gain: str, cost: str) -> tuple[list[Points], str]:
    """Mark the networks that the space names, and say what the marks are, or why there are none."""
    try:
        found = mark_networks(space, Evaluator(space, kept_predictors(profile.config, space)))
    except (UserError, DataError) as failure:
        return [], f" Networks of the space are left out: {failure}."
    costs = found.get(cost, {})
    told = " Rings: networks of the space, as predicted." if costs else ""
    return network_points([Published(name, found[gain][name], value) for name, value in costs.items()]), told


def _layer_parts(profile: Profile, metrics: list[str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for metric in metrics:
        rows = profile.rows("M_ulb", metric)
        more = {
            (
                row["block"],
                int(row["u"]),
                int(row["layer"]),
            ): f" (95 % interval {row['ci_low']:+.3g} to {row['ci_high']:+.3g}, n = {int(row['n']):,})"
            for row in rows.to_dict("records")
        }
        parts.append(
            map_table(layer_map_data(profile, metric), title=metric_label(metric, profile.unit(metric)), n_of=more)
        )
    return tuple(parts)


def _depth_sections(profile: Profile) -> list[Section]:
    rows = profile.rows("M_d")
    if rows.empty:
        return []
    records: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        place = int(row["u"]), int(row["depth"])
        record = records.setdefault(place, {"unit": place[0], "depth": place[1]})
        cell, half = number(row["effect"], 3, sign=True), number((row["ci_high"] - row["ci_low"]) / 2, 3)
        told = f"{cell.text} ± {half.text}" if half.text and half.sort else cell.text
        record[metric_label(row["metric"], row["unit_of"])] = replace(cell, text=told, is_faint=not row["is_effect"])
    caption = (
        "Difference from the space's mean when the unit has that depth, with its 95 % interval; faint: below noise or "
        "the predictor's own error."
    )
    return [
        Section("depths", "Depths", (table_of("Effect of a unit's depth", list(records.values()), caption=caption),))
    ]


def _quantile_sections(profile: Profile, metrics: list[str], elsewhere: str) -> list[Section]:
    taus = profile.taus
    if not taus:
        return []
    ends = dict.fromkeys((taus[0], taus[-1]))
    parts: list[Part] = [
        Text(
            "How a block moves the best and the worst archs of the space: its effect on a low and a high quantile of "
            "each metric, which is the smallest value that this share of the archs does not exceed (numpy's "
            "inverted_cdf, weighted; from histograms with a stated error for pools beyond memory)."
        )
    ]
    for metric in metrics:
        maps = {tau: layer_map_data(profile, metric, statistic="M_tau", tau=tau) for tau in ends}
        limit, label = largest_effect(maps.values()), metric_label(metric, profile.unit(metric))
        parts += [map_table(data, title=f"{label}, {tau:.0%} quantile", limit=limit) for tau, data in maps.items()]
    return [Section("quantiles", "Extremes", tuple(parts), elsewhere)]


def _responses(profile: Profile) -> Table:
    rows = profile.table[profile.table["statistic"].isin(["M_b", "M_ulb", "M_d", "M_factor", "M_pair"])]
    records = [
        {
            "statistic": row["statistic"], "metric": row["metric"], "unit": row["u"] or "", "layer": row["layer"] or "",
            "depth": row["depth"] or "", "block": row["block"], "value": number(row["value"]),
            "effect": number(row["effect"], 4, sign=True), "from": number(row["ci_low"], 4, sign=True),
            "to": number(row["ci_high"], 4, sign=True), "adjusted p": p_value(row["p_adjusted"]), "n": row["n"],
            "real": "yes" if row["is_effect"] else "no",
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip
    caption = (
        "From, to: the effect's 95 % interval. Real: beyond noise (false discovery rate 5 %) and the predictor's error."
    )
    return table_of("Means", records, caption=caption, is_folded=True)
