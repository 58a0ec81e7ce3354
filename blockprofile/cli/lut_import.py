"""`blockprofile lut import | times`: devices, and times of whole networks, from files that other tools wrote."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, note_base, print_json, tell
from blockprofile.cli.strict import refuse_idle
from blockprofile.command import command_line

FILES = typer.Argument(..., help="Files, or folders of them: a CSV table, or profiles.", metavar="FILE...")
SPACE = space_option()
FORMAT = typer.Option(
    None,
    "--format",
    help="csv, onnxruntime, litert, litert_times, tensorrt, tensorrt_times, openvino, aihub, executorch or vela; of "
    "tables ofa, nnmeter, hwnasbench or layers; left out, it is recognised.",
)
CLOCK = typer.Option(None, "--clock-mhz", help="The NPU's clock, for formats that give cycles (vela).")
TIME_UNIT = typer.Option(None, "--time-unit", help="ms (default), s or us, where the format's is not true; believed.")
WHOLE = "a table holds the operators of the whole of"
DTYPES = {"fp32": "float32", "fp16": "float16", "int8": "int8"}


def import_(
    context: typer.Context,
    files: list[Path] = FILES,
    space: str = SPACE,
    out: Path = typer.Option(..., "--out", help="The predictor folder to write, for --device."),
    hardware: str = typer.Option(..., "--hardware", help="What the times were measured on."),
    runtime: str = typer.Option(..., "--runtime", help="What ran: framework, version, threads."),
    form: str | None = FORMAT,
    manifest: Path | None = typer.Option(None, "--manifest", help="The folder that lut export wrote."),
    spread: str | None = typer.Option(
        None, "--spread", help="Time of no one operator: drop it, or give it out even or by macs; left out, up to 5 %."
    ),
    clock_mhz: float | None = CLOCK,
    metric: str = typer.Option("latency_ms", "--metric", help="What the table holds: latency_ms, or energy_mj in mJ."),
    column: str = typer.Option("", "--column", help="Of a file with several tables: which, by its name or device."),
    estimated: bool = typer.Option(
        False, "--estimated", help="The times are a model's of the device: calibrated, not measured (vela: always)."
    ),
    name: str | None = typer.Option(
        None, "--name", help="The device's name; left out, the folder's, and with a manifest precision and batch."
    ),
    batch: int = typer.Option(1, "--batch", help="Images in a batch; a manifest says it."),
    dtype: str = typer.Option("float32", "--dtype", help="Number format of weights and values; a manifest says it."),
    time_unit: str | None = TIME_UNIT,
    resolution: list[int] = typer.Option([], "--resolution", help="Input resolution in pixels; repeatable."),
    audit: Path | None = typer.Option(
        None, "--audit", help="Times of whole networks on the device, a CSV of archs and mean_ms, in the same unit."
    ),
    json: bool = JSON_OPTION,
) -> None:
    """Make a device from times taken elsewhere: a CSV table (lut template), one that others published, or profiles of
    models (lut export).

    Examples
    --------
    blockprofile lut import profiles/ --space moga --manifest models --out me --hardware "..." --runtime "..."
    """
    from blockprofile.device import (
        SPREADS,
        TIME_UNITS,
        ImportOptions,
        TimedOn,
        audit_times,
        check_plausible,
        in_unit_of,
        read_device_table,
        read_manifest,
        read_times,
        write_audit,
        write_imported,
    )
    from blockprofile.errors import check_choice
    from blockprofile.metric import parse_metric
    from blockprofile.predict import read_card, tell_floor
    from blockprofile.space import load_space

    loaded, unit = load_space(space), check_choice("time unit", time_unit or "ms", TIME_UNITS)
    known = None if manifest is None else read_manifest(manifest, loaded)
    if known is not None:
        refuse_idle(context, ("batch", "dtype"), "the manifest says it")
        batch, dtype = known.batch, DTYPES[known.precision]
    device = name or out.resolve().name + ("" if known is None else f"_{known.suffix}")
    note_base(loaded, WHOLE)
    options = ImportOptions(
        form=form, metric=metric, column=column, unit=unit, clock_mhz=clock_mhz,
        spread=None if spread is None else check_choice("spread", spread, SPREADS),
    )  # fmt: skip
    found = read_device_table(files, loaded, options, resolutions=resolution, manifest=known, device=device)
    table = found.table
    whole = None if audit is None else read_times(audit, loaded, unit=unit, metric=metric)
    mean = check_plausible(
        loaded, table, believe=time_unit is not None, device=device, metric=metric, path=files[0]
    )  # fmt: skip
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    told = f"{files[0].name}{more}"
    if found.is_profile:
        told = f"{told}, a profile of {found.form}; {found.left_share:.1%} of the time belonged to no one operator"
        told += f" ({spread or 'drop'})" if found.left_share else ""
    elif found.form != "csv":
        told = f"{told}, a table of the format {found.form}" + (f" ({column})" if column else "")
    timed = TimedOn(
        hardware=hardware, runtime=runtime, batch=batch, dtype=dtype, metric=metric,
        is_estimated=estimated or found.is_estimated,
    )  # fmt: skip
    write_imported(
        out, table, loaded, name=device, timed=timed,
        resolutions=resolution or (known.resolutions if known and not loaded.definition.input.searched else ()),
        source=told, note=found.note,
    )  # fmt: skip
    if whole is not None:
        write_audit(out, loaded, audit_times(loaded, (read_card(out), out), whole, believe=time_unit is not None))
    card = read_card(out)
    if json:
        facts = {"folder": str(out), "operators": len(table.times), "extra": table.n_extra, "mean_ms": mean}
        extra = {"format": found.form, "left_share": found.left_share}
        print_json({**in_unit_of(metric, facts), **extra, "floor": card.floor, "provenance": card.caption})
        return
    tell(
        f"{out}: {len(table.times)} operators; a random network of {loaded.name} takes {mean:.4g} {card.unit}; "
        f"{card.provenance}"
    )
    if found.is_profile:
        note(f"read as {found.form}; {found.left_share:.1%} of the time belonged to no one operator")
    elif found.form != "csv":
        note(f"read as {found.form}" + (f". {found.note}" if found.note else ""))
    note(f"floor {tell_floor(card.floor, card.unit)}" + ("" if whole is None else f"; {card.error.notes}"))
    if whole is None:
        following = command_line("lut audit", [out], space=space, **{"from": "networks.csv"})
        note(f"give it one by times of whole networks: {following}")
    if table.n_extra:
        stated = any(card.metric in cost.metrics for block in loaded.blocks for cost in block.costs)
        which = f", which states the {parse_metric(metric).title} of custom blocks itself," if stated else ""
        rows = f"{table.n_extra} further rows of {files[0].name}{more}"
        note(f"{rows} are not needed by {loaded.name}{which} and were left out")


def times(
    files: list[Path] = FILES,
    space: str = SPACE,
    manifest: Path = typer.Option(..., "--manifest", help="The folder that lut plan or lut export wrote."),
    out: Path = typer.Option(..., "--out", help="The CSV to write, of archs and mean_ms."),
    form: str | None = FORMAT,
    clock_mhz: float | None = CLOCK,
    time_unit: str | None = TIME_UNIT,
    json: bool = JSON_OPTION,
) -> None:
    """Collect the times of exported networks from their profiles, for lut solve and lut audit --from.

    Examples
    --------
    blockprofile lut times profiles/ --space moga --manifest moga_plan --out times.csv
    """
    from blockprofile.device import (
        MS,
        TIME_UNITS,
        ImportOptions,
        read_manifest,
        read_traces,
        write_network_times,
    )
    from blockprofile.errors import OptionError, check_choice
    from blockprofile.space import load_space

    if out.exists():
        raise OptionError(f"{str(out)!r} exists already; name another file, so that no times are lost")
    known = read_manifest(manifest, load_space(space))
    unit = check_choice("time unit", time_unit or "ms", TIME_UNITS)
    traces = read_traces(files, ImportOptions(form=form, clock_mhz=clock_mhz, unit=unit), manifest=known)
    count, mean_ms = write_network_times(traces, known, out, factor=MS[unit])
    if json:
        print_json({"file": str(out), "networks": count, "of": len(known.models), "mean_ms": mean_ms})
        return
    tell(f"{out}: {count} of {len(known.models)} networks, {mean_ms:.4g} ms in the mean; measured")
