"""`blockprofile sensitivity`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import DEVICE, LAW, METRIC, RESOLUTION, SEED, SPACE
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell
from blockprofile.cli.strict import refuse_idle

if TYPE_CHECKING:
    from blockprofile.sensitivity import Sensitivity


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sensitivity")(sensitivity)


def sensitivity(
    context: typer.Context,
    space: str = SPACE,
    device: list[str] = DEVICE,
    metric: list[str] | None = METRIC,
    n: str = typer.Option("200k", "--n", help="How many archs, for metrics that do not add up over operators."),
    seed: int = SEED,
    law: str = LAW,
    resolution: int | None = RESOLUTION,
    json: bool = JSON_OPTION,
) -> None:
    """Say which units, depths and layers a metric's variance over the space comes from.

    Exact for metrics that add up over operators; sampled, with 95 % intervals, for others.

    Examples
    --------
    blockprofile sensitivity --space ofa_mbv3 --device note10
    """
    from blockprofile.numbers import parse_count
    from blockprofile.predict import AdditivePredictor, caption_of, load_predictors
    from blockprofile.sensitivity import describe_sensitivity, find_sensitivities
    from blockprofile.space import check_law, load_space

    where = load_space(space, resolution=resolution)
    predictors = load_predictors(where, devices=device, metrics=metric)
    if all(isinstance(predictor, AdditivePredictor) for predictor in predictors):
        refuse_idle(context, ("n", "seed"), "all metrics add up over operators and are exact, nothing is drawn")
    found = find_sensitivities(where, predictors, n=parse_count(n), seed=seed, law=check_law(law))
    sentences = {
        each.metric: describe_sensitivity(each, unit=p.unit) for each, p in zip(found, predictors, strict=True)
    }
    if json:
        rows = [asdict(row) for each in found for row in each.rows()]
        print_json({"space": where.name, "law": law, "rows": rows, "sentences": sentences})
        return
    title = f"share of the variance over {where.name}, in %; a layer's: its block, given the depth"
    print_table(_table(found), title=title)
    for predictor in predictors:
        tell("")
        tell(f"{' '.join(sentences[predictor.metric])} [{caption_of(predictor, where, law=check_law(law))}]")
    sampled = [each.metric for each in found if not each.is_exact]
    if sampled:
        others = "; the others are exact" if len(sampled) < len(found) else ""
        note(f"{', '.join(sampled)}: from {max(each.n for each in found):,} archs{others}")


def _table(found: tuple[Sensitivity, ...]) -> list[dict[str, Any]]:
    """One row for each unit and slot, one column for each metric, the interval's half-width where sampled.

    A metric without variance has nothing to share out.
    """
    columns = {each.metric: [row for row in each.rows() if row.kind != "pair"] for each in found}
    first = next(iter(columns.values()))
    rows = []
    for index, head in enumerate(first):
        name = "the rest" if head.kind == "rest" else head.name
        row: dict[str, Any] = {"of": head.kind, "name": name}
        for metric, lines in columns.items():
            share = lines[index].share
            value = f"{100 * share.value:.1f}".replace("-0.0", "0.0")
            told = value if lines[index].is_exact else f"{value} ± {50 * (share.high - share.low):.1f}"
            row[metric] = "" if math.isnan(share.value) else told
        rows.append(row)
    return rows
