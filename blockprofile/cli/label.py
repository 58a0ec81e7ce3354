"""`blockprofile label plan | read`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.options import RESOLUTION, SEED, SPACE
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, warn
from blockprofile.command import command_line, typed_command

group = typer.Typer(
    help="""Which archs to label next, and reading their labels back.

    Examples
    --------
    blockprofile label plan --space my_space.yaml --n 300 --out plan.jsonl
    blockprofile label read results.jsonl --space my_space.yaml --plan plan.jsonl
    """,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="label")


@group.command("plan")
def plan(
    space: str = SPACE,
    n: str = typer.Option("300", "--n", help="How many archs."),
    out: Path = typer.Option(..., "--out", help="The file to write: one arch on each line."),
    form: str = typer.Option("json", "--form", help="text, ofa (ks, e, d) or json: lines of {number, arch}."),
    known: Path | None = typer.Option(None, "--known", help="A table of archs that are labelled already."),
    seed: int = SEED,
    resolution: int | None = RESOLUTION,
    json: bool = JSON_OPTION,
) -> None:
    """Choose archs to label so that block effects come out as precisely as they can: every choice meets all others.

    The file is for whatever trains them; give what they reached to `blockprofile label read`. The first lines of a plan
    are a good plan as well.

    Examples
    --------
    blockprofile label plan --space my_space.yaml --n 300 --out plan.jsonl
    """
    from blockprofile.errors import check_choice
    from blockprofile.files import make_folder, replacing
    from blockprofile.label import discrepancy, plan_archs
    from blockprofile.numbers import parse_count
    from blockprofile.predict import read_labels
    from blockprofile.space import load_space

    check_choice("--form", form, FORMS)
    where = load_space(space, resolution=resolution)
    old = None if known is None else read_labels(known, where).within(where).archs
    archs = plan_archs(where, parse_count(n), seed=seed, known=old)
    lines = [f"# {len(archs)} archs of {where.name} to label, made by: {typed_command()}"] if form == "text" else []
    lines += [_line(where, arch, form, number) for number, arch in enumerate(archs, start=1)]
    make_folder(out.parent, what="--out")
    with replacing(out) as file:
        file.write(("\n".join(lines) + "\n").encode())
    apart = discrepancy(where, archs)
    if json:
        print_json({"path": out, "n": len(archs), "space": where.name, "form": form, "discrepancy": apart})
    note(f"{out}: {len(archs)} archs; next: train them, then {command_line('label read', ['RESULTS'], space=space)}")


FORMS = ("json", "text", "ofa")


def _line(space: object, arch: object, form: str, number: int) -> str:
    import json as plain

    from blockprofile.space import write_arch

    told = write_arch(space, arch, "ofa" if form == "ofa" else "text")  # type: ignore[arg-type]
    return str(told) if form == "text" else plain.dumps({"number": number, "arch": told})


@group.command("read")
def read(
    results: Path = typer.Argument(..., help="What was reached: CSV, Parquet, or JSON lines {arch, METRIC}."),
    space: str = SPACE,
    metric: str = typer.Option("top1_percent", "--metric", metavar="NAME[=COLUMN]", help="The metric, and its column."),
    plan: Path | None = typer.Option(None, "--plan", help="The plan, to tell what of it is missing."),
    out: Path | None = typer.Option(None, "--out", help="A CSV that labels of all rounds are collected in."),
    width: float | None = typer.Option(None, "--width", help="The half-width that is wanted of a block at its place."),
    resolution: int | None = RESOLUTION,
    json: bool = JSON_OPTION,
) -> None:
    """Read labels back: how wide the intervals of block effects are by now, and how many labels more it would take.

    Examples
    --------
    blockprofile label read results.jsonl --space my_space.yaml --plan plan.jsonl --out labels.csv
    """
    from dataclasses import asdict

    from blockprofile.label import append_labels, read_plan, read_results, read_round
    from blockprofile.predict import doubt_labels
    from blockprofile.space import load_space

    where = load_space(space, resolution=resolution)
    name, _, column = metric.partition("=")
    column = column or name
    archs, values, left_out = read_results(results, where, column)
    if left_out:
        note(f"{left_out} of {left_out + len(values)} rows of {results} are of archs or a resolution that {where.name} "
             "has not, and are left out")  # fmt: skip
    planned = None if plan is None else read_plan(plan, where)
    if out is not None:
        if again := append_labels(out, where, column, archs, values):
            note(f"{again} of {len(values)} labels stand in {out} already and were not added again")
        archs, values, _ = read_results(out, where, column)
    if doubt := doubt_labels(name, values, where, archs):
        warn(f"warning: {doubt}")
    found = read_round(where, archs, values, metric=name, plan=planned, width=width)
    if json:
        print_json(asdict(found))
        return
    rows = [{"effect": what, "median": _width(mid), "widest": _width(most)}
            for what, (most, mid) in found.widths.items()]  # fmt: skip
    print_table(rows, title=f"{name}: 95 % intervals from {found.n} labelled archs of {where.name}")
    if found.missing:
        note(f"{found.missing} archs of the plan are not labelled yet")
    if found.needed is not None:
        more = found.needed - found.n
        told = "no more labels are needed" if not more else f"up to {more:,} labels more, {found.needed:,} in all"
        note(f"for ±{width:g} on a block at its place (median): {told}")
        if more and out is not None:
            plan_more = command_line("label plan", space=space, n=more, known=out, out="plan.jsonl")
            note(f"the next round: {plan_more}")
    elif width is not None:
        note(f"how many labels ±{width:g} takes cannot be told yet: the median interval has no end")
    source = results if out is None else out
    note(f"next: {command_line('profile', [source], space=space, metric=[metric, 'macs_m'], out='profile')}")


def _width(half: float) -> str:
    return f"±{half:.3g}" if half < float("inf") else "no end yet"
