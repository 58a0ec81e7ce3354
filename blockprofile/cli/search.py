"""`blockprofile search`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import ALGORITHM, DEVICE, FIRST_LAW, RESOLUTION, space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table
from blockprofile.cli.strict import refuse_idle
from blockprofile.command import command_line
from blockprofile.loudness import is_quiet, is_verbose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from blockprofile.search import Algorithm, Archive, Evaluations, SearchResult

N_BEST, N_SHOWN = 10, 20
TELL_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("search")(search)


def search(
    context: typer.Context,
    space: str = space_option(text="A space, pruned or not: a shipped name or a YAML file."),
    device: list[str] = DEVICE,
    objective: list[str] = typer.Option(
        [],
        "--objective",
        help="METRIC:max|min[:WEIGHT]; repeatable. Default: top1_percent and every device's latency or energy.",
    ),
    reward: str | None = typer.Option(
        None, "--reward", help="MnasNet's scalar reward: LATENCY:TARGET[:soft|hard], such as latency_ms:note10:30."
    ),
    limit: list[str] = typer.Option([], "--limit", help="METRIC<=VALUE or METRIC>=VALUE; repeatable."),
    metric: list[str] = typer.Option([], "--metric", help="A further metric to record; repeatable."),
    algorithm: str = ALGORITHM,
    population: int | None = typer.Option(None, "--population", help="nsga2: archs in a generation (100)."),
    mutator: str | None = typer.Option(None, "--mutator", help="nsga2: uniform (default) or hierarchical (MoGA)."),
    pool: int | None = typer.Option(None, "--pool", help="mutation: archs at the start (100; one objective: 20)."),
    children: int | None = typer.Option(
        None, "--children", help="mutation: archs in an iteration (200; one objective: 50)."
    ),
    top: int | None = typer.Option(None, "--top", help="mutation: archs kept with one objective (10)."),
    chance: float | None = typer.Option(None, "--chance", help="mutation: how likely a unit is edited (0.5)."),
    budget: str | None = typer.Option(
        None, "--budget", help="Evaluations (2100) or time (90s, 5min; anew where a search goes on). Default 2100."
    ),
    seed: int = typer.Option(0, "--seed", help="Seed; one seed gives one result."),
    law: str = FIRST_LAW,
    resolution: int | None = RESOLUTION,
    workers: str = typer.Option(
        "1", "--workers", help="Threads for a generation of more than 256 archs; auto is every core that may be used."
    ),
    out: Path | None = typer.Option(None, "--out", help="A run folder; an interrupted search goes on from it."),
    json: bool = JSON_OPTION,
) -> None:
    """Search a space for the best archs: a front, or the best of one objective.

    The same command on the same folder goes on where it was interrupted.

    Examples
    --------
    blockprofile search --space ofa_mbv3 --device note10 --out runs/search
    blockprofile search --space moga --device mace_gpu --algorithm exact
    """
    from blockprofile.search import Aims, parse_objective, parse_reward
    from blockprofile.search import search as run
    from blockprofile.space import load_space

    goals: list[Any] = [parse_objective(text) for text in objective]
    if reward is not None:
        goals.append(parse_reward(reward))
    _refuse_idle(context, goals, algorithm)
    chosen = _algorithm(
        algorithm, population=population, mutator=mutator, pool=pool, children=children, top=top, chance=chance
    )
    where: Any = space if resolution is None else load_space(space, resolution=resolution)
    report = _Reporter()
    aims = Aims(goals, limits=limit, devices=device, metrics=metric, law=law)
    result = run(
        where, aims, algorithm=chosen, budget=budget, seed=seed, workers=workers, out=out, on_generation=report
    )
    _print(result, json=json)


def _refuse_idle(context: typer.Context, goals: list[Any], algorithm: str) -> None:
    """Refuse what the algorithm does not look at."""
    from blockprofile.errors import OptionError

    if algorithm == "exact":
        refuse_idle(context, ("seed", "law", "workers", "budget"), "an exact front is computed whole, nothing is drawn")
    if len(goals) != 1:
        refuse_idle(context, ("top",), "with several objectives the whole front is kept")
    weighted = next((goal for goal in goals if goal.weight != goals[0].weight), None)
    if weighted is not None and algorithm != "nsga2":
        raise OptionError(
            f"the weights of --objective have no effect here: --algorithm {algorithm} does not weigh, nsga2 does"
        )


def _algorithm(name: str, **given: Any) -> Algorithm | str:
    from blockprofile.errors import OptionError, check_choice
    from blockprofile.search import NSGA2, HierarchicalMutation, RandomMutation, UniformMutation

    belongs = {"nsga2": ("population", "mutator"), "mutation": ("pool", "children", "top", "chance")}
    for option, value in given.items():
        if value is not None and option not in belongs.get(name, ()):
            owner = next(key for key, options in belongs.items() if option in options)
            raise OptionError(f"--{option} belongs to --algorithm {owner}, not to {name!r}")
    named = {option: value for option, value in given.items() if value is not None}
    if name == "mutation":
        return RandomMutation(**named)
    if name != "nsga2":
        return name
    kinds = {"uniform": UniformMutation, "hierarchical": HierarchicalMutation}
    kind = named.pop("mutator", "uniform")
    check_choice("--mutator", kind, kinds)
    return NSGA2(mutation=kinds[kind](), **named)


class _Reporter:
    """Tell on stderr, every other second, how far a search is and how large its hypervolume."""

    def __init__(self) -> None:
        import sys

        self._told = time.monotonic()
        self._shown = (sys.stderr.isatty() and not is_quiet()) or is_verbose()
        self._reference: NDArray[np.float64] | None = None

    def __call__(self, archive: Archive) -> None:
        if not self._shown or time.monotonic() - self._told < TELL_SECONDS:
            return
        from blockprofile.search import hypervolume, reference_point

        if self._reference is None:
            self._reference = reference_point(archive.problem)
        volume = hypervolume(archive.points[archive.violations <= 0], self._reference)
        note(f"generation {archive.n_generations}: {len(archive):,} evaluations, hypervolume {volume:.6g}")
        self._told = time.monotonic()


def _print(result: SearchResult, *, json: bool) -> None:
    front = result.front
    shown = front if len(result.problem.goals) > 1 else result.top(N_BEST)
    if json:
        rows = rows_of(shown, result)
        print_json(
            {
                "space": result.problem.space.name, "algorithm": result.algorithm, "seed": result.seed,
                "n_evaluations": len(result.archive), "n_generations": result.archive.n_generations,
                "reference": dict(zip(result.problem.names, result.problem.natural(result.reference), strict=True)),
                "hypervolume": result.hypervolume, "front": rows, "last_word": result.last_word,
                "provenance": provenances(result), "folder": result.folder,
            }
        )  # fmt: skip
        return
    if len(shown) > N_SHOWN:
        places = [round(i * (len(shown) - 1) / (N_SHOWN - 1)) for i in range(N_SHOWN)]
        note(f"{N_SHOWN} of the front's {len(shown)} archs, evenly spaced; --json prints all")
        shown = replace(shown, numbers=shown.numbers[places])
    print_archs(rows_of(shown, result))
    goals = ", ".join(f"{goal.name} {goal.direction}" for goal in result.problem.goals)
    reference = ", ".join(f"{value:.6g}" for value in result.problem.natural(result.reference))
    volume = f"{result.hypervolume:.6g} {result.problem.hypervolume_unit}".rstrip()
    note(
        f"{len(result.archive):,} evaluations in {_generations(result.archive.n_generations)}; front of {len(front)} "
        f"archs ({goals}); hypervolume {volume} from reference ({reference})"
    )
    for metric, caption in provenances(result).items():
        note(f"{metric}: {caption}")
    if not len(front):
        note("no evaluated arch keeps all limits")
    if result.last_word:
        note(result.last_word)
    if result.folder is not None:
        choose = {"knee": True} if len(result.problem.goals) > 1 else {"top": 5}
        following = command_line("pick" if len(front) else "report", [result.folder], **(choose if len(front) else {}))
        note(f"kept in {result.folder}; next: {following}")


def rows_of(archs: Evaluations, result: SearchResult) -> list[dict[str, Any]]:
    """List archs as rows for people: goals and metrics as plain numbers, the arch as text."""
    columns = {name: [float(value) for value in values] for name, values in archs.metrics.items()}
    natural = result.problem.natural(archs.points)
    for place, name in enumerate(result.problem.names):
        columns.setdefault(name, natural[:, place].tolist())
    columns = {name: [float(f"{value:.7g}") for value in values] for name, values in columns.items()}
    numbers = archs.numbers.tolist()
    return [
        {"evaluation": number, **{name: values[i] for name, values in columns.items()}, "arch": text}
        for i, (number, text) in enumerate(zip(numbers, archs.texts(), strict=True))
    ]


def print_archs(rows: list[dict[str, Any]]) -> None:
    """Print archs as a table on stdout."""
    print_table(rows, wrap=["arch"])


def provenances(result: SearchResult) -> dict[str, str]:
    """Return where each metric comes from, by its card's caption; how many of the front lie outside its range."""
    from blockprofile.predict import caption_of, count_outside

    told = {}
    for each in result.problem.predictors:
        told[each.metric] = caption_of(each, result.problem.space)
        values = result.front.metrics[each.metric]
        if (outside := count_outside(each, values)) > 0:
            told[each.metric] += f"; of the front's {len(values)} archs {outside}"
    return told


def _generations(count: int) -> str:
    return f"{count:,} generation{'s' * (count != 1)}"
