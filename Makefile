# Two commands do everything: `make demo` and `make test`. Both set up what they need first.
.DEFAULT_GOAL := help
BIN := .venv/bin
DATA := ../shared/data

.PHONY: help setup demo test fuzz fuzz-steered soak benchmark-quick check format lock

help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything pinned; quick the second time.
	@PYTHON="$(PYTHON)" scripts/setup

demo: setup ## The main job end to end on a simulated cohort; leaves demo/ behind.
	$(BIN)/onephase demo

test: setup ## All tests.
	@scripts/system-packages
	cores=$$($(BIN)/python -c 'import os; print(len(os.sched_getaffinity(0)))' 2>/dev/null || getconf _NPROCESSORS_ONLN); \
		$(BIN)/pytest -n $$((cores + 1)) --dist loadfile --no-loadscope-reorder # nodes wait as much as they compute

fuzz: setup ## Read 100,000 broken forms of real files with each reader (hours; goes on where it ended).
	$(BIN)/python tests/readers/fuzz.py 100000 1 $(DATA) fuzz

fuzz-steered: setup ## As many, steered by what they reach in our code (hours; goes on where it ended).
	$(BIN)/python tests/readers/steered.py 100000 1 $(DATA) fuzz/steered

soak: setup ## Kill nodes 150 times while 300 studies go through them (about an hour); nothing may be lost or doubled.
	@scripts/system-packages
	ONEPHASE_SOAK_STUDIES=200 ONEPHASE_SOAK_KILLS=100 ONEPHASE_SOAK_ASSOCIATIONS=8 ONEPHASE_SOAK_LATEST_KILL_S=10 \
		$(BIN)/pytest tests/service/node/test_soak.py -s

benchmark-quick: setup ## The whole benchmark in small on a simulated cohort; leaves benchmark/ behind.
	$(BIN)/onephase benchmark --preset quick --out benchmark

check: setup ## Format, lint, types, layers, spelling, documentation code.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/pytest -q tests/test_project.py tests/test_documentation.py

format: setup ## Put the code into its form.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## Write requirements.lock anew from pyproject.toml (needs uv).
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--quiet -o requirements.lock
