"""`blockprofile exact`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import DEVICE, LAW, METRIC, PRESENCE, RESOLUTION, SPACE
from blockprofile.cli.output import JSON_OPTION, note, print_factors, print_json, print_table, tell

if TYPE_CHECKING:
    from blockprofile.predict import AdditivePredictor, Entry
    from blockprofile.profile import Profile
    from blockprofile.space import Law, Space


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("exact")(exact)


def exact(
    space: str = SPACE,
    device: list[str] = DEVICE,
    metric: list[str] | None = METRIC,
    presence: str = PRESENCE,
    law: str = LAW,
    resolution: int | None = RESOLUTION,
    tau: list[float] = typer.Option([0.01, 0.05, 0.5, 0.95, 0.99], "--tau", help="Quantiles; repeatable."),
    limit: str | None = typer.Option(None, "--limit", help="Tell the share within it: 'latency_ms:note10<=30'."),
    out: Path | None = typer.Option(None, "--out", help="Write all responses to this Parquet file."),
    json: bool = JSON_OPTION,
) -> None:
    """Compute responses over all archs of a space, without sampling, for metrics that add up over operators.

    Means are exact; quantiles and shares carry the bound of their error.

    Examples
    --------
    blockprofile exact --space ofa_mbv3 --device note10 --limit "latency_ms:note10<=30"
    """
    from blockprofile.additive import check_presence
    from blockprofile.files import make_folder, replacing
    from blockprofile.predict import caption_of, load_predictors, select_entries
    from blockprofile.profile import Profile, additive_predictors, block_summary, check_taus, exact_table
    from blockprofile.space import check_law, load_space

    where, of_law = load_space(space, resolution=resolution), check_law(law)
    if out is not None:
        make_folder(out.parent)
    asked = load_predictors(where, devices=device, metrics=metric)
    predictors = additive_predictors(asked)
    profile = Profile(
        exact_table(where, predictors, presence=check_presence(presence), law=of_law, taus=check_taus(tau))
    )
    entries = select_entries(where, devices=device, metrics=metric)
    within = None if limit is None else _share(where, limit, of_law, entries)
    if out is not None:
        with replacing(out) as file:
            profile.table.to_parquet(file, index=False)
    if json:
        told = {each.metric: caption_of(each, where, law=of_law) for each in predictors}
        print_json({"space": where.name, "limit": within, "rows": profile.table.to_dict("records"), "provenance": told})
        return
    print_table(
        _summary(where, predictors, profile, of_law), title=f"{where.name}, all archs, law {law}", wrap=["provenance"]
    )
    tell("")
    print_table(
        block_summary(profile), title=f"M_b against the average block, presence {presence}; (…) is below the floor"
    )
    print_factors(profile)
    if within is not None:
        tell("")
        tell(within["text"])
    not_counted = [each.metric for each in predictors if each.card.provenance != "counted"]
    if not_counted:
        note(f"exact for the predictors of {', '.join(not_counted)}; what these are wrong by is not in the figures")
    left = [predictor.metric for predictor in asked if predictor not in predictors]
    if left:
        note(f"left out, as they do not add up over operators: {', '.join(left)}; see `blockprofile profile`")
    if out is not None:
        note(f"{out} ({len(profile.table):,} rows)")


def _summary(where: Space, predictors: Sequence[AdditivePredictor], profile: Profile, law: Law) -> list[dict[str, Any]]:
    from blockprofile.additive import feasible_range
    from blockprofile.predict import caption_of

    rows = []
    for predictor in predictors:
        smallest, largest = feasible_range(where, predictor.factors)
        quantiles = profile.rows("quantile", predictor.metric).to_dict("records")
        mean = float(profile.rows("mean", predictor.metric)["value"].iloc[0])
        row: dict[str, Any] = {"metric": predictor.metric, "mean": mean, "smallest": smallest}
        row |= {f"{100 * each['tau']:g} %": float(each["value"]) for each in quantiles}
        error = max((float(each["quantile_error"]) for each in quantiles), default=0.0)
        row |= {"largest": largest, "quantiles ±": error, "unit": predictor.unit}
        rows.append(row | {"provenance": caption_of(predictor, where, law=law)})
    return rows


def _share(where: Space, text: str, law: Law, entries: Sequence[Entry]) -> dict[str, Any]:
    from fractions import Fraction

    from blockprofile.numbers import FLOATS, write_count
    from blockprofile.run import limited_sampler, parse_limit
    from blockprofile.space import count_archs

    limit = parse_limit(text)
    share = limited_sampler(where, limit, law=law, entries=entries).share
    count = count_archs(where)
    alike = limited_sampler(where, limit, law="architectures", entries=entries).share
    low, high = (round(Fraction(end) * count) for end in (alike.low, alike.high))
    told = (
        f"{text}: {100 * share.low:.3g} to {100 * share.high:.3g} % of the archs that the law {law!r} draws; "
        f"{write_count(low)} to {write_count(high)} of the space's {write_count(count)} archs"
    )
    return {
        "limit": text,
        "share": [share.low, share.high],
        "archs": [end if count >= FLOATS else float(end) for end in (low, high)],
        "of": count,
        "text": told,
    }
