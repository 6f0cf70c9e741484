# Works on a bare Debian 12: python3 (3.11 or newer), git, make. No root, no uv, nothing outside this folder.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
WORKERS ?= 2
IN_PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Tests that need the facts beside the project skip where they are absent; coverage is then no measure.
NO_GATE := $(if $(wildcard ../shared/README.md),,--cov-fail-under=0)

.PHONY: help demo test lint types imports tests coverage thorough servers kills bench requirements clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(VENV)/.core ## make up an estate on a throw-away PostgreSQL, upgrade it, verify it
	$(RUN)/apim-upgrade demo

test: lint types imports tests ## everything that has to hold before a change is taken

lint: $(VENV)/.dev ## style and formatting
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: $(VENV)/.dev ## static types
	$(RUN)/mypy

imports: $(VENV)/.dev ## which room may call which
	$(RUN)/lint-imports --no-cache

servers: $(VENV)/.dev ## fetch the MariaDB and the H2 that the tests read, unless installed; into .servers, no root
	@$(RUN)/python tools/fetch_servers.py

tests: $(VENV)/.dev servers ## the tests
	$(RUN)/pytest $(IN_PARALLEL)

coverage: $(VENV)/.dev servers ## the tests again, with coverage, which takes them half as long again; at least 90 %
	$(RUN)/pytest $(IN_PARALLEL) --cov --cov-report=term $(NO_GATE)

thorough: $(VENV)/.dev servers ## the combinations that the tests leave out for time
	$(RUN)/pytest -n $(WORKERS) -m thorough

kills: $(VENV)/.dev servers ## kill -9 at 100 random moments (the tests do fewer)
	APIM_UPGRADE_KILLS=100 $(RUN)/pytest -n 0 tests/upgrade/test_kill.py tests/execution/test_backup_kills.py

bench: $(VENV)/.dev ## times and memory; writes the table in benchmarks/README.md
	$(RUN)/python benchmarks/upgrade.py

requirements: ## lock the dependencies anew (maintainers; needs uv)
	$(LOCK) --extra demo --group build -o requirements.txt
	$(LOCK) --extra demo --extra dask --extra db2 --extra h2 --extra mssql --extra oracle --group dev -o requirements-dev.txt

LOCK := uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-header --no-emit-index-url --no-emit-find-links

clean: ## remove what the other targets made, except the virtual environment
	rm -rf .demo .coverage .coverage.* coverage.xml .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed. Name one: make PYTHON=python3.12 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'Python cannot make virtual environments here. Remedy: sudo apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: requirements.txt pyproject.toml | $(VENV)/bin/pip
	$(RUN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(RUN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(VENV)/bin/pip
	$(RUN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(RUN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.core
