# The whole workflow. `make run` and `make test` each work on a fresh clone by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# ---- environments: made at once where they are missing, redone when requirements change -----
# A name on PATH may be a shim that does not run, or a Python without ensurepip, and what PYTHON=<path>
# names may be anything: ask it.
NO_PYTHON = Python 3.11 or newer with ensurepip is needed
ifdef PYTHON
NO_PYTHON = PYTHON=$(PYTHON) does not run, or is no Python 3.11 or newer with ensurepip
endif
FOUND_PYTHON := $(shell for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
ENGINE_VENV := .local/engine-venv
SECURITY_VENV := .local/security-venv
BROWSER_VENV := .local/browser-venv
SETUP_ENV = $(FOUND_PYTHON) chalicelib/local/setup_env.py
RUN_REQUIREMENTS := requirements.txt chalicelib/local/requirements.txt

.PHONY: help setup python run-env dev-env engine-env security-env browser-env
help:
	@echo 'make run | reset | drill | ending | test | test-security | simulate | lives | check | security | lock | format | openapi | permissions | data-map | e2e | browser | bench | package | deploy STAGE=... BUCKET=...'

setup: run-env engine-env

python:
	@test -n '$(FOUND_PYTHON)' || { echo 'isp-billing: $(NO_PYTHON): install it (on Debian and Ubuntu python3-venv too), or say where it is with PYTHON=<path>' >&2; exit 1; }

run-env: python
	@$(SETUP_ENV) $(VENV) $(RUN_REQUIREMENTS)

dev-env: python
	@$(SETUP_ENV) $(VENV) tests/requirements.txt

security-env: python
	@$(SETUP_ENV) $(SECURITY_VENV) tests/security-requirements.txt

browser-env: python
	@$(SETUP_ENV) $(BROWSER_VENV) tests/requirements.txt tests/browser-requirements.txt

engine-env: python
	@$(SETUP_ENV) $(ENGINE_VENV) chalicelib/local/engine-requirements.txt

# ---- run on one machine ------------------------------------------------------------------
PORT ?= 8000
ENGINE_PORT ?= 4566

.PHONY: run reset
# With the engine's data kept in .local/state; ARGS=--no-demo starts without demo data, ARGS=--debug shows the whole log, with traces.
run: run-env engine-env
	@exec $(BIN)/python -m chalicelib.local run --port $(PORT) --engine-port $(ENGINE_PORT) $(ARGS)

reset: run-env
	@$(BIN)/python -m chalicelib.local reset

# Each on demo data and an engine of its own: a backup and its restore into new tables, and the end of an account.
.PHONY: drill ending
drill ending: run-env engine-env
	@$(BIN)/python -m chalicelib.local.drill $@

# ---- gates and tests ---------------------------------------------------------------------
.PHONY: check format test test-security simulate lives e2e browser openapi permissions data-map
check: dev-env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/mypy .chalice/*.py

format: dev-env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The API's description, which a test compares with the routes.
openapi: dev-env
	$(BIN)/python -m chalicelib.api.openapi docs/openapi.json

# Who may do what, which a test compares with the matrix.
permissions: dev-env
	$(BIN)/python -m chalicelib.api.permissions docs/permissions.md

# What is stored, why and for how long, which a test compares with the map.
data-map: dev-env
	$(BIN)/python -m chalicelib.domain.data_map_page docs/data-map.md

test: dev-env engine-env
	$(BIN)/pytest -n auto $(ARGS)

# A sample of the security suites, which CI runs besides the tests; `make security` runs all of them.
test-security: dev-env engine-env
	$(BIN)/pytest -n auto tests/security $(ARGS)

# Properties and simulations on 50 times as many examples as in `make test`; FACTOR=10 takes less time.
FACTOR ?= 50
simulate: dev-env engine-env
	EXAMPLES_FACTOR=$(FACTOR) $(BIN)/pytest -n auto tests/unit tests/simulation tests/integration/test_random_money.py $(ARGS)

# Companies' lives through eight years and more, by a stepped clock, in lots of ten on one platform each;
# TENANTS=1000 takes longer, SEED=<number> draws other lives.
TENANTS ?= 200
SEED ?= 0
lives: dev-env engine-env
	LIVES_TENANTS=$(TENANTS) LIVES_SEED=$(SEED) $(BIN)/pytest -n auto --dist worksteal tests/simulation/test_tenant_lives.py $(ARGS)

# The security suites in full (`make test-security` runs a sample), and what is known of what ships: pip-audit, bandit
# and checkov, whose exceptions and reasons are in tests/supply_chain.py. At first the counts of
# docs/security.md, at the end what was tried.
EVERYWHERE := tests/integration/test_foreign_ids_everywhere.py tests/integration/test_bad_input_everywhere.py \
  tests/integration/test_tenant_life.py
.PHONY: security lock
security: dev-env engine-env security-env
	$(BIN)/python -m tests.security_map
	$(BIN)/python -m tests.supply_chain
	EXAMPLES_FACTOR=$(FACTOR) $(BIN)/pytest -n auto tests/security $(EVERYWHERE) $(ARGS)

# The hashes of what ships, after a change of requirements.txt.
lock: security-env
	@mkdir -p build
	$(SECURITY_VENV)/bin/pip-compile -q --generate-hashes --no-annotate --no-header --allow-unsafe --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o build/requirements.lock requirements.txt
	{ head -2 requirements.lock; cat build/requirements.lock; } > build/lock && mv build/lock requirements.lock

e2e: dev-env engine-env
	$(BIN)/python .chalice/build.py --local --out build/e2e
	$(BIN)/cfn-lint --template build/e2e/template.json --regions us-east-1
	$(BIN)/pytest tests/e2e $(ARGS)

# The pages that people see, in a headless Chromium (`chromium` of the system, or CHROMIUM=<path>).
browser: browser-env engine-env
	$(BROWSER_VENV)/bin/pytest tests/browser -p no:cacheprovider $(ARGS)

# SIZES="1000" and RUNS=1 make a quick look.
.PHONY: bench
bench: package engine-env
	$(BIN)/python -m tests.bench

# ---- package and deploy ------------------------------------------------------------------
.PHONY: package deploy
package: dev-env
	$(BIN)/python .chalice/build.py
	$(BIN)/cfn-lint --template build/package/template.json --regions us-east-1

# AWS credentials and region come from the environment, as for any AWS tool.
deploy: package
	@test -n '$(STAGE)' -a -n '$(BUCKET)' || { echo 'usage: make deploy STAGE=prod BUCKET=<bucket for the zip> [PARAMETERS="MailFrom=... PublicBaseUrl=..."]' >&2; exit 1; }
	$(BIN)/python .chalice/deploy.py --stage $(STAGE) --bucket $(BUCKET) $(PARAMETERS)
