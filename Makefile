# Postroom: `make demo` shows it, `make test` proves it. Everything sets itself up on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ONCE ?=
WORKERS ?= auto
ARGS ?=
FILES ?=
N ?= 5000
SECONDS ?= 60
SEED ?= 0

# What is imported is compiled once, not again by each of some hundred processes, whatever the shell has set.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test crash kill fortress mutants fuzz screenshots lint unit format docs lock clean help

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.stamp-core ## show Postroom at work, offline (ONCE=1 ends after the table)
	@$(BIN)/postroom demo $(if $(ONCE),--once)

test: lint unit ## the suite, ruff and mypy --strict

unit: $(VENV)/.stamp-dev ## the test suite alone (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q $(ARGS)

crash: $(VENV)/.stamp-dev ## kill one of three processes on one PostgreSQL at random, for a minute under load
	@POSTROOM_CRASH_SECONDS=60 $(BIN)/python -m pytest -n 0 -q -s tests/agent/test_nodes.py

kill: $(VENV)/.stamp-dev ## kill senders N=5000 times while they deliver; then nothing is lost and nothing left twice
	@POSTROOM_KILLS=$(N) $(BIN)/python -m pytest -n 0 -q -s tests/agent/test_kill_senders.py

fortress: $(VENV)/.stamp-dev ## N=100000 generated attacks by a model that is the attacker's (SEED=0 begins elsewhere)
	@$(BIN)/python -m tests.fortress.run $(N) $(SEED)

mutants: $(VENV)/.stamp-dev ## faults in the files that decide; each is killed by a test (FILES=agent/gate.py for a part)
	@$(BIN)/python -m tests.mutants.run $(FILES)

fuzz: $(VENV)/.stamp-dev ## change and read mails for SECONDS=60 (SEED=0 begins elsewhere); findings lie in tests/fuzz/found
	@$(BIN)/python -m tests.fuzz.run $(SECONDS) $(SEED)

screenshots: $(VENV)/.stamp-dev ## make the README's pictures from the demo (needs chromium)
	@$(BIN)/python -m tests.agent.web.pictures

lint: $(VENV)/.stamp-dev ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.stamp-dev ## put the code into the house's form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.stamp-core ## write docs/configuration.md anew from the code
	@$(BIN)/python -m agent.config_reference > docs/.configuration.md
	@mv docs/.configuration.md docs/configuration.md

# The locks are hash-pinned and name no host. uv installs them where it is present, pip elsewhere.
define install
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Postroom needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=python3.12, say.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing $(1) (once; about half a minute) ..."
	@$(if $(UV),$(UV) pip install -q --python $(BIN)/python --require-hashes -r $(1),$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(1))
	@$(if $(UV),$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .,$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .)
endef

$(VENV)/.stamp-core: requirements/core.txt pyproject.toml
	$(call install,requirements/core.txt)
	@touch $@

$(VENV)/.stamp-dev: requirements/dev.txt pyproject.toml
	$(call install,requirements/dev.txt)
	@touch $@ $(VENV)/.stamp-core

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml --group build -o requirements/core.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml --group build --group dev --extra postgres -c requirements/core.txt -o requirements/dev.txt

clean: ## remove what was installed and made here (not ./data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
