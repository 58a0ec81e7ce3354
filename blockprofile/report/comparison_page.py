"""The report of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.command import command_line
from blockprofile.compare import Comparison, best_arch, load_comparison
from blockprofile.numbers import write_count, write_number
from blockprofile.plot import metric_title
from blockprofile.report.archs import arch_table
from blockprofile.report.comparison_answer import answer_comparison
from blockprofile.report.document import Cell, Document, Part, Section, Table, Text, number, p_value, table_of
from blockprofile.report.provenance import provenance_section, repeat_section
from blockprofile.report.pruning import pruning_section
from blockprofile.report.search_charts import convergence_drawing, difference_drawing, fronts_drawing
from blockprofile.run import RunFolder
from blockprofile.space import PrunedDefinition, count_archs, kept_pruning


def comparison_document(folder: Path) -> Document:
    """Make the report of a comparison.

    Raises
    ------
    UserError, DataError
        As `blockprofile.compare.load_comparison`.
    """
    comparison = load_comparison(folder)
    manifest = RunFolder.read(folder).manifest
    config = manifest.config
    space = comparison.cases[0].space
    goals = " and ".join(f"{metric_title(g.name)} ({g.direction})" for g in comparison.problem.goals)
    limits = f", within {', '.join(config['limits'])}" if config["limits"] else ""
    others = ", ".join(case.name for case in comparison.cases[1:])
    asked = (
        f"Asked: does {others} find better archs of {space.name} than {comparison.cases[0].name}, in {goals}{limits}? "
        f"{len(comparison.seeds)} paired seeds ({comparison.seeds[0]} to {comparison.seeds[-1]}), "
        f"{comparison.budget:,} evaluations each."
    )
    cases = reversed([*enumerate(comparison.cases)])  # of several in one space, the first gives the colour
    spaces = {case.space.name: (place, case.space) for place, case in cases}
    fronts, pruned = fronts_drawing(comparison), pruning_section(_prunings(config, folder), spaces)
    drawings: list[Part] = [part for part in (fronts, convergence_drawing(comparison)) if part is not None]
    differences = [difference_drawing(comparison, place) for place in range(1, len(comparison.cases))]
    instead = f"It follows from the searches that {folder} keeps; a comparison of fewer cases has room for it."
    sections = [
        Section("fronts", "What the searches found", tuple(drawings)),
        Section("verdicts", "Against the original", (_verdicts(comparison), _sooner(comparison), _words())),
    ]
    if any(differences):
        parts: tuple[Part, ...] = tuple(drawing for drawing in differences if drawing is not None)
        sections.append(Section("attainment", "Where they differ", parts, instead))
    if pruned is not None:
        sections.append(pruned)
    sections += [
        *_chosen(comparison),
        Section("seeds", "Seed by seed", (_seeds(comparison), _cases(comparison)), instead),
        provenance_section(config["predictors"]),
        repeat_section(
            [_command(folder, config), command_line("report", [folder])], config, made_by=manifest.version,
            typed=manifest.command,
        ),
    ]  # fmt: skip
    return Document(
        f"{space.definition.title}: original against {others}", asked, answer_comparison(comparison), tuple(sections)
    )


def _prunings(config: Mapping[str, Any], folder: Path) -> list[PrunedDefinition]:
    """Find the pruned spaces that are compared, each once."""
    found = [kept_pruning(case["space"], folder) for case in config["cases"]]
    return list({each.name: each for each in found if each is not None}.values())


def _command(folder: Path, config: dict[str, Any] | Any) -> str:
    cases = config["cases"]
    sources = list(dict.fromkeys(case["space"]["source"] for case in cases))
    goals = [goal for goal in config["goals"] if "metric" in goal]
    return command_line(
        "compare", space=sources[0], insight=sources[1:], algorithm=list(dict.fromkeys(c["algorithm"] for c in cases)),
        device=config["devices"], metric=config.get("metrics", ()),
        objective=[f"{goal['metric']}:{goal['direction']}:{write_number(goal['weight'])}" for goal in goals],
        limit=config["limits"], budget=config["budget"], seeds=len(config["seeds"]), seed=config["seed"],
        at=config["at"], resolution=config["space"]["resolution"], law=config["law"], out=folder,
    )  # fmt: skip


def _verdicts(comparison: Comparison) -> Table:
    rows = []
    for verdict in comparison.verdicts:
        paired = verdict.paired
        floor = "unknown" if verdict.indicator.unaudited else number(verdict.indicator.floor, 4)
        low, high = (number(each, 4, sign=True) for each in (paired.ci_low, paired.ci_high))
        case = {"case": verdict.case} if len(comparison.cases) > 2 else {}
        rows.append(
            {
                "indicator": verdict.indicator.title, **case, "original": number(paired.theirs, 4),
                "mean": number(paired.ours, 4), "difference": number(paired.difference, 4, sign=True),
                "95 % interval": f"{low.text} to {high.text}" if low.text else "", "floor": floor,
                "verdict": verdict.words,
                "p (Holm)": p_value(verdict.p_adjusted), "p (Wilcoxon)": p_value(paired.p_wilcoxon),
                "effect size": number(paired.effect_size, 2, sign=True),
                "ranks": number(paired.rank_biserial, 2, sign=True),
            }
        )  # fmt: skip
    return table_of("Paired differences", rows)


def _words() -> Text:
    return Text(
        "Interval: of the paired difference (Student's t). p: paired t-test, adjusted by Holm over "
        "the cases; exact signed-rank test of Wilcoxon beside it. Effect size: Hedges' g of the differences; "
        "ranks: the rank-biserial correlation, share of ranks for less share against. IGD+ and additive epsilon are "
        "against the joint front of all searches, every goal scaled to 0..1 by it; less is better. Floor: what the "
        "predictors' own errors make of the figure (for the hypervolume, what the original's fronts gain if every goal "
        "gets better by its predictor's floor). Verdict: better or worse where p by Holm is below 0.05 and the "
        "difference exceeds the floor; where the floor is unknown (not audited), p alone decides."
    )


def _sooner(comparison: Comparison) -> Table:
    rows = [
        {
            "case": name, "seeds that reach it": f"{speed.n_reached} of {speed.n}",
            "times sooner": number(speed.factor, 2), "from": number(speed.ci_low, 2), "to": number(speed.ci_high, 2),
            "evaluations (median)": number(speed.evaluations, 0) if np.isfinite(speed.evaluations) else "not reached",
        }
        for name, speed in comparison.sooner.items()
    ]  # fmt: skip
    caption = (
        "Evaluations until the hypervolume that the original's search of the same seed ends with; geometric mean over "
        "seeds. Where not all seeds reach it, the factor is an upper bound."
    )
    return table_of("Reaching the original's final hypervolume", rows, caption=caption)


def _chosen(comparison: Comparison) -> list[Section]:
    """Choose of each case the arch with the best gain within each cost limit, over all seeds."""
    if comparison.gain_and_cost is None:
        return []
    gain, cost = comparison.gain_and_cost
    chosen = []
    for limit in comparison.cost_limits:
        for case, runs in zip(comparison.cases, comparison.runs, strict=True):
            best = best_arch(runs, gain=gain, cost=cost, limit=limit)
            if best is not None:
                chosen.append((f"{case.name}, ≤ {limit:g} {comparison.units[cost]}", best))
    if not chosen:
        return []
    table = arch_table(chosen, comparison.cases[0].space, title="Best arch of each case within each limit")
    return [Section("archs", "Chosen archs", (table,))]


def _seeds(comparison: Comparison) -> Table:
    rows = []
    for indicator in comparison.indicators:
        for case, values in zip(comparison.cases, indicator.values, strict=True):
            row: dict[str, Any] = {"indicator": indicator.title, "case": case.name}
            row |= {f"seed {seed}": number(float(v), 4) for seed, v in zip(comparison.seeds, values, strict=True)}
            rows.append(row)
    return table_of("Every indicator of every search", rows, is_folded=True)


def _cases(comparison: Comparison) -> Table:
    rows = [
        {
            "case": case.name, "space": case.space.name, "archs": Cell(write_count(count_archs(case.space))),
            "algorithm": case.algorithm_text, "content hash": case.space.hash[:16],
        }
        for case in comparison.cases
    ]  # fmt: skip
    return table_of("Cases", rows)
