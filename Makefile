# Every target sets up what it needs: on a fresh machine with Python 3.11 or newer, one command is enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: setup demo serve test test-all check fix bench docs lock clean

# What the program needs to run, pinned and checked by hash.
$(VENV)/.runtime: requirements/main.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements/main.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What working on it needs beside that.
$(VENV)/.development: $(VENV)/.runtime requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.development

demo: $(VENV)/.runtime
	$(BIN)/edgewright demo

serve: $(VENV)/.runtime
	$(BIN)/edgewright serve

test: $(VENV)/.development
	$(BIN)/pytest -m "not slow"

test-all: $(VENV)/.development
	$(BIN)/pytest

check: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_docs.py

fix: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development
	$(BIN)/python benchmarks/package.py

docs: $(VENV)/.development
	$(BIN)/python scripts/check_docs.py --write

lock:
	scripts/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
