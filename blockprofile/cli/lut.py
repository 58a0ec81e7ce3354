"""`blockprofile lut measure | audit | template`; the others stand in files of their own, `lut_*`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blockprofile.cli.lut_export import export, plan
from blockprofile.cli.lut_import import import_, times
from blockprofile.cli.lut_run import run
from blockprofile.cli.lut_solve import solve
from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, note_base, print_json, print_table, tell
from blockprofile.cli.strict import refuse_idle
from blockprofile.command import command_line
from blockprofile.metric import LATENCY, parse_metric

if TYPE_CHECKING:
    from blockprofile.device import Audit
    from blockprofile.predict import Entry
    from blockprofile.space import Space

group = typer.Typer(
    help="""Latency tables of your own device: measure, audit, fill in, import, solve.

    Examples
    --------
    blockprofile lut measure --space moga --out this_machine
    blockprofile lut export --space moga --form networks --out models
    blockprofile lut import profiles/ --space moga --manifest models --out my_phone
      --hardware "Pixel 8" --runtime "LiteRT"
    """,
    no_args_is_help=True,
)

WHOLE = "a table holds the operators of the whole of"
ENOUGH = 0.9
"""The share of an audit's networks that must be within the precision: the last ones can take as long as all others."""
MUCH_DISTURBED = 20.0
"""Percent of interrupted runs from which on the user is told of the other clock."""

SPACE = space_option()
RESOLUTIONS = typer.Option([], "--resolution", help="Input resolution in pixels; repeatable.")
LIMIT = typer.Option(600.0, "--time-limit", help="Seconds of timing after which the precision reached has to do.")
PRECISION = typer.Option("2%", "--precision", help="Wanted half-width of a median's 95 % interval, 2% or 0.02.")
JOBS = typer.Option(1, "--jobs", help="Threads that build networks; timing is always one at a time.")
PIN = typer.Option([], "--pin", help="Processor to stay on, by number; repeatable.")
SEED = typer.Option(0, "--seed", help="Seed of the order and of what is drawn.")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    for name, command in (
        ("import", import_),
        ("export", export),
        ("plan", plan),
        ("times", times),
        ("run", run),
        ("solve", solve),
    ):
        group.command(name)(command)
    app.add_typer(group, name="lut")


def parse_share(text: str) -> float:
    """Read a share written as ``2%`` or ``0.02``.

    Raises
    ------
    OptionError
        If it is neither, or not between 0 and 1.

    Examples
    --------
    >>> parse_share("2%"), parse_share("0.05")
    (0.02, 0.05)
    """
    from blockprofile.errors import OptionError
    from blockprofile.numbers import read_number

    body, percent = (text[:-1], 100.0) if text.endswith("%") else (text, 1.0)
    value = (read_number(body) or 0.0) / percent
    if not 0 < value < 1:
        raise OptionError(f"precision {text!r} is wrong; a share above 0 and below 1 is allowed, as 2% or 0.02")
    return value


@group.command("measure")
def measure(
    space: str = SPACE,
    runtime: str = typer.Option(
        "onnxruntime", "--runtime", help="onnxruntime, torch, torch_compile, or torch_graph (CUDA graphs)."
    ),
    out: Path = typer.Option(..., "--out", help="The predictor folder to write, for --device."),
    name: str | None = typer.Option(None, "--name", help="The device's name; left out, the folder's."),
    hardware: str | None = typer.Option(
        None, "--hardware", help="What the device is; left out, the GPU's or the processor's name."
    ),
    provider: str = typer.Option("cpu", "--provider", help="cpu, cuda, or an ONNX Runtime execution provider."),
    threads: int = typer.Option(1, "--threads", help="Threads of the runtime."),
    batch: int = typer.Option(1, "--batch", help="Images in a batch."),
    dtype: str = typer.Option("float32", "--dtype", help="float32 or float16."),
    clock: str = typer.Option("wall", "--clock", help="wall, or cpu: one thread's own time, on a shared machine."),
    resolution: list[int] = RESOLUTIONS,
    precision: str = PRECISION,
    time_limit: float = LIMIT,
    jobs: int = JOBS,
    pin: list[int] = PIN,
    seed: int = SEED,
    json: bool = JSON_OPTION,
) -> None:
    """Measure the table of a space on this machine; the same command goes on where it was interrupted.

    Examples
    --------
    blockprofile lut measure --space moga --runtime torch --out my_device
    """
    from blockprofile.device import (
        CLOCKS,
        Plan,
        Settings,
        accelerator_of,
        make_runtime,
        measure_table,
        processor_name,
    )
    from blockprofile.errors import check_choice
    from blockprofile.space import load_space

    plan = Plan(precision=parse_share(precision), time_limit_s=time_limit, seed=seed, jobs=jobs, processors=tuple(pin))
    of_clock = check_choice("clock", clock, CLOCKS)
    settings = Settings(provider=provider, threads=threads, batch=batch, dtype=dtype, clock=of_clock)
    loaded = load_space(space)
    note_base(loaded, WHOLE)
    made = make_runtime(runtime, settings)
    table = measure_table(
        loaded,
        made,
        out,
        name=name or out.resolve().name,
        hardware=hardware or accelerator_of(made) or processor_name(),
        plan=plan,
        resolutions=resolution,
        progress=note,
    )
    if json:
        print_json({"folder": str(out), "name": table.name, **table.facts})
        return
    n, facts = len(table.times), table.facts
    tell(
        f"{out}: {n} operators, {table.within} within {plan.precision:.1%}; {facts['rounds']} rounds in "
        f"{facts['seconds']:.0f} s; drift {facts['drift_percent']:.1f} %, "
        f"call {1000 * table.overhead.call_ms:.1f} us; measured"
    )
    if facts["disturbed_percent"] > MUCH_DISTURBED and clock == "wall":
        note(
            f"{facts['disturbed_percent']:.0f} % of the runs were interrupted: others use this machine; see --clock cpu"
        )
    note(f"next: {command_line('lut audit', [out], space=space)}")


@group.command("audit")
def audit(
    context: typer.Context,
    device: str = typer.Argument(..., help="A measured device's folder.", metavar="FOLDER"),
    space: str = SPACE,
    n: int = typer.Option(50, "--n", help="How many whole networks to time."),
    repair: bool = typer.Option(False, "--repair", help="Put a fitted correction on the card if it helps."),
    from_: Path | None = typer.Option(
        None,
        "--from",
        help="Whole-network times measured elsewhere, a CSV of archs and mean_ms: nothing is timed here.",
    ),
    column: str = typer.Option("", "--column", help="With --from, the column of times, where it has another name."),
    time_unit: str | None = typer.Option(
        None, "--time-unit", help="With --from: ms (default), s, us, or per_s: images a second."
    ),
    precision: str = PRECISION,
    time_limit: float = LIMIT,
    jobs: int = JOBS,
    pin: list[int] = PIN,
    seed: int = SEED,
    json: bool = JSON_OPTION,
) -> None:
    """Compare whole networks' times with the table's sum; write the picture, and error and floor on the card.

    The networks are timed on this machine, or their times come from a file (--from).

    Examples
    --------
    blockprofile lut audit my_device --space moga --repair
    blockprofile lut audit my_phone --space moga --from times.csv
    """
    from blockprofile.device import Plan, audit_table, depth_rows, in_unit_of, repair_card, unit_rows, write_audit
    from blockprofile.plot import audit_data, save_scatter
    from blockprofile.predict import find_device, read_card, tell_floor
    from blockprofile.space import load_space

    loaded = load_space(space)
    card, folder = find_device(device, loaded)
    if from_ is None:
        refuse_idle(context, ("column", "time_unit"), "the times are taken here, not --from a file")
    else:
        timing = ("n", "precision", "time_limit", "jobs", "pin", "seed")
        refuse_idle(context, timing, "an audit --from a file times nothing")
    if from_ is not None:
        found = _audit_file(from_, loaded, (card, folder), column=column, time_unit=time_unit)
    else:
        plan = Plan(
            precision=parse_share(precision),
            time_limit_s=time_limit,
            enough=ENOUGH,
            seed=seed,
            jobs=jobs,
            processors=tuple(pin),
        )
        found = audit_table(loaded, device, n=n, seed=seed, plan=plan, out=folder, progress=note)
    units, depths = unit_rows(loaded, device, found), depth_rows(loaded, found)
    write_audit(folder, loaded, found)
    picture = save_scatter(audit_data(found, device=card.name, space=loaded.name), folder / "audit")[0]
    repaired = repair_card(folder, loaded, found) if repair else None
    if json:
        from dataclasses import asdict

        print_json(
            {
                "device": card.name, "figures": in_unit_of(card.metric, found.figures), "verdict": found.verdict,
                "units": units, "depths": depths, "repairs": [asdict(item) for item in found.repairs],
                "repaired": None if repaired is None else asdict(repaired), "facts": found.facts,
                "picture": str(picture),
            }
        )  # fmt: skip
        return
    tell(f"{card.name} on {loaded.name}: {found.verdict}; {card.provenance}")
    print_table([in_unit_of(card.metric, found.figures)])
    about = parse_metric(card.metric)
    units, depths = ([in_unit_of(card.metric, row) for row in rows] for rows in (units, depths))
    print_table(units, title=f"errors by unit (slope: {about.unit} per {about.unit} of the unit)")
    print_table(depths, title="errors by number of layers")
    print_table(
        [
            in_unit_of(card.metric, {"correction": r.model, "rmse_ms": r.rmse_ms, "left_out_rmse_ms": r.cv_rmse_ms})
            for r in found.repairs
        ],
        title="corrections, fitted and on left-out networks",
    )
    if repaired is not None:
        tell(f"on the card: {repaired.model}" if repaired.model != "none" else "no correction helps; none is set")
    note(f"floor on the card: {tell_floor(read_card(folder).floor, card.unit)}; picture: {picture}")


def _audit_file(file: Path, space: Space, entry: Entry, *, column: str = "", time_unit: str | None = None) -> Audit:
    from blockprofile.device import NETWORK_UNITS, audit_times, read_times
    from blockprofile.errors import check_choice

    unit = check_choice("time unit", time_unit or "ms", NETWORK_UNITS)
    times = read_times(file, space, column=column, unit=unit, metric=entry[0].metric)
    if times.repeats:
        note(times.repeats)
    return audit_times(space, entry, times, believe=time_unit is not None)


@group.command("template")
def template(
    space: str = SPACE,
    out: Path = typer.Option(..., "--out", help="The CSV file to write."),
    metric: str = typer.Option("latency_ms", "--metric", help="What is to be filled in: latency_ms, or energy_mj."),
    resolution: list[int] = RESOLUTIONS,
    json: bool = JSON_OPTION,
) -> None:
    """Write a CSV with one row for each operator that a space needs, to fill in times measured elsewhere.

    Examples
    --------
    blockprofile lut template --space moga --out phone.csv
    """
    from blockprofile.device import check_quantity, write_template
    from blockprofile.errors import OptionError
    from blockprofile.space import load_space

    if out.exists():
        raise OptionError(f"{str(out)!r} exists already; name another file, so that no times are lost")
    loaded = load_space(space)
    note_base(loaded, WHOLE)
    count = write_template(loaded, out, resolutions=resolution, metric=check_quantity(metric))
    if json:
        print_json({"file": str(out), "operators": count})
        return
    ending = parse_metric(metric).ending
    tell(f"{out}: {count} operators; fill in mean_{ending}, and spread_{ending} and count where known")
    if any(block.op == "custom" for block in loaded.blocks):
        note(f"custom blocks may stay empty where the space file states {metric}:NAME, NAME being the device's")
    named = {"out": "my_device", "hardware": "what it is", "runtime": "what runs, its version and threads"}
    if metric != LATENCY:
        named["metric"] = metric
    following = command_line("lut import", [out], space=space, resolution=resolution, **named)
    note(f"then: {following}")
