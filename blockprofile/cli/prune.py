"""`blockprofile prune`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import LAW, POLICY, RESOLUTION, SEED, WORKERS, device_option, space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell, warn
from blockprofile.cli.strict import refuse_idle
from blockprofile.command import command_line, typed_command

if TYPE_CHECKING:
    from blockprofile.predict import Predictor
    from blockprofile.prune import Certificate, Points, Pruning
    from blockprofile.space import Space

HELD_OUT_SEED = 1 << 32
"""Seeds of the certificate's archs start here, beyond those that people give to a pool."""

BUDGET = 2_100


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("prune")(prune)


def prune(
    context: typer.Context,
    run: Path | None = typer.Argument(None, help="A run folder that was profiled, or a profile.parquet."),
    space: str | None = space_option(None, "Profile this space first; needs --profile-out."),
    profile_out: Path | None = typer.Option(None, "--profile-out", help="The folder of that profile."),
    n: str = typer.Option("1e6", "--n", help="How many archs, with --space."),
    out: Path = typer.Option(..., "--out", help="The pruned-space file to write, such as pruned.yaml."),
    device: list[str] = device_option(
        "A device of the profile; with several, only what is bad on all of them is dropped."
    ),
    cost: str | None = typer.Option(None, "--cost", help="A metric to weigh instead of a device's, such as macs_m."),
    gain: str | None = typer.Option(None, "--gain", help="The metric that more is wanted of, if not top1_percent."),
    policy: list[str] = POLICY,
    order: int | None = typer.Option(
        None,
        "--order",
        help="1: by main effects. 2: by pairs of choices too; the default for labels of small spaces.",
    ),
    lose: float | None = typer.Option(
        None, "--lose", help="With order 2: points that the best within a limit may lose; default: the labels' noise."
    ),
    risk: float | None = typer.Option(
        None, "--risk", help="With order 2: the share of draws that may lose more; default: 0.1."
    ),
    keep: int | None = typer.Option(None, "--keep", help="Blocks that stay at every layer: 2, with order 2 it is 1."),
    max_drop: float | None = typer.Option(
        None, "--max-drop", help="With order 1: the share of all choices that may be dropped; default: 0.8."
    ),
    tolerance: float | None = typer.Option(
        None,
        "--tolerance",
        help="With order 1: the share of the front's hypervolume that may be given up at each end; default: 0.004.",
    ),
    name: str | None = typer.Option(None, "--name", help="The pruned space's name; the file's name unless given."),
    explain: bool = typer.Option(False, "--explain", help="Tell every decision, also those not to drop."),
    certificate: bool = typer.Option(True, "--certificate/--no-certificate", help="Check the result on new archs."),
    figures: Path | None = typer.Option(None, "--figures", help="A folder for pictures of the decisions."),
    seed: int = SEED,
    law: str = LAW,
    resolution: int | None = RESOLUTION,
    workers: str = WORKERS,
    json: bool = JSON_OPTION,
) -> None:
    """Turn a profile into a smaller space: rules with their evidence, and a certificate from new archs.

    Give a run folder, or --space, --device and --profile-out to make the profile on the way.

    Examples
    --------
    blockprofile prune runs/moga --out smaller.yaml --explain
    """
    from blockprofile.errors import OptionError
    from blockprofile.files import make_folder
    from blockprofile.prune import Bounds, find_policies, write_pruned
    from blockprofile.prune import prune as decide

    bounds = Bounds(keep=keep, max_drop=max_drop, tolerance=tolerance, order=order, lose=lose, risk=risk)
    find_policies(policy, order=bounds.order)
    if out.suffix not in {".yaml", ".yml"}:
        raise OptionError(f"--out is {str(out)!r}; a pruned space is a file ending in .yaml")
    for folder, option in ((out.parent, "--out"), *([(figures, "--figures")] if figures else [])):
        make_folder(folder, what=option)
    if (run is None) == (space is None):
        raise OptionError("give either a run folder or --space (with --device and --profile-out)")
    if run is not None:
        profiling = ("profile_out", "n", "seed", "law", "resolution", "workers")
        refuse_idle(context, profiling, f"the profile of {str(run)!r} is made already")
    if run is None:
        if profile_out is None:
            raise OptionError("--space needs --profile-out, the folder of the profile")
        assert space is not None
        run = _profile(
            space, profile_out, device=device, n=n, seed=seed, law=law, resolution=resolution, workers=workers
        )
    pruning = decide(run, name=name or out.stem, devices=device, cost=cost, gain=gain, policies=policy, bounds=bounds)
    if certificate and pruning.config.get("labels"):
        note("no certificate: labels were profiled, and a search needs an accuracy of every arch")
        certificate = False
    if certificate and pruning.space.allowed == pruning.before.allowed:
        note("no certificate: nothing was dropped")
        certificate = False
    checks = _certify(pruning) if certificate else {}
    definition = replace(
        pruning.definition,
        certificate={metric: found.as_mapping() for metric, found in checks.items()},
        notes=f"{pruning.definition.notes} Made by: {typed_command()}",
    )
    write_pruned(out, definition, base=pruning.base)
    if figures is not None:
        from blockprofile.plot import pruning_figures

        pruning_figures(pruning, figures)
    _show(pruning, checks, out, explain=explain, json=json)


def _profile(
    space: str, out: Path, *, device: list[str], n: str, seed: int, law: str, resolution: int | None, workers: str
) -> Path:
    from blockprofile.profile import profile_pool
    from blockprofile.run import Execution, PoolRequest
    from blockprofile.space import check_law

    request = PoolRequest(space, n=n, devices=device, seed=seed, law=check_law(law), resolution=resolution)
    return profile_pool(request, out=out, execution=Execution(workers=workers)).path


class SearchReach:
    """Try the archs of a short search by random mutation.

    Parameters
    ----------
    predictors
        Of the accuracy and of the cost, in this order.
    """

    words = f"{BUDGET:,} evaluations of a search by random mutation"

    def __init__(self, predictors: tuple[Predictor, Predictor]) -> None:
        self.predictors = predictors

    def __call__(self, space: Space, seed: int) -> Points:
        """Search."""
        import numpy as np

        from blockprofile.search import Aims, search

        gain, cost = (predictor.metric for predictor in self.predictors)
        result = search(
            space,
            Aims([f"{gain}:max", f"{cost}:min"], predictors=self.predictors),
            algorithm="mutation",
            budget=BUDGET,
            seed=seed,
        )
        values = result.history.metrics
        return np.stack([values[gain], values[cost]], axis=1).astype(np.float64)


def _certify(pruning: Pruning) -> dict[str, Certificate]:
    from blockprofile.prune import certify

    checks = {}
    for outcome in pruning.outcomes:
        cost = outcome.figures.cost.name
        note(f"certificate of {cost}: 22 spaces, 3 searches by random mutation each")
        reach = SearchReach(pruning.load_predictors(cost))
        seeds = [HELD_OUT_SEED + number for number in range(3)]
        checks[cost] = certify(pruning.before, pruning.space, reach=reach, seeds=seeds)
    note("a search that finds more by itself, such as nsga2, gains less by pruning: compare tells how much")
    return checks


def _show(pruning: Pruning, checks: dict[str, Certificate], out: Path, *, explain: bool, json: bool) -> None:
    from blockprofile.prune import decision_rows, explain_lines, stand_in_words, summary_lines

    if json:
        data: dict[str, Any] = {
            "path": out, "name": pruning.space.name, "hash": pruning.space.hash, "size": pruning.definition.size,
            "rules": len(pruning.definition.rules), "mutation": pruning.space.mutation,
            "certificate": {metric: found.as_mapping() for metric, found in checks.items()},
            "order": pruning.order,
        }  # fmt: skip
        print_json(data | ({"decisions": decision_rows(pruning)} if explain else {}))
    else:
        if explain:
            for line in explain_lines(pruning):
                tell(line)
            tell("")
        for line in summary_lines(pruning):
            tell(line)
        for metric, found in checks.items():
            tell("")
            gain = pruning.outcomes[0].figures.gain.name
            print_table(_limit_rows(found), title=f"best {gain} within limits of {metric}, {found.reach}")
            tell(f"front matched or bettered: {100 * found.front_kept:.0f} %"
                       f" (random prunings: {100 * found.random_front_kept:.0f} %)")  # fmt: skip
            tell(f"certificate: {found.verdict}")
    figures = [outcome.figures for outcome in pruning.outcomes]
    for name in dict.fromkeys(each.name for f in figures for each in (f.gain, f.cost) if each.floor is None):
        warn(f"{name}: floor unknown: not audited; what is dropped by it is beyond noise alone")
    for told in filter(None, (stand_in_words(figures[0].gain.name), _main_alone(pruning))):
        warn(told)
    for metric, found in checks.items():
        if not (found.is_better_than_random and found.is_better_than_original):
            warn(f"WARNING: {metric}: {found.verdict}")
    following = _following(pruning, out)
    note(f"{out}; next: {following}" if following else str(out))


def _main_alone(pruning: Pruning) -> str:
    """Say what main effects alone may miss; empty where there is nothing to say."""
    from blockprofile.numbers import write_count
    from blockprofile.profile import explained_words
    from blockprofile.space import MOST_LISTED, count_archs

    if pruning.order == 1 and pruning.explained is not None and pruning.explained.is_by_pairs:
        told = explained_words(pruning.outcomes[0].figures.gain.name, pruning.explained)
        n = count_archs(pruning.before)
        way = (
            "--order 2 prunes by pairs as well" if n <= MOST_LISTED
            else f"pairs (--order 2) take a space of at most {MOST_LISTED:,} archs, and this one has {write_count(n)}"
        )  # fmt: skip
        return f"WARNING: {told}, and main effects alone decided; {way}"
    if pruning.wants_noise:
        return (
            "main effects alone decided, as the labels do not tell what two trainings of an arch differ by; give that "
            "as --lose, and pairs are weighed too, which loses the best network less often"
        )
    return ""


def _following(pruning: Pruning, out: Path) -> str:
    """Suggest the comparison with what was pruned; a pruned space of a file of its own has none to be compared with."""
    from blockprofile.space import list_spaces

    config, before = pruning.config, pruning.before
    source, resolution = config["space"]["source"], config["space"]["resolution"]
    base = before.base.name if before.is_pruned else source
    if before.is_pruned and base not in list_spaces():
        return ""
    gain = pruning.outcomes[0].figures.gain.name
    return command_line(
        "compare", space=base, insight=[*([source] if before.is_pruned else []), out], device=config["devices"],
        metric=[metric for metric in config["metrics"] or () if Path(metric).is_dir()],
        objective=[f"{gain}:max", *(f"{cost}:min" for cost in pruning.costs)],
        resolution=None if resolution == before.definition.input.default else resolution,
        out=out.with_name(f"{out.stem}-compared"),
    )  # fmt: skip


def _limit_rows(found: Certificate) -> list[dict[str, Any]]:
    columns = zip(found.limits, found.best_before, found.best_after, found.best_random, strict=True)
    return [{"limit": limit, "original": old, "pruned": new, "random": other} for limit, old, new, other in columns]
