"""The pruned-space file: the record as YAML, with comments that say each rule's evidence in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockprofile.errors import OptionError
from blockprofile.files import check_name, make_folder, write_text
from blockprofile.numbers import write_count
from blockprofile.predict import UNKNOWN_FLOOR
from blockprofile.prune.decision import rule_words
from blockprofile.prune.wording import signed
from blockprofile.space import Evidence, PrunedDefinition, Rule, read_space
from blockprofile.yamlfile import write_yaml

if TYPE_CHECKING:
    from ruamel.yaml.comments import CommentedMap

LINE_WIDTH = 240
"""Wide enough for one figure to a line."""

HEAD = """\
A pruned space: a search space with fewer choices. It is used wherever a space is (--space, --insight).
To edit it, change or delete rules: they are applied in order, and a mistake is reported with its line.
Effects are those of a choice less those of the choice that it was compared with, with 95 % intervals.
`blockprofile space diff BASE THIS` shows what is left; `blockprofile space check THIS` checks it."""


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")


def _flow(data: Mapping[Any, Any]) -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    found = CommentedMap({key: value for key, value in data.items() if value not in (None, "", [], ())})
    for key, value in found.items():
        if isinstance(value, list):
            found[key] = CommentedSeq(value)
            found[key].fa.set_flow_style()
    found.fa.set_flow_style()
    return found


def _names(values: object) -> Any:
    from ruamel.yaml.comments import CommentedSeq

    found = CommentedSeq(values)
    found.fa.set_flow_style()
    return found


def _evidence(item: Evidence) -> CommentedMap:
    interval = None if item.ci is None else [_rounded(end) for end in item.ci]
    return _flow(
        {
            "metric": item.metric, "what": item.what, "against": item.against, "effect": _rounded(item.effect),
            "unit": item.unit, "ci": interval, "n": item.n, "p_adjusted": _rounded(item.p_adjusted, 2),
            "floor": item.floor if item.floor == "unknown" else _rounded(item.floor), "provenance": item.provenance,
        }
    )  # fmt: skip


def evidence_words(item: Evidence) -> str:
    """Say one figure in words.

    Examples
    --------
    >>> evidence_words(Evidence(metric="latency_ms:phone", effect=1.3, unit="ms", ci=(1.2, 1.4), n=900, floor=0.05))
    'latency_ms:phone +1.3 ms (+1.2 to +1.4), n 900, floor 0.05'
    """
    words = f"{item.metric} {signed(item.effect, item.unit)}"
    if item.ci is not None:
        low, high = (signed(end, item.unit).split()[0] for end in item.ci)
        words += f" ({low} to {high})"
    if item.n is not None:
        words += f", n {item.n:,}"
    if item.p_adjusted is not None:
        words += f", adjusted p {item.p_adjusted:.1g}" if item.p_adjusted > 1e-99 else ", adjusted p below 1e-99"
    if item.floor == "unknown":
        words += f", floor {UNKNOWN_FLOOR}"
    elif item.floor is not None:
        words += f", floor {item.floor:.3g}"
    return words


def _rule_comment(rule: Rule) -> str:
    lines = [rule_words(rule)]
    pairs: dict[tuple[str, str], list[Evidence]] = {}
    for item in rule.evidence:
        pairs.setdefault((item.what, item.against), []).append(item)
    for (what, against), items in pairs.items():
        lines.append(f"  {what} against {against}:")
        lines += [f"    {evidence_words(item)}" for item in items]
    return "\n".join(lines)


def _rule(rule: Rule) -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import FoldedScalarString

    found = CommentedMap()
    place = {"unit": rule.where.unit, "layer": rule.where.layer}
    if rule.where.unit is not None:
        found["where"] = _flow(place)
    if rule.option:
        found["option"] = rule.option
    for key, names in (("drop", rule.drop), ("keep", rule.keep), ("drop_widths", rule.drop_widths)):
        if names:
            found[key] = _names(names)
    for key, depth in (("max_depth", rule.max_depth), ("min_depth", rule.min_depth)):
        if depth is not None:
            found[key] = depth
    if rule.policy:
        found["policy"] = rule.policy
    if rule.why:
        found["why"] = FoldedScalarString(rule.why) if len(rule.why) > 80 and "\n" not in rule.why else rule.why
    if rule.evidence:
        found["evidence"] = [_evidence(item) for item in rule.evidence]
    return found


def pruned_yaml(definition: PrunedDefinition) -> CommentedMap:
    """Lay out the file of a pruned space: ruamel's mapping, comments included."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    data = CommentedMap()
    data["schema"] = definition.schema
    data["name"] = definition.name
    data["title"] = definition.title
    data["base"] = CommentedMap(
        {key: value for key in ("name", "hash", "file") if (value := getattr(definition.base, key))}
    )
    if definition.sources:
        data["sources"] = list(definition.sources)
    if definition.notes:
        data["notes"] = definition.notes
    if definition.size:
        data["size"] = CommentedMap(definition.size)
        for key in ("archs_before", "archs_after"):
            if key in definition.size:
                data["size"].yaml_add_eol_comment(write_count(int(definition.size[key])), key)
    if definition.mutation:
        data["mutation"] = _flow(definition.mutation)
        data.yaml_set_comment_before_after_key(
            "mutation", "How often a search changes each unit, relative to the greatest."
        )
    rules = CommentedSeq([_rule(rule) for rule in definition.rules])
    for index, rule in enumerate(definition.rules):
        rules.yaml_set_comment_before_after_key(index, _rule_comment(rule), indent=2)
    data["rules"] = rules
    if definition.provenance:
        data["provenance"] = [_flow(item) for item in definition.provenance]
    if definition.certificate:
        data["certificate"] = dict(definition.certificate)
    data.yaml_set_start_comment(HEAD)
    return data


def write_pruned(path: Path, definition: PrunedDefinition, *, base: str | None = None) -> None:
    """Write a pruned-space file.

    Parameters
    ----------
    base
        The text of the base's file, where the base is not shipped; it is put beside ``path``.

    Raises
    ------
    OptionError
        If another file of the base's name stands beside ``path``, or ``path`` is the base itself.
    """
    make_folder(path.parent)
    if base is not None and definition.base.file is not None:
        beside = path.parent / check_name(Path(definition.base.file).name, what="the base's file")
        if beside.resolve() == path.resolve():
            raise OptionError(f"--out {str(path)!r} is the file of the base space; choose another name")
        if not beside.exists():
            write_text(beside, base)
        elif beside.read_text(encoding="utf-8") != base and read_space(beside).hash != definition.base.hash:
            raise OptionError(
                f"{str(beside)!r} exists and is not the base space {definition.base.name!r}; choose another --out"
            )
    write_yaml(path, pruned_yaml(definition), width=LINE_WIDTH)
