"""The report of one search."""

from __future__ import annotations

from pathlib import Path

from blockprofile.command import command_line
from blockprofile.numbers import write_number
from blockprofile.plot import metric_title
from blockprofile.report.archs import arch_table, front_table
from blockprofile.report.document import Document, Section
from blockprofile.report.provenance import provenance_section, repeat_section
from blockprofile.report.search_charts import search_drawings
from blockprofile.run import RunFolder
from blockprofile.search import Evaluations, Reward, SearchResult, load_search, pick, write_reward

N_TOP = 20


def search_document(folder: Path) -> Document:
    """Make the report of a search.

    Raises
    ------
    UserError, DataError
        As `blockprofile.search.load_search`.
    """
    result, manifest = load_search(folder), RunFolder.read(folder).manifest
    config, space = manifest.config, result.problem.space
    goals = " and ".join(f"{metric_title(goal.name)} ({goal.direction})" for goal in result.problem.goals)
    limits = f", within {', '.join(config['limits'])}" if config["limits"] else ""
    asked = (
        f"Asked: the best archs of {space.name} in {goals}{limits}; algorithm {result.algorithm}, seed {result.seed}."
    )
    shown = result.front if len(result.problem.goals) > 1 else result.top(N_TOP)
    elsewhere = f"They stand in {folder / 'evaluations.parquet'}; see {command_line('pick', [folder], top=N_TOP)}"
    sections = [Section("front", "What was found", search_drawings(result))]
    if len(shown):
        sections.append(
            Section("archs", "The archs", (front_table(shown, title="Archs, best in the first goal first"),), elsewhere)
        )
        sections.append(
            Section("chosen", "Chosen archs", (arch_table(_chosen(result, shown), space, title="Layer by layer"),))
        )
    sections += [
        provenance_section(config["predictors"]),
        repeat_section(
            [_command(folder, manifest.config), command_line("report", [folder])], config, made_by=manifest.version,
            typed=manifest.command,
        ),
    ]  # fmt: skip
    title = f"{space.definition.title if not space.is_pruned else space.name}: a search"
    return Document(title, asked, _answer(result, shown), tuple(sections))


def _chosen(result: SearchResult, shown: Evaluations) -> list[tuple[str, Evaluations]]:
    ends = [("first of the list", shown.numbers[:1]), ("last of the list", shown.numbers[-1:])]
    if len(result.problem.goals) > 1:
        ends.insert(1, ("knee", pick(result, knee=True).numbers[:1]))
    return [(words, Evaluations(result.archive, numbers)) for words, numbers in ends]


def _answer(result: SearchResult, shown: Evaluations) -> tuple[str, ...]:
    n, names = len(result.archive), result.problem.names
    if not len(shown):
        return (f"None of {n:,} evaluated archs keeps all limits.",)
    best = result.problem.natural(shown.points)
    units = result.problem.units
    ranges = ", ".join(
        f"{name} {column.min():.4g} to {column.max():.4g} {unit}".rstrip()
        for name, column, unit in zip(names, best.T, units, strict=True)
    )
    if len(names) == 1:
        reached = f"{names[0]} {best[0, 0]:.5g} {units[0]}".rstrip()
        return (f"Of {n:,} evaluated archs the best reaches {reached}.", f"It is {shown.texts()[0]}.")
    knee = pick(result, knee=True)
    at = result.problem.natural(knee.points)[0]
    words = ", ".join(f"{name} {value:.4g} {unit}".rstrip() for name, value, unit in zip(names, at, units, strict=True))
    return (
        f"{n:,} evaluations left a front of {len(shown)} archs: {ranges}.",
        f"Its knee, where more of one goal begins to cost much of another, is at {words}.",
        f"Its hypervolume is {result.hypervolume:.6g} {result.problem.hypervolume_unit}".rstrip() + ".",
    )


def _command(folder: Path, config: object) -> str:
    assert isinstance(config, dict)
    algorithm, exact = dict(config["algorithm"]), config["algorithm"]["name"] == "exact"
    mutator = str(dict(algorithm.get("mutation") or {}).get("mutation", "uniform"))
    seconds = config["budget"]["seconds"]
    return command_line(
        "search", space=config["space"]["source"], device=config["devices"],
        metric=config.get("metrics", ()),
        objective=[
            f"{goal['metric']}:{goal['direction']}:{write_number(goal['weight'])}"
            for goal in config["goals"] if "metric" in goal
        ],
        reward=next((write_reward(Reward(**goal["reward"])) for goal in config["goals"] if "reward" in goal), None),
        limit=config["limits"], algorithm=algorithm["name"], population=algorithm.get("population"),
        mutator=None if mutator == "uniform" else mutator, pool=algorithm.get("pool"),
        children=algorithm.get("children"), chance=algorithm.get("chance"),
        top=algorithm.get("top") if len(config["goals"]) == 1 else None,
        budget=None if exact else config["budget"]["evaluations"] or f"{write_number(seconds)}s",
        seed=None if exact else config["seed"], law=None if exact else config["law"],
        resolution=config["space"]["resolution"], out=folder,
    )  # fmt: skip
