"""`blockprofile compare`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.options import DEVICE, FIRST_LAW, RESOLUTION, space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell
from blockprofile.command import command_line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    space: str = space_option(text="The original: a shipped name or a YAML file."),
    insight: list[str] = typer.Option(
        [], "--insight", help="A pruned space of it: a file or shipped name; repeatable."
    ),
    algorithm: list[str] = typer.Option(
        ["nsga2"], "--algorithm", help="NAME or NAME:KEY=VALUE,...; repeatable. The first is the yardstick."
    ),
    device: list[str] = DEVICE,
    objective: list[str] = typer.Option(
        [],
        "--objective",
        help="METRIC:max|min[:WEIGHT]; repeatable. Default: top1_percent and every device's latency or energy.",
    ),
    limit: list[str] = typer.Option([], "--limit", help="METRIC<=VALUE or METRIC>=VALUE; repeatable."),
    metric: list[str] = typer.Option([], "--metric", help="A further metric to record; repeatable."),
    budget: str | None = typer.Option(
        None, "--budget", help="Evaluations of each search. Default 2100; one goal: 220."
    ),
    seeds: int = typer.Option(5, "--seeds", help="Searches of each case."),
    seed: int = typer.Option(0, "--seed", help="The first search's seed."),
    at: list[float] | None = typer.Option(
        None, "--at", help="Compare the best accuracy at this latency (or other cost); repeatable."
    ),
    resolution: int | None = RESOLUTION,
    law: str = FIRST_LAW,
    workers: str = typer.Option(
        "auto", "--workers", help="Processes, one core each; auto is every core that may be used."
    ),
    out: Path = typer.Option(..., "--out", help="The folder that keeps all searches."),
    json: bool = JSON_OPTION,
) -> None:
    """Search original and pruned spaces with the same seeds and budgets, and tell whether they differ.

    The same command on the same folder goes on where it was interrupted.

    Examples
    --------
    blockprofile compare --space moga --insight smaller.yaml --device mace_gpu --out runs/compare
    """
    from blockprofile.compare import Trials, comparison_frame, comparison_rows
    from blockprofile.compare import compare as run
    from blockprofile.predict import caption_of
    from blockprofile.search import Aims

    found = run(
        space, insight, algorithms=algorithm,
        aims=Aims(objective, limits=limit, devices=device, metrics=metric, law=law),
        trials=Trials(budget=budget, seeds=seeds, seed=seed, at=at or None), resolution=resolution, workers=workers,
        out=out,
    )  # fmt: skip
    reference = dict(zip(found.problem.names, found.reference.tolist(), strict=True))
    provenance = {each.metric: caption_of(each, found.problem.space) for each in found.problem.predictors}
    if json:
        frame = comparison_frame(found)
        frame["values"] = [list(map(float, values)) for values in frame["values"]]
        rows = frame.to_dict("records")
        print_json({
            "seeds": found.seeds, "budget": found.budget, "reference": reference, "rows": rows,
            "provenance": provenance, "folder": out,
        })  # fmt: skip
        return
    print_table(comparison_rows(found), wrap=["indicator"])
    for case, speed in found.sooner.items():
        tell(f"{case}: {speed.words} (the original's final hypervolume)")
    words = ", ".join(f"{name} {value:.6g}" for name, value in reference.items())
    note(f"{len(found.seeds)} seeds of {found.budget:,} evaluations each; hypervolume from reference point {words}")
    note("difference: with its 95 % interval; p: paired t-test, adjusted by Holm; effect size: Hedges' g")
    note(
        "better, worse: p is below 0.05 and the difference exceeds the floor, the predictors' own error in "
        "that figure; where the floor is unknown (not audited), p alone decides"
    )
    for name, caption in provenance.items():
        note(f"{name}: {caption}")
    note(f"kept in {out}; next: {command_line('report', [out])}")
