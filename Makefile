# Needs Python 3.11 or newer, make and git. `make` alone lists what there is.
SHELL := /bin/bash
VENV ?= .venv
TEST_VENV ?= .venv-test
EXAMPLE := example_project
HOME_DIR := $(CURDIR)/$(EXAMPLE)/.dagster_home
export DAGSTER_HOME := $(HOME_DIR)

.PHONY: help demo demo-full dev test chaos large lint bench shots clean

help:
	@echo "make demo       run the example project, in an environment of its own"
	@echo "make demo-full  the same with the whole year of flights"
	@echo "make dev        open the example in Dagster's UI"
	@echo "make test       run every test; ONLY='lint polars spark databases airflow browser'"
	@echo "make chaos      kill runs a thousand times for each pair of layout and database"
	@echo "make large      try 10,000 partitions and 100,000 files"
	@echo "make lint       ruff, mypy, import-linter and the checks of the documents"
	@echo "make bench      measure against other tools (20 minutes); ARGS='--only gold' for a part"
	@echo "make shots      take the pictures of docs/images again"
	@echo "make clean      remove everything that was made here"

demo: home
	@scripts/demo $(VENV)

demo-full: home
	@scripts/demo $(VENV) full

dev: home
	@cd $(EXAMPLE) && PATH="$(abspath $(VENV))/bin:$$PATH" dagster dev

test: test-home airflow-homes
	@scripts/system-packages
	@env -u DAGSTER_HOME $(TEST_VENV)/bin/python scripts/run_tests.py $(ONLY)

chaos: test-home
	@scripts/system-packages
	@env -u DAGSTER_HOME ODIBI_TEST_KILLS=1000 $(TEST_VENV)/bin/pytest -q tests/kills

large: test-home
	@env -u DAGSTER_HOME ODIBI_TEST_LARGE=1 $(TEST_VENV)/bin/pytest -q -m "not spark" tests/large

lint: test-home
	@env -u DAGSTER_HOME $(TEST_VENV)/bin/python scripts/run_tests.py lint

bench: test-home
	@env -u DAGSTER_HOME $(TEST_VENV)/bin/python -m benchmarks --write docs/benchmarks.md $(ARGS)

shots: home
	@scripts/system-packages
	@env -u DAGSTER_HOME $(VENV)/bin/python scripts/shots.py

clean:
	rm -rf .venv .venv-test .venv-ci .venv-airflow-2 .venv-airflow-3
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -rf .hypothesis dist build $(EXAMPLE)/.dagster_home $(EXAMPLE)/data/lake $(EXAMPLE)/data/full
	rm -rf benchmarks/.work

.PHONY: home test-home airflow-homes
home:
	@scripts/bootstrap $(VENV)
	@mkdir -p $(HOME_DIR) && cp $(EXAMPLE)/dagster.yaml $(HOME_DIR)/dagster.yaml

test-home:
	@scripts/bootstrap $(TEST_VENV) dev

# only where the tests of Airflow are run; 2.11 knows no Python after 3.12
airflow-homes: export PYTHON ?= python3.11 python3.12 python3 python
airflow-homes:
ifneq ($(filter airflow,$(or $(ONLY),airflow)),)
	@scripts/bootstrap .venv-airflow-2 tests/airflow/requirements-2.lock
	@scripts/bootstrap .venv-airflow-3 tests/airflow/requirements-3.lock
endif
