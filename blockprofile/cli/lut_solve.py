"""`blockprofile lut solve`: a device's table from the times of whole networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, note_base, print_json, print_table
from blockprofile.cli.strict import refuse_idle

if TYPE_CHECKING:
    from blockprofile.device import NetworkUnit, SolvedTable

_RECIPES = {".yaml", ".yml"}


def solve(
    context: typer.Context,
    timings: Path = typer.Argument(
        ..., help="CSV or Parquet of archs and their times, or a recipe (YAML).", metavar="TIMINGS"
    ),
    space: str = space_option(""),
    device: str = typer.Option("", "--device", help="The device's name; left out, that of the folder."),
    out: Path = typer.Option(
        ..., "--out", help="The predictor folder to write; with a recipe, the folder of them all."
    ),
    column: str = typer.Option("", "--column", help="The column of times; left out, mean_ms, or the only one."),
    metric: str = typer.Option(
        "latency_ms", "--metric", help="What the networks' figures are: latency_ms, or energy_mj in mJ."
    ),
    time_unit: str | None = typer.Option(
        None, "--time-unit", help="ms (default), s, us, or per_s: images a second; said, it is believed."
    ),
    hardware: str = typer.Option("", "--hardware", help="What the times were measured on."),
    runtime: str = typer.Option("", "--runtime", help="What ran: framework, version, threads."),
    batch: int | None = typer.Option(None, "--batch", min=1, help="Images in a batch; left out, it is not known."),
    dtype: str = typer.Option("", "--dtype", help="Number format of weights and values."),
    json: bool = JSON_OPTION,
) -> None:
    """Solve a table from whole networks' times: for devices on which only those can be taken.

    The error on networks left out stands on the card, with how many more networks would halve it.

    Examples
    --------
    blockprofile lut solve times.csv --space moga --out my_phone --hardware "Pixel 8"
    """
    from blockprofile.device import NETWORK_UNITS, check_quantity, read_timings
    from blockprofile.errors import OptionError, check_choice

    if timings.suffix.lower() in _RECIPES:
        given = ("space", "device", "column", "metric", "time_unit", "hardware", "runtime", "batch", "dtype")
        refuse_idle(context, given, "the recipe says it")
        recipe = read_timings(timings)
        file, space = timings.parent / recipe.table, recipe.space
        jobs = [
            _Job(
                out / f"{name}_{space}", name, recipe.column(name), recipe.unit(name), recipe.fields(name),
                is_believed="time_unit" in entry,
            )
            for name, entry in recipe.devices.items()
        ]  # fmt: skip
    else:
        if not space:
            raise OptionError("--space is missing; name the space of the archs (a recipe names its own)")
        file, unit = timings, check_choice("time unit", time_unit or "ms", NETWORK_UNITS)
        about = {"hardware": hardware, "runtime": runtime, "batch": batch, "precision": dtype, "sources": [file.name]}
        jobs = [_Job(out, device or out.resolve().name, column, unit, about, is_believed=time_unit is not None)]
    rows = [_solve(file, space, job, check_quantity(metric)) for job in jobs]
    if json:
        print_json(rows)
        return
    print_table([{key: value for key, value in row.items() if key != "outlook"} for row in rows], wrap=["folder"])
    for row in rows:
        note(f"{row['device']}: {row['outlook']}")


@dataclass(frozen=True, slots=True)
class _Job:
    """One device's table: its folder, name, column of times and their unit, and further fields of its card."""

    folder: Path
    device: str
    column: str
    unit: NetworkUnit
    about: dict[str, Any]
    is_believed: bool


def _solve(file: Path, space: str, job: _Job, metric: str) -> dict[str, Any]:
    """Solve one device's table, write its folder and return what is told of it."""
    from blockprofile.device import LEAST_SOLVED, check_name, read_times, solve_times, write_solved
    from blockprofile.space import load_space

    check_name(job.device)
    loaded = load_space(space)
    note_base(loaded, "a table holds the operators of the whole of")
    times = read_times(
        file, loaded, column=job.column, unit=job.unit, metric=metric, least=LEAST_SOLVED, skips_empty=True
    )
    if times.repeats:
        note(f"{job.device}: {times.repeats}")
    if times.n_empty:
        note(f"{job.device}: {times.n_empty} rows of {file} have no time in {times.column!r} and were left out")
    table = solve_times(loaded, times, device=job.device, metric=metric, believe=job.is_believed)
    write_solved(job.folder, table, device=job.device, unit=job.unit, about=job.about)
    return _row(job.folder, job.device, table)


def _row(folder: Path, device: str, table: SolvedTable) -> dict[str, Any]:
    from blockprofile.device import in_unit_of

    found = table.fidelity
    figures = {
        "device": device, "networks": found.n, "operators": len(table.design.operators), "unseen": table.n_unseen,
        "rmse_ms": found.rmse, "rmse_percent": table.rmse_percent, "kendall_tau": found.kendall_tau,
        "outlook": table.outlook, "folder": str(folder),
    }  # fmt: skip
    return in_unit_of(table.metric, figures)
