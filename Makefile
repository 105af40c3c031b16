# Everything is installed into .venv, from requirements/*.txt, whose versions and hashes `make lock` writes.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
PACKAGES := proto libs/chassis libs/lm services/needs services/recommender services/qa services/content deploy/embedded demo apps/cli
EDITABLE := $(foreach package,$(PACKAGES),-e ./$(package))
PROJECTS := $(foreach package,$(PACKAGES),$(package)/pyproject.toml)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help run test test-only lint format proto reference lock clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run.done ## set up and bring the whole platform up with demo data and a short story, until Ctrl-C
	@$(BIN)/attune up --story

test: .venv/test.done ## set up, with the `deep` extra, and run all tests
	@$(BIN)/python -m pytest

lint: .venv/test.done ## ruff, mypy, import-linter, buf, generated code up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy libs/chassis/chassis libs/lm/lm services/needs/needs services/recommender/recommender services/qa/qa services/content/content deploy/embedded/attune_embedded demo/attune_demo apps/cli/attune_cli
	@$(BIN)/lint-imports
	@$(BIN)/buf lint proto
	@bash proto/check.sh

format: .venv/test.done ## let ruff and buf lay out the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@$(BIN)/buf format -w proto --exclude-path proto/buf

proto: .venv/test.done ## generate proto/gen from the contract
	@bash proto/generate.sh

reference: .venv/test.done ## write docs/reference from the contract and the settings
	@$(BIN)/python docs/tools/events_page.py
	@$(BIN)/python docs/tools/settings_page.py

lock: .venv/test.done ## choose versions anew and write them with their hashes
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" -o requirements/run.txt requirements/run.in
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" -c requirements/run.txt -o requirements/test.txt requirements/test.in

clean: ## remove what was installed and the data of `make run`
	@rm -rf .venv .attune

.venv/bin/python:
	@echo "Making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv || { echo "Python 3.11 is needed: install it, or name it: make PYTHON=/path/to/python3.11 ..."; exit 1; }

.venv/run.done: requirements/run.txt $(PROJECTS) | .venv/bin/python
	@echo "Installing what the platform needs (no torch); a few minutes on a new machine"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

.venv/test.done: requirements/test.txt .venv/run.done
	@echo "Installing what tests and the deep extra need (torch: 5 GB)"
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@
