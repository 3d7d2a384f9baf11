# Everything a person does here. `make` alone lists it. Needs make, git and Python 3.11 or newer with pip;
# no compiler. Another Python than `python3`: make setup PYTHON=/path/to/python3.12

PYTHON ?= python3
BIN := .venv/bin
# --no-compile: Python writes the bytecode of what is imported; compiling all of it here takes a minute.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
STATE ?= demo-output
HOUSE ?= serve-house
PORT ?= 8440

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fix serve bench long

help: ## say what each target does
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 9

setup: $(DEV) ## install everything into .venv, from the locks, with hashes

demo: $(RUNTIME) ## the story end to end on real photographs; writes demo-output/
	@$(BIN)/countenance demo --out $(STATE)

test: $(DEV) ## all tests on two cores
	@$(BIN)/pytest -n 2 --dist loadfile

lint: $(DEV) ## ruff, mypy --strict and the layers of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(DEV) ## repair what ruff can repair
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

serve: $(RUNTIME) ## serve a house of your own on this machine, made in serve-house/ (make serve PORT=8440)
	@test -f $(HOUSE)/data/log.vkey || $(BIN)/countenance init --for-myself --purpose identity-verification \
	  --country DE --data $(HOUSE)/data --keys $(HOUSE)/keys
	@$(BIN)/countenance serve --port $(PORT) --data $(HOUSE)/data --keys $(HOUSE)/keys

bench: $(DEV) ## every benchmark with its goals; fails where one is missed
	@$(BIN)/python -m benchmarks.all

long: $(DEV) ## the tests with whole counts; writes docs/long.md
	@COUNTENANCE_LONG=1 $(BIN)/python -m benchmarks.long

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Countenance needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

# The checkout itself is installed without asking for anything: its builder is in the lock.
$(RUNTIME): requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing into .venv from requirements.lock (one to three minutes) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
