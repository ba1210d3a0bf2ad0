# The environment is made from requirements.lock (names, versions, hashes) with whatever package index pip
# knows on this machine. Everything else is the `shirube` command: see README.md.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
SHIRUBE := $(VENV)/bin/shirube

export DO_NOT_TRACK := 1
export SCARF_ANALYTICS := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: help setup demo test lint up bench truth clean

help:
	@echo "make demo    the whole path on a sample company, under the embedded Airflow"
	@echo "make test    linters, types and all tests"
	@echo "make up      Airflow with its UI, and the published pages, until Ctrl-C"
	@echo "make setup   only the environment (.venv with the shirube command)"
	@echo "make lint    linters and types only"
	@echo "make bench   time and memory on 1 and 10 million touchpoints"
	@echo "make truth   how often the necessity verdicts are right, on 200 companies whose truth is planted"
	@echo "make clean   remove the environment and caches; the data home stays"

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Shirube needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." >&2; \
	  echo "Name another one: make $(firstword $(MAKECMDGOALS) setup) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Python's venv module is missing (on Debian: the package python3-venv)." >&2; exit 1; }
	@awk '/^[^ ]/ {wanted = /^uv==/} wanted' requirements.lock > $(VENV)/installer.lock
	@$(VENV)/bin/python -m pip install --quiet --require-hashes --no-deps -r $(VENV)/installer.lock
	@index="$${PIP_INDEX_URL:-$$($(VENV)/bin/python -m pip config get global.index-url 2>/dev/null || true)}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; fi; \
	if [ -n "$${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$${SSL_CERT_FILE:-$$PIP_CERT}"; fi; \
	export VIRTUAL_ENV="$(CURDIR)/$(VENV)"; \
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock; \
	$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(SHIRUBE) demo

up: setup
	@$(SHIRUBE) up

bench: setup
	@$(VENV)/bin/python benchmarks/bench.py

truth: setup
	@$(VENV)/bin/python benchmarks/truth.py

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@home="$$(mktemp -d)"; trap 'rm -rf "$$home"' EXIT; \
	$(SHIRUBE) land --home "$$home" > "$$home/landed.log"; \
	export SHIRUBE_WAREHOUSE_FILE="$$home/lint.duckdb" SHIRUBE_LAKE="$$home/lake" SHIRUBE_LEDGER_EXPORT="$$home"; \
	export DBT_TARGET_PATH="$$home/target" DBT_LOG_PATH="$$home/logs"; \
	cd dbt_project && ../$(VENV)/bin/sqlfluff lint --processes 2 models

# pytest ends with 0 when every test was skipped; a run that proved nothing must not be green.
test: lint
	@report="$$(mktemp)"; trap 'rm -f "$$report"' EXIT; \
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder | tee "$$report"; \
	grep -Eq '(^|[ =])[1-9][0-9]* passed' "$$report" || { echo "No test has passed." >&2; exit 1; }

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs
	find . -path ./var -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
	@echo "The data home (\$$SHIRUBE_HOME, default ./var) was kept."
