# Two commands do it all: `make run` (the main job) and `make test`. Both build .venv when it is missing or stale.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete

.PHONY: run test test-slow check docs bench up down clean lock

run: $(STAMP)  ## unlabelled data and 100 labels -> a registered champion, through an Airflow DAG run
	@$(BIN)/selfsup run recipes/quickstart.yaml --airflow

test: $(STAMP)  ## every test that takes seconds
	@$(BIN)/python -m pytest -n 2 -m "not slow" tests

docs: $(STAMP)  ## the documentation as a site, in build/docs/index.html
	@.venv/uv/bin/uv pip install -q --python $(BIN)/python --target .venv/docs -r docs/requirements.txt
	@PYTHONPATH=.venv/docs $(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo build/docs/index.html

test-slow: $(STAMP)  ## crash, cluster and platform tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m slow tests --ignore tests/scaled/test_jobs.py --durations 25
	@$(BIN)/python -m pytest -m slow tests/scaled/test_jobs.py  # a process of its own: Ray keeps the token it read first

check: $(STAMP)  ## style, types, who may import whom
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && PYTHONPATH=pipelines/api $(BIN)/lint-imports

bench: $(STAMP)  ## speed and quality beside public peers; writes into docs/
	@set -e; for b in benchmarks/[a-z]*.py; do echo "== $$b"; $(BIN)/python $$b; done

up: $(STAMP)  ## Airflow and MLflow with their pages, on this machine; `make down` ends them
	@$(BIN)/selfsup up

down: $(STAMP)
	@$(BIN)/selfsup down

clean:  ## forget everything that was computed (not the data in the inbox)
	rm -rf .venv .selfsup data .mypy_cache .ruff_cache .import_linter_cache

# uv does not read pip's configuration: a local torch wheel is found through PIP_FIND_LINKS.
FIND := $(foreach place,$(PIP_FIND_LINKS),--find-links $(place))

$(STAMP): requirements.lock pyproject.toml
	@echo "setting up .venv (about 2 GB; done once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "selfsup needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@test -x .venv/uv/bin/uv || $(PYTHON) -m pip install -q --disable-pip-version-check --no-warn-script-location --target .venv/uv uv 2>/dev/null \
		|| { echo "uv could not be installed with '$(PYTHON) -m pip'; see the message:"; $(PYTHON) -m pip install --target .venv/uv uv; exit 2; }
	@.venv/uv/bin/uv pip install -q --compile-bytecode --python $(BIN)/python $(FIND) -r requirements.lock
	@.venv/uv/bin/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# The accelerator's libraries are left out: torch itself names those that its build for this machine needs.
lock: $(STAMP)  ## resolve pyproject.toml again into requirements.lock
	@.venv/uv/bin/uv pip compile -q --universal --python-version 3.11 --group dev --extra scaled-out $(FIND) --no-header --no-annotate \
		-c requirements.lock pyproject.toml | grep -vE '^(nvidia|cuda|triton)' >requirements.new
	@mv requirements.new requirements.lock
