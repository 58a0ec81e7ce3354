# make demo    install into .venv and run the quickstart study
# make test    install with the test tools and run every check
# make fast    half a minute of tests for the inner loop: spaces, sums, statistics, searchers, files and errors
# make fuzz    change 10,000 files of every format, and run the command that reads each
# make lowest  install the lowest versions that pyproject.toml declares into .venv-lowest, and run a fast part of the tests
# make bench   time the main jobs (each benchmark also asserts its answer); figures are kept in runs/bench/COMMIT.json
# make bench-compare A=FILE B=FILE   two of these side by side
# make checks  what takes longer than the tests may: coverage of intervals, the same bytes for any workers and threads
# make docs    build the documentation into site/
# make docs-serve   the same, at http://127.0.0.1:8000, where its search works too
# make clean   remove .venv, .venv-lowest, site/, caches and the demo's runs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
WORKERS ?= auto

FUZZ ?= 10000 0
BENCH_OUT ?= runs/bench/$(shell git rev-parse --short HEAD).json

FAST_TESTS := $(filter-out tests/space/test_kinds.py tests/space/test_frames.py tests/space/test_new_kind.py,$(wildcard tests/space/test_*.py)) \
  tests/additive/test_exact.py tests/additive/test_limit.py tests/search/test_sorting.py \
  tests/search/test_variation.py tests/search/test_limits.py tests/profile/test_weighted.py tests/compare/test_paired.py \
  tests/device/test_rounds.py tests/cli/test_main.py tests/test_yamlfile.py tests/test_jsonfile.py tests/test_csvfile.py \
  tests/test_tablefile.py tests/test_files.py tests/test_numbers.py tests/test_metric.py tests/test_errors.py

LOWEST := .venv-lowest
LOWEST_TESTS := tests/test_yamlfile.py tests/test_tablefile.py tests/test_csvfile.py tests/test_jsonfile.py \
  tests/cli/test_main.py tests/cli/test_space.py tests/cli/test_pipeline.py tests/space/test_load.py tests/space/test_mistakes.py \
  tests/space/test_space.py tests/predict/test_card.py tests/predict/test_network.py tests/compare/test_paired.py \
  tests/search/test_sorting.py tests/search/test_limits.py tests/plot/test_heatmap.py tests/sensitivity

.PHONY: demo test lint types pytest fast fuzz lowest bench bench-compare checks docs docs-serve clean check-python

demo: $(VENV)/.installed
	$(BIN)/blockprofile run analysis/quickstart.yaml
	@echo
	@echo "Open first: runs/quickstart/comparison/report.html"
	@echo "Next: docs/start.md, ten minutes from here to a pruned space; $(BIN)/blockprofile --help lists the commands."

test: lint types pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-test
	$(BIN)/mypy

# One thread a process: there is a process for every core already.
pytest fast fuzz: export OMP_NUM_THREADS = 1
pytest fast fuzz: export OPENBLAS_NUM_THREADS = 1
# Bytecode is kept, whatever the environment says: tests start many processes, and each would compile everything anew.
pytest fast fuzz: export PYTHONDONTWRITEBYTECODE =

pytest: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4

fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n $(WORKERS) --maxprocesses 4 $(FAST_TESTS)

# FUZZ is how many files, and the first seed.
fuzz: $(VENV)/.installed-test
	$(BIN)/python -m tests.fuzz $(FUZZ)

# Libraries of that age warn of each other's newer releases, which is nobody's fault here.
lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -q -p no:cacheprovider -W ignore::DeprecationWarning $(LOWEST_TESTS)

bench: $(VENV)/.installed-bench
	@rm -f $(BENCH_OUT)
	set -e; for script in benchmarks/bench_*.py; do name=$$(basename $$script .py); echo "== $$name"; \
	  BENCH_OUT=$(BENCH_OUT) $(BIN)/python -m benchmarks.$$name; done
	@echo "Kept in $(BENCH_OUT)"

bench-compare: $(VENV)/.installed-bench
	@test -n "$(A)" -a -n "$(B)" || { echo "give two files: make bench-compare A=FILE B=FILE; make bench keeps them in runs/bench/" >&2; exit 2; }
	@$(BIN)/python -m benchmarks.figures $(A) $(B)

checks: $(VENV)/.installed-bench
	set -e; for script in benchmarks/check_*.py; do name=$$(basename $$script .py); echo "== $$name"; \
	  $(BIN)/python -m benchmarks.$$name; done

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site
	@echo "Open site/index.html; browsers let its search work only from a server: make docs-serve"

docs-serve: docs
	@echo "Open http://127.0.0.1:8000"
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8000

clean:
	rm -rf $(VENV) $(LOWEST) site dist build runs/quickstart .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "blockprofile needs Python 3.11 or newer; '$(PYTHON)' was not found. Try: make PYTHON=python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "blockprofile needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.11 ..." >&2; exit 2; }

# The stamps make a second run quick: only a change of the dependencies installs again.
$(VENV)/.installed: pyproject.toml constraints.txt | check-python
	@echo "Installing into $(VENV); the first time takes some minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | check-python
	@echo "Installing into $(VENV), with the test tools; the first time takes some minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml constraints.txt | check-python
	@echo "Installing into $(VENV), with what the benchmarks compare against."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[bench]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml constraints.txt | check-python
	@echo "Installing into $(VENV), with the documentation tools."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[docs]'
	@touch $@ $(VENV)/.installed

# torch alone is not the lowest: it is the CPU build of constraints.txt, without the packages of its CUDA builds. Linters
# and type checkers are tools of `make test`, at the versions of constraints.txt.
$(LOWEST)/.installed: pyproject.toml constraints.txt | check-python
	@echo "Installing the lowest versions into $(LOWEST); it takes some minutes."
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@grep '^torch==' constraints.txt > $(LOWEST)/torch.txt
	@UV_NATIVE_TLS=1 $(LOWEST)/bin/uv pip compile --quiet --no-header --no-annotate --python $(LOWEST)/bin/python \
	  --resolution lowest-direct --extra test --override $(LOWEST)/torch.txt --output-file $(LOWEST)/all.txt pyproject.toml
	@grep -v -E '^(nvidia|cuda|triton|mypy|ruff|optype|types-)|-stubs=' $(LOWEST)/all.txt > $(LOWEST)/lowest.txt
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $(LOWEST)/lowest.txt
	@touch $@
