"""`blockprofile profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blockprofile.cli.options import (
    ACCELERATOR,
    BACKEND,
    DEVICE,
    LAW,
    PRESENCE,
    RESOLUTION,
    SCHEDULER,
    SEED,
    WORKERS,
    columns_of,
    space_option,
)
from blockprofile.cli.output import JSON_OPTION, note, print_factors, print_json, print_table, tell, warn
from blockprofile.cli.strict import refuse_idle
from blockprofile.command import command_line

if TYPE_CHECKING:
    from blockprofile.profile import Profile
    from blockprofile.run import PoolRequest


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("profile")(profile)


def profile(
    context: typer.Context,
    run: Path | None = typer.Argument(
        None, help="A run folder of `blockprofile sample`, or a table of labelled archs."
    ),
    space: str | None = space_option(None, "Draw archs of this space, or its labelled archs."),
    device: list[str] = DEVICE,
    metric: list[str] | None = typer.Option(
        None, "--metric", help="A metric instead of the default ones; of labels, NAME[=COLUMN]. Repeatable."
    ),
    n: str = typer.Option("1e6", "--n", help="How many archs, with --space."),
    seed: int = SEED,
    law: str = LAW,
    resolution: int | None = RESOLUTION,
    out: Path | None = typer.Option(None, "--out", help="The folder for the profile, with --space."),
    presence: str = PRESENCE,
    tau: list[float] = typer.Option([0.01, 0.05, 0.5, 0.95, 0.99], "--tau", help="Quantiles; repeatable."),
    until: list[str] = typer.Option(
        [],
        "--until",
        help="With --space, stop when every 95 % interval is +-WIDTH: ci=WIDTH or METRIC=WIDTH; repeatable.",
    ),
    plain: bool = typer.Option(
        False, "--plain", help="Average a table's labels as they are, without an additive part fitted to others."
    ),
    workers: str = WORKERS,
    backend: str = BACKEND,
    scheduler: str | None = SCHEDULER,
    accelerator: str = ACCELERATOR,
    json: bool = JSON_OPTION,
) -> None:
    """Compute block, layer, depth and quantile responses with their intervals.

    Give a run folder, or --space and --out to draw archs on the way without keeping them. With --until the additive
    part of each metric is taken exactly and archs are drawn, --n at most, until the intervals are narrow enough.

    Or give labelled archs (CSV, Parquet, JSON lines) with --space, --metric NAME[=COLUMN] and --out: the labels
    themselves are profiled, weighted to the law whatever drew them. A --device, and a --metric that is no column of the
    table, such as macs_m, are exact beside them.

    Examples
    --------
    blockprofile profile runs/moga
    blockprofile profile labels.csv --space moga --metric top1_percent --out mine
    """
    from blockprofile.errors import OptionError
    from blockprofile.profile import profile_pool, profile_run
    from blockprofile.run import Execution, PoolRequest
    from blockprofile.space import check_law

    if run is None or not run.is_file():
        refuse_idle(context, ("plain",), "only a table of labels is averaged by way of an additive part")
    else:
        _show(_labels(context, run, space, metric or [], out=out, plain=plain), json=json)
        return
    if (run is None) == (space is None):
        raise OptionError("give either a run folder or --space (with --device and --out), not both and not neither")
    execution = Execution(workers=workers, backend=backend, scheduler=scheduler, accelerator=accelerator)
    if run is not None:
        if until:
            raise OptionError("--until draws as many archs as it takes: give --space and --out, not a run folder")
        drawing = ("device", "metric", "n", "seed", "law", "resolution", "out", "accelerator")
        refuse_idle(context, drawing, f"the archs of the run folder {str(run)!r} are drawn and evaluated already")
        result = profile_run(run, presence=presence, taus=tau, execution=execution)
    else:
        if out is None:
            raise OptionError("--space needs --out, the folder that the profile is written to")
        assert space is not None
        request = PoolRequest(
            space, n=n, devices=device, metrics=metric, seed=seed, law=check_law(law), resolution=resolution
        )
        if until:
            refuse_idle(
                context,
                ("workers", "backend", "scheduler", "accelerator"),
                "--until draws round by round in this process",
            )
            result = _until(request, until, out=out, how=(presence, tau))
            _show(result, json=json)
            return
        result = profile_pool(request, out=out, presence=presence, taus=tau, execution=execution)
    _show(result, json=json)


def _labels(
    context: typer.Context, table: Path, space: str | None, metrics: list[str], *, out: Path | None, plain: bool
) -> Profile:
    from blockprofile.additive import check_presence
    from blockprofile.errors import OptionError
    from blockprofile.predict import ARCHS_NAME
    from blockprofile.profile import Settings, check_taus, profile_labels
    from blockprofile.space import check_law

    if space is None or (not metrics and table.name != ARCHS_NAME) or out is None:
        raise OptionError(
            f"{str(table)!r} is a table of labels: it needs --space, at least one --metric NAME[=COLUMN], and --out"
        )
    drawing = ("n", "seed", "until", "workers", "backend", "scheduler", "accelerator")
    refuse_idle(context, drawing, f"the labels of {str(table)!r} are profiled as they are, and nothing is drawn")
    named = columns_of(metrics)
    given = context.params
    settings = Settings(
        presence=check_presence(given["presence"]), law=check_law(given["law"]), taus=check_taus(given["tau"])
    )
    return profile_labels(
        table, space, named, out=out, devices=given["device"], settings=settings, resolution=given["resolution"],
        plain=plain,
    )  # fmt: skip


def _until(request: PoolRequest, until: list[str], *, out: Path, how: tuple[str, list[float]]) -> Profile:
    from blockprofile.numbers import parse_count
    from blockprofile.profile import profile_until

    found = profile_until(request, until, out=out, presence=how[0], taus=how[1])
    for metric, width in found.widest.items():
        times = found.factors[metric]
        saved = "exact" if times == float("inf") else f"{times:,.0f} times fewer archs than without its additive part"
        note(f"{metric}: every interval within ±{width:.2g}; {saved}")
    if not found.is_reached:
        note(f"not all as narrow as asked: --n allows {parse_count(request.n):,} archs")
    return found.profile


def _show(result: Profile, *, json: bool) -> None:
    from blockprofile.profile import (
        archs_words,
        block_summary,
        explained_of,
        explained_words,
        holding_words,
        metric_infos,
        strongest_layers,
        unbounded_words,
    )

    predictors, infos = result.config["predictors"], metric_infos(result.config)
    means = result.rows("mean")
    if json:
        floors = {name: info.floor for name, info in infos.items()}
        print_json(
            {
                "path": result.path, "n": result.n, "seconds": result.seconds, "rows": len(result.table),
                "floors": floors, "provenance": {name: each["caption"] for name, each in predictors.items()},
                "holds_for": {row.metric: row.holds_for for row in means.itertuples()},
                "labels": {name: each["labels"] for name, each in predictors.items() if each.get("labels")},
                "warnings": [each["doubt"] for each in predictors.values() if each.get("doubt")],
            }
        )  # fmt: skip
        return
    rows = [
        {"metric": row.metric, "mean": row.value, "se": row.se, "unit": row.unit_of,
         "provenance": predictors[row.metric]["caption"]}
        for row in means.itertuples()
    ]  # fmt: skip
    title = f"{result.config['space']['name']}, {archs_words(result.config, result.n)}"
    print_table(rows, title=title, wrap=["provenance"])
    tell("")
    title = (
        f"block responses M_b against the average block, presence {result.about['presence']}; (…) is below the floor"
    )
    print_table(block_summary(result), title=title)
    print_factors(result)
    tell("")
    for sentence in strongest_layers(result):
        tell(sentence)
    for about in predictors.values():
        if about.get("doubt"):
            warn(f"warning: {about['doubt']}")
    for name, info in infos.items():
        if info.floor is None:
            warn(f"{name}: floor unknown: not audited; its effects are beyond noise alone")
    for name, known in explained_of(result.about).items():
        note(explained_words(name, known))
    for sentence in [*filter(None, [holding_words(predictors, list(predictors))]), *unbounded_words(result)]:
        note(sentence)
    note(f"{result.path} ({len(result.table):,} rows) in {result.seconds:.1f} s")
    note(f"next: {command_line('heatmap', [result.path.parent])}")
