# make run    a homeserver, an IRC server and the bridge on this machine, nothing installed by hand
# make test   the real servers (Debian packages, PyPI), then every test
# make lint   ruff, mypy --strict, the architecture tests
# make bench  speed and memory, as ratios to a bare echo in the same run
# make chaos  ten kills each way, on SQLite and on PostgreSQL
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# What pytest makes of the tests is kept beside them, whatever this shell says: making it anew takes as long as a sixth of `make unit`.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test unit lint bench chaos servers docs clean

run: $(VENV)/.run
	@exec $(BIN)/unabridged demo

test: $(VENV)/.dev servers
	$(BIN)/python -m pytest $(PYTEST)

unit: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit tests/contract tests/golden tests/architecture tests/plays -m "not servers"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/architecture

servers: $(VENV)/.dev
	@$(BIN)/python -m tests.servers.install

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev servers
	$(BIN)/python -m pytest tests/chaos --kills 10 -p no:randomly $(PYTEST)

docs: $(VENV)/.dev
	$(BIN)/python -m bridge.config.reference > docs/configuration.md
	$(BIN)/python -m bridge.ops.features > docs/features.md

clean:
	rm -rf $(VENV) .unabridged .servers build *.egg-info

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, with venv (Debian: apt install python3-venv)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("$(PYTHON) is Python %d.%d, and 3.11 or newer is needed: make run PYTHON=python3.12, if you have that." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks venv (Debian: apt install python3-venv)."; exit 1; }
	@echo "Making a virtual environment in $(VENV)…"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the bridge's libraries (half a minute)…"
	@$(PIP) install --quiet --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing the test tools…"
	@$(PIP) install --quiet --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
