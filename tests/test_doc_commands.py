"""Every command of README and docs is pasted as it stands there, page by page, with smaller numbers, and works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from blockprofile.cli.main import EXIT_USER, main
from blockprofile.content import content_dir
from blockprofile.numbers import parse_count
from tests.test_docs import PAGES as ALL_PAGES
from tests.test_docs import TUTORIALS, kiosk, own_space

Capture = pytest.CaptureFixture[str]

PAGES = [page for page in ALL_PAGES if page not in TUTORIALS]
"""Tutorials are run whole, with the figures that stand there, by tests/test_docs.py."""

SMALLER = {"--n": "300", "--seeds": "2", "--until": "ci=2", "--workers": "1"}
MORE = {"search": "--budget 60", "compare": "--budget 60", "prune": "--no-certificate"}
"""What is changed in a command or added to it, to keep it quick."""

ODD = {
    "predictor fit trained.csv --space kiosk.yaml --metric top1_percent --out fitted": "--folds 0 --epochs 1",
    "heatmap runs/kiosk": "--kind layers --metric top1_percent",
    "sensitivity --space ofa_mbv3 --device note10 --device rtx2080ti_gpu --device kirin9000_npu": "--n 300",
    "heatmap runs/moga": "--kind layers --metric macs_m",
}

REFUSED = {
    "search --space ofa_mbv3 --device note10 --limit 'latency_ms:note10<=10'",
    "sample --space kiosk.yaml --device mace_gpu --n 1e4 --out runs/other",
}
"""Shown for the message."""

ELSEWHERE = {
    "run": "studies take minutes; tests/run/test_shipped_studies.py reads them",
    "report runs/quickstart/moga-mace_gpu": "it is made by a study",
    "sample --space ofa_mbv3 --device note10 --n 1e8 --backend dask": "it needs a cluster; tests/run/test_cluster.py",
    "profile --space ofa_mbv3 --device note10 --n 1e9": "it needs a CUDA device; tests/profile/test_on_device.py",
    "exact --space ofa_mbv3 --device note10": "it takes seconds; tests/cli/test_exact.py",
    "sample --space ofa_mbv3 --device note10 --limit": "as exact; tests/additive/test_limit.py",
    "lut solve": "it needs times of whole networks; tests/device/test_solve.py",
    "lut measure": "it takes minutes; tests/cli/test_lut.py and test_hints.py measure a small space",
    "lut audit": "as lut measure",
    "sample --space moga --device my_device": "as lut measure",
    "device compare my_device": "as lut measure",
    "lut import phone.csv": "times are to be filled in; tests/cli/test_hints.py fills them in",
    "predictor fit my_phone.csv": "it needs labels and minutes; tests/cli/test_predictor.py",
    "predictor fit data/labels": "as predictor fit my_phone.csv",
    "predictor fit labels.parquet": "as predictor fit my_phone.csv",
    "predictor evaluate": "it needs labels that are not shipped with the package; tests/cli/test_predictor.py",
    "predictor import": "it needs a checkpoint; tests/cli/test_predictor.py",
    "supernet": "it trains for minutes to hours; tests/supernet",
    "sample --space moga_32 --metric fitted": "as supernet",
    "pick runs/search --knee --export": "as supernet; tests/supernet/test_export.py",
    "lut import energy.csv": "energies are to be filled in; tests/cli/test_lut_energy.py fills them in",
    "search --space moga --device board": "as lut import energy.csv",
    "lut import profiles/": "it needs files of a profiler; tests/cli/test_lut_import.py",
    "lut run": "it needs another machine; tests/device/test_remote.py",
    "lut times": "as lut import; tests/cli/test_lut_import.py",
    "lut export": "it takes seconds a network; tests/device/test_export.py",
    "lut plan": "as lut export",
    "arch encode 'e3k5 e3k3 | …'": "a form, to be filled in",
    "arch decode --from archs.jsonl": "it needs a file of archs; tests/cli/test_arch.py",
}
"""Beginnings of commands that are not run here, and why."""


def fill_in_times(command: list[str]) -> None:
    """Fill in the times of a template, as one does who has a profiler; those of custom blocks stay empty."""
    file = Path(command[command.index("--out") + 1])
    lines = file.read_text(encoding="utf-8").splitlines()
    timed = [line if ",custom:" in line else line.replace(",,,", f",0.{n % 9 + 1},,") for n, line in enumerate(lines)]
    file.write_text("\n".join(timed) + "\n", encoding="utf-8")


def train(command: list[str]) -> None:
    """Write accuracies of planned archs, as one does who has trained them."""
    plan = [json.loads(line) for line in Path(command[command.index("--out") + 1]).read_text().splitlines()]
    archs = [row["arch"] for row in plan]
    told = [{"arch": arch, "top1_percent": 60 + 2 * arch.count("fused") + 0.1 * len(arch)} for arch in archs]
    Path("trained.jsonl").write_text("\n".join(map(json.dumps, told)), encoding="utf-8")


MEANWHILE = {"lut template --space kiosk.yaml": fill_in_times, "label plan --space kiosk.yaml": train}
"""What a reader does after a command, before the next one."""


def commands_of(page: Path) -> list[str]:
    """List the command lines of a page in order, without ``blockprofile``."""
    text = re.sub(r"\\\n\s+", " ", page.read_text(encoding="utf-8"))
    found = re.findall(r"^(?:    |\$ )?blockprofile ([a-z]+ .*?)(?:\s+#.*)?$", text, flags=re.MULTILINE)
    return [re.sub(r"  +", " ", line) for line in found if not line.startswith("answers by")]


def run_here(line: str) -> bool:
    return not any(line.startswith(beginning) for beginning in ELSEWHERE)


def shortened(line: str) -> list[str]:
    words = shlex.split(line)
    for place, word in enumerate(words[:-1]):
        if word in SMALLER and not (word == "--n" and parse_count(words[place + 1]) < parse_count(SMALLER[word])):
            words[place + 1] = SMALLER[word]
    return [*words, *MORE.get(words[0], "").split(), *ODD.get(line, "").split()]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(run_here, commands_of(page)))], ids=lambda p: p.stem
)
def test_commands_can_be_pasted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_space.yaml").write_text(own_space(), encoding="utf-8")
    Path("kiosk.yaml").write_text(kiosk(), encoding="utf-8")
    shutil.copy(content_dir("spaces") / "insight" / "ofa_mbv3-note10.yaml", "pruned.yaml")
    for line in filter(run_here, commands_of(page)):
        status = main(shortened(line))
        for beginning, act in MEANWHILE.items():
            if line.startswith(beginning):
                act(shlex.split(line))
        told = capsys.readouterr().err
        assert status == (EXIT_USER if line in REFUSED else 0), f"{line}: {told}"


def test_commands_that_are_not_run_here_are_understood(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Their options exist and take these values; nothing is done."""
    monkeypatch.setattr(typer.core.TyperCommand, "invoke", lambda command, context: None)
    for page in PAGES:
        for line in commands_of(page):
            if not run_here(line):
                assert main(shlex.split(line)) == 0, f"{line}: {capsys.readouterr().err}"


def test_no_exception_is_left_over() -> None:
    lines = [line for page in PAGES for line in commands_of(page)]
    for beginning in [*ELSEWHERE, *ODD, *REFUSED, *MEANWHILE]:
        assert any(line.startswith(beginning) for line in lines), beginning
