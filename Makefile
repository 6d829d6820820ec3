# The whole workflow. `make run` and `make test` each work on a fresh clone by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# ---- environments: one rule each, redone when its requirements change -----------------------
# A name on PATH may be a shim that does not run: ask it.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
ENGINE_VENV := .local/engine-venv
PIP_INSTALL := -m pip install --disable-pip-version-check --quiet
RUN_REQUIREMENTS := requirements.txt chalicelib/local/requirements.txt

.PHONY: help setup
help:
	@echo 'make run | reset | test | check | format | e2e | bench | package | deploy STAGE=... BUCKET=...'

setup: $(VENV)/.run-ready $(ENGINE_VENV)/.ready

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer with venv is needed: install python3 (on Debian and Ubuntu python3-venv too)' >&2; exit 1; }
	@echo 'Creating $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: $(RUN_REQUIREMENTS) | $(VENV)/bin/python
	@echo 'Installing what the platform needs into $(VENV)'
	@$(BIN)/python $(PIP_INSTALL) $(addprefix -r ,$(RUN_REQUIREMENTS))
	@touch $@

$(VENV)/.dev-ready: tests/requirements.txt $(VENV)/.run-ready
	@echo 'Installing the development tools into $(VENV)'
	@$(BIN)/python $(PIP_INSTALL) -r tests/requirements.txt
	@touch $@

$(ENGINE_VENV)/.ready: chalicelib/local/engine-requirements.txt | $(VENV)/bin/python
	@echo 'Installing the embedded engine into $(ENGINE_VENV)'
	@mkdir -p .local
	@$(BIN)/python -m venv $(ENGINE_VENV)
	@$(ENGINE_VENV)/bin/python $(PIP_INSTALL) -r chalicelib/local/engine-requirements.txt
	@touch $@

# ---- run on one machine ------------------------------------------------------------------


# ---- gates and tests ---------------------------------------------------------------------
.PHONY: check format test e2e
check: $(VENV)/.dev-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/mypy .chalice/*.py

format: $(VENV)/.dev-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev-ready $(ENGINE_VENV)/.ready
	$(BIN)/pytest -n auto $(ARGS)

e2e: $(VENV)/.dev-ready $(ENGINE_VENV)/.ready
	$(BIN)/python .chalice/build.py --local --out build/e2e
	$(BIN)/pytest tests/e2e $(ARGS)

# ---- package and deploy ------------------------------------------------------------------
.PHONY: package deploy
package: $(VENV)/.dev-ready
	$(BIN)/python .chalice/build.py
	$(BIN)/cfn-lint --template build/package/template.json --regions us-east-1

# AWS credentials and region come from the environment, as for any AWS tool.
deploy: package
	@test -n '$(STAGE)' -a -n '$(BUCKET)' || { echo 'usage: make deploy STAGE=prod BUCKET=<bucket for the zip> [PARAMETERS="MailFrom=... PublicBaseUrl=..."]' >&2; exit 1; }
	$(BIN)/python .chalice/deploy.py --stage $(STAGE) --bucket $(BUCKET) $(PARAMETERS)
