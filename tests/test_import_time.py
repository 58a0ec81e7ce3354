"""Importing does nothing heavy: what is loaded is asserted, since a time would depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "torch", "pandas", "pyarrow", "scipy", "seaborn", "matplotlib", "statsmodels", "joblib", "dask", "pydantic",
    "ruamel", "moocore", "jinja2", "safetensors", "onnx", "onnxruntime", "pymoo",
}  # fmt: skip

LIGHT_PACKAGES = ("blockprofile", "blockprofile.space", "blockprofile.predict", "blockprofile.yamlfile")


def loaded_after(statement: str) -> set[str]:
    """Run a statement in a fresh interpreter; return the top-level modules that it leaves loaded."""
    program = (
        f"import json, sys\n{statement}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", LIGHT_PACKAGES)
def test_importing_loads_nothing_heavy(package: str) -> None:
    assert loaded_after(f"import {package}") & HEAVY == set()


def test_the_package_alone_does_not_even_load_numpy() -> None:
    assert "numpy" not in loaded_after("import blockprofile")


def test_the_program_works_linear_algebra_in_one_thread_before_numpy_asks_for_their_number() -> None:
    statement = (
        "import os, sys\nos.environ['OPENBLAS_NUM_THREADS'] = '2'\nfrom blockprofile.cli import main as program\n"
        "program.main = lambda: sys.modules.update({'threads' + os.environ['OPENBLAS_NUM_THREADS']: sys})\n"
        "try: program.run()\nexcept SystemExit: pass"
    )
    loaded = loaded_after(statement)
    assert "threads1" in loaded
    assert "numpy" not in loaded


def test_help_loads_nothing_heavy() -> None:
    statement = "from blockprofile.cli.main import main\nmain(['--help'])"
    assert loaded_after(statement) & HEAVY == set()


def test_the_check_can_fail() -> None:
    assert "matplotlib" in loaded_after("import matplotlib") & HEAVY


def test_drawing_and_counting_need_numpy_alone() -> None:
    statement = (
        "import numpy as np\nfrom blockprofile.space import *\nfrom tests.toy import TOY\nspace = Space(TOY)\n"
        "archs = draw_archs(space, 10, np.random.default_rng(0))\ncount_archs(space), decode(space, archs[0])\n"
        "CompiledSum(space, [factorize(space, count_macs)])(archs)"
    )
    assert loaded_after(statement) & (HEAVY - {"pydantic", "ruamel"}) == set()


def test_sampling_what_is_counted_or_looked_up_loads_neither_torch_nor_pandas(tmp_path: Path) -> None:
    words = f"sample --space ofa_mbv3 --device note10 --metric macs_m --n 9 --out {tmp_path / 'run'}".split()
    statement = f"from blockprofile.cli.main import main\nassert main({words}) == 0"
    assert loaded_after(statement) & {"torch", "pandas", "scipy"} == set()
