# The front door: `make help` lists what can be done here.
# Everything runs in .venv, which the first target that needs it makes from Python 3.11 or newer.

export PYTHON
VENV    ?= .venv
PY      := $(VENV)/bin/python
WORKERS ?= 2
FLOWS   ?=
ARGS    ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set up

# Each stamp holds what one group of targets needs: run (the command itself), dev (and its checks),
# bench (and the peers that it is measured beside).  They are made anew when pyproject.toml changes.
extras-run   :=
extras-dev   := [dev]
extras-bench := [dev,bench]

$(VENV)/.ready-%: pyproject.toml
	@if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	    python="$$(.ci/find-python)"; \
	    echo "setting up $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV); \
	fi
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.$(extras-$*)'
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready-dev ## set up .venv with all that development needs

# ---------------------------------------------------------------- use

.PHONY: demo
demo: $(VENV)/.ready-run ## run the main job on the built-in sample network
	@$(PY) -m flowrules demo

.PHONY: run
run: $(VENV)/.ready-run ## run the shipped rulesets over your own flows: make run FLOWS=path
	@test -n "$(FLOWS)" || { echo 'which flows? make run FLOWS=path' >&2; exit 2; }
	@$(PY) -m flowrules run sei.web_clients sei.email --flows $(FLOWS)

# ---------------------------------------------------------------- check

.PHONY: test
test: $(VENV)/.ready-dev ## run all tests
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: quick
quick: $(VENV)/.ready-dev ## run the tests but the slow ones
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m 'not slow'

.PHONY: lint
lint: $(VENV)/.ready-dev ## check style and layout (ruff)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

.PHONY: format
format: $(VENV)/.ready-dev ## lay the Python code out and fix what can be fixed
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: types
types: $(VENV)/.ready-dev ## check types (mypy --strict)
	@$(PY) -m mypy

.PHONY: imports
imports: $(VENV)/.ready-dev ## check that imports run one way (import-linter)
	@$(VENV)/bin/lint-imports

.PHONY: rulesets
rulesets: $(VENV)/.ready-run ## check the shipped rulesets and run the tests inside them
	@$(PY) -m flowrules check rulesets
	@$(PY) -m flowrules test rulesets

.PHONY: docs-check
docs-check: $(VENV)/.ready-dev ## run the examples in the documentation
	@$(PY) -m pytest tests/docs

.PHONY: check
check: lint types imports test rulesets ## everything that must hold before a change goes in

.PHONY: bench
bench: $(VENV)/.ready-bench ## measure the engine beside its peers: make bench ARGS='--quick' (see --help)
	@$(PY) -m benchmarks $(ARGS)

.PHONY: build
build: $(VENV)/.ready-dev ## build the wheel and the source archive into dist/
	@$(PY) -m hatchling build

.PHONY: clean
clean: ## remove what was built and cached, but not .venv
	@rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
