# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check soak bench env clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.ready ## the flights workflow, from raw files to a registered model
	$(BIN)/mlwf run flights

env: $(VENV)/.ready

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "mlwf_assets needs Python 3.11, however: $$($(PYTHON) --version 2>&1 || echo none found)." \
	       "Install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready: constraints.txt setup.cfg pyproject.toml | $(VENV)/.python
	@echo "Installing into $(VENV) (a few minutes) ..." >&2
	$(PIP) --editable .
	@$(BIN)/python -m mlwf_assets.cli.home "$(CURDIR)"
	@$(BIN)/python -c "import mlwf_assets.definitions" # the first load hashes all sources: later ones take a second
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(PIP) --editable '.[test,dev]'
	@touch $@

test: $(VENV)/.ready-dev ## the test suite
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

soak: $(VENV)/.ready-dev ## the tests that scale, with full counts
	$(BIN)/pytest --numprocesses 2 --dist loadgroup -m soak --full

check: $(VENV)/.ready-dev ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-dev ## side by side with the peers
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build *.egg-info
