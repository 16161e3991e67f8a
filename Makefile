# Every target makes its own virtual environment and needs no activated one.
#   make train    256 games of shogi, played and learned from, into a new folder under runs/
#   make test     the fast tests;  make test-slow  the rest;  make test-all  both
#   make test-other  RLlib and Tianshou, whose pins need an environment of their own
#   make test-page   the page in a real browser, Debian's chromium
#   make pictures    the pictures of the page in README.md, from RUNS=FOLDER
#   make fuzz     strangers' bytes, FUZZ_SECONDS=600 for each target (ARGS=FILE for some of them)
#   make dist     the wheel and the source archive in dist/, looked through and tried
#   make test-lowest  a part of the tests with the lowest versions that are allowed
#   make docs     the documents as a site, build/site/index.html, without anything from elsewhere
#   make bench    the measurements, added to benchmarks/RESULTS.md
#   make compare  rules and speed of other implementations, for docs/comparison.md
#   make soak     10^8 positions beside cshogi, gone on with where the last call stopped
#   make faults   training killed, stopped, out of disk at 100 random moments; takes root
#   make check    everything that CI runs: tests, lint, types, contracts
#   make format   rewrite the sources in the one format
# Python by another name: make PYTHON=python3.11 ...;  other training options: make train ARGS="--seed 7"

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
RUNS ?= runs
FUZZ_SECONDS ?= 600

BIN := $(VENV)/bin
TRAIN_READY := $(VENV)/.installed-train
DEV_READY := $(VENV)/.installed-dev
OTHER := $(VENV)-other
OTHER_READY := $(OTHER)/.installed
LOWEST := $(VENV)-lowest
LOWEST_READY := $(LOWEST)/.installed

# What touches private parts of libraries, and what their interfaces are most likely to change in.
LOWEST_TESTS := tests/shogi/test_intrinsics.py tests/shogi/test_vector_code.py \
  tests/vec/test_registration.py tests/vec/test_autoreset.py tests/vec/test_conformance_batch.py \
  tests/rl/test_experience_buffer.py tests/rl/test_ppo_agent.py tests/test_config_schema.py \
  tests/training/test_trainer.py tests/cli/test_config.py tests/cli/test_main.py

# Small tensors on few cores: a second torch thread costs more than it gives. Benchmarks are defined
# on one core.
ONE_THREAD := OMP_NUM_THREADS=1

# Where Python is told to keep none of what it compiles, each process of the tests would compile all
# modules anew.
KEEP_BYTECODE := PYTHONDONTWRITEBYTECODE=

.PHONY: help train test test-slow test-all test-other test-page pictures fuzz dist test-lowest docs bench compare soak faults lint format types contracts check clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   make/make/p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "keisei needs Python 3.11, which $(PYTHON) is not; name one: make PYTHON=python3.11"; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)

# An editable install with one extra, in the tested versions; done again when either file changes.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing keisei[$*] into $(VENV)"
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check \
	  --root-user-action=ignore -c constraints.txt -e ".[$*]"
	@touch $@

# RLlib wants an older Gymnasium than the newest, and Tianshou an older virtualenv.
$(OTHER_READY): pyproject.toml constraints-other.txt
	@echo "installing keisei[rllib] into $(OTHER)"
	@$(PYTHON) -m venv $(OTHER)
	@$(OTHER)/bin/python -m pip install -qq --no-input --disable-pip-version-check \
	  --root-user-action=ignore -c constraints-other.txt -e ".[rllib]" tianshou pytest hypothesis
	@touch $@

$(LOWEST_READY): pyproject.toml constraints-lowest.txt
	@echo "installing keisei[train] into $(LOWEST)"
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip install -qq --no-input --disable-pip-version-check \
	  --root-user-action=ignore -c constraints-lowest.txt -e ".[train]" pytest hypothesis
	@touch $@

train: $(TRAIN_READY)
	$(BIN)/keisei-vec train --config configs/default.toml $(ARGS)

test: $(DEV_READY)
	$(ONE_THREAD) $(KEEP_BYTECODE) $(BIN)/python -m pytest -q -m "not slow" -n auto \
	  --dist worksteal $(ARGS)

test-slow: $(DEV_READY)
	$(ONE_THREAD) $(KEEP_BYTECODE) $(BIN)/python -m pytest -q -m slow -n auto \
	  --dist worksteal $(ARGS)

test-all: test test-slow test-other

test-other: $(OTHER_READY)
	$(ONE_THREAD) $(OTHER)/bin/python -m pytest -q tests/vec/test_registration.py \
	  tests/vec/adapters/test_rllib.py tests/vec/adapters/test_tianshou.py \
	  tests/vec/adapters/test_page.py $(ARGS)
	$(ONE_THREAD) $(OTHER)/bin/python -m pytest -q tests/examples/test_examples.py -k rllib_ppo $(ARGS)

test-page: $(DEV_READY)
	@command -v chromium >/dev/null || { \
	  echo "make test-page needs a browser: apt-get install chromium brings it"; exit 1; }
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m slow tests/web/test_page.py tests/web/test_page_faults.py $(ARGS)

pictures: $(DEV_READY)
	$(ONE_THREAD) $(BIN)/python -m tests.web.pictures $(RUNS) docs

fuzz: $(DEV_READY)
	$(ONE_THREAD) KEISEI_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -q -s -m "not slow" \
	  $(or $(ARGS),tests/fuzz)

test-lowest: $(LOWEST_READY)
	$(ONE_THREAD) $(LOWEST)/bin/python -m pytest -q -m "not slow" $(LOWEST_TESTS) $(ARGS)

# Into an environment with nothing but the wheel and what it asks for.
dist: $(VENV)/.installed-dist
	rm -rf dist build/lib build/bdist* build/bare
	$(BIN)/python -m build --outdir dist . >/dev/null
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/bare
	build/bare/bin/python -m pip install -qq --no-input --disable-pip-version-check \
	  --root-user-action=ignore -c constraints.txt dist/*.whl
	$(BIN)/python -m tests.archives dist build/bare/bin/python

# The variable silences an advertisement.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "written to build/site/index.html"

bench: $(DEV_READY)
	@mkdir -p .benchmarks
	$(ONE_THREAD) $(BIN)/python -m pytest benchmarks --benchmark-only \
	  --benchmark-json=.benchmarks/latest.json $(ARGS)
	$(BIN)/python benchmarks/report.py .benchmarks/latest.json \
	  benchmarks/RESULTS.md benchmarks/env_step.svg

compare: $(DEV_READY)
	@mkdir -p .benchmarks
	$(ONE_THREAD) $(BIN)/python benchmarks/compare.py $(ARGS)

soak: $(DEV_READY)
	$(ONE_THREAD) $(BIN)/python benchmarks/soak.py --log .benchmarks/soak.jsonl $(ARGS)

faults: $(DEV_READY)
	$(ONE_THREAD) $(BIN)/python -m tests.training.ordeal $(ARGS)

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV_READY)
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(DEV_READY)
	$(BIN)/lint-imports --no-cache

check: test test-slow test-other test-lowest lint types contracts dist

clean:
	rm -rf build dist .benchmarks .pytest_cache .ruff_cache .import_linter_cache
	find keisei tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
