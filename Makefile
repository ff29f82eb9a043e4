# The commands of this repository. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
USER_STAMP := $(VENV)/.installed-local
CHECKS := .venv-checks/.installed
GROOVY_LINT := tests/pipelines/node_modules/.installed
UV := $(BIN)/uv pip install --quiet --no-config --require-hashes --compile-bytecode

.DEFAULT_GOAL := help
.PHONY: help install up down test test-aws check bench soak docs clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(USER_STAMP): pyproject.toml requirements/build.txt requirements/local.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1), and Tradewind needs 3.11 or newer"; \
	    echo "hint: make $(or $(MAKECMDGOALS),up) PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	    echo "hint: on Debian and Ubuntu, apt install python3-venv"; rm -rf $(VENV); exit 2; }
	@echo "installing Airflow and its dependencies into $(VENV) (about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(UV) -r requirements/local.txt
	@$(BIN)/uv pip install --quiet --no-config --no-build-isolation --no-deps --editable .
	@touch $@

$(STAMP): $(USER_STAMP) requirements/dev.txt
	@$(UV) -r requirements/dev.txt
	@touch $@

# The policy checkers need other versions of Airflow's dependencies, so they have a virtual environment of their own.
$(CHECKS): $(USER_STAMP) requirements/checks.txt
	@$(PYTHON) -m venv $(@D)
	@$(UV) --python $(@D)/bin/python -r requirements/checks.txt
	@touch $@

# If npm is installed, a program from npm checks the style of pipelines.
$(GROOVY_LINT): tests/pipelines/package.json
	@! command -v npm >/dev/null || \
	    npm install --prefix tests/pipelines --no-package-lock --no-audit --no-fund --silent
	@mkdir -p $(@D) && touch $@

install: $(USER_STAMP)  ## create the virtual environment with everything that Tradewind needs to run

up: $(USER_STAMP)  ## start the whole platform on this machine and run one DAG to success
	@$(BIN)/tradewind up --run etl_sun_time

down:  ## stop the platform
	@$(BIN)/tradewind down

test: $(STAMP) $(CHECKS) $(GROOVY_LINT)  ## run every test, on real Airflow (about 40 minutes on two cores)
	@$(BIN)/python -m tests

test-aws: $(STAMP)  ## test each Terraform module and stack on the real AWS provider, from its registry
	@TRADEWIND_TEST_PROVIDER=real $(BIN)/pytest tests/terraform/test_modules.py

check: $(STAMP)  ## format, lint, types, import rules, Dockerfile, shell scripts, HCL
	@$(BIN)/ruff format --check --quiet . || { echo "hint: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	@$(BIN)/deptry --no-ansi src >/dev/null 2>&1 || { $(BIN)/deptry src; exit 1; }
	@$(BIN)/hadolint images/Dockerfile
	@$(BIN)/shellcheck images/build/* .ci/run tests/*/*.sh tests/processes/nfs/guest-init requirements/*.sh
	@! command -v terraform >/dev/null || terraform fmt -check -recursive -diff terraform || \
	    { echo "hint: terraform fmt -recursive terraform"; exit 1; }
	@echo "all checks passed"

bench: $(STAMP)  ## compare with stock Airflow, side by side (about an hour; WHAT="start dags" measures less)
	@$(BIN)/python -m benchmarks $(WHAT)

soak: $(STAMP) $(CHECKS) $(GROOVY_LINT)  ## run the long versions of the failure tests (several hours)
	@$(BIN)/python -m tests --soak

docs: $(STAMP)  ## build the documentation into site/
	@$(BIN)/zensical build --clean

clean:  ## remove all built and installed files (not .tradewind: tradewind down --wipe removes it)
	rm -rf $(VENV) $(dir $(CHECKS)) site dist .mypy_cache .ruff_cache .pytest_cache .cache .hypothesis .import_linter_cache
