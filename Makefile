# make run     the main job, on real data
# make test    everything that must hold: lint, types, tests, doctests, examples, the README's snippets
# make bench   the benchmarks, beside the peers that benchmarks/requirements.txt names (BENCH="eager mlp", FLAGS=--quick)
# make format  the code, as `make test` wants to see it
# make clean   everything that these made
#
# Each makes the environment that it needs, and remakes it when pyproject.toml changes. PYTHON=/path/to/python
# chooses the Python that it is made with.

SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
    $$python -c '$(SUITS)' 2>/dev/null && command -v $$python && break; done)

VENV := .venv/bin/python
PEERS := .venv-peers/bin/python
BENCH := $(filter-out harness,$(basename $(notdir $(wildcard benchmarks/*.py))))
FLAGS :=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without this, pyright asks the network at every run whether there is a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: run test lint types tests bench format clean
.NOTPARALLEL:
.DEFAULT_GOAL := test

run: .venv/run.stamp
	$(VENV) examples/main_job.py

test: lint types tests

lint: .venv/dev.stamp
	$(VENV) -m ruff check --quiet
	$(VENV) -m ruff format --check --quiet

types: .venv/dev.stamp
	$(VENV) -m pyright --pythonpath $(VENV)

tests: .venv/dev.stamp
	$(VENV) -m pytest -q -n 2 --dist worksteal

bench: .venv-peers/stamp
	@set -e; for name in $(BENCH); do $(PEERS) benchmarks/$$name.py $(FLAGS); done

format: .venv/dev.stamp
	$(VENV) -m ruff check --quiet --fix
	$(VENV) -m ruff format --quiet

clean:
	rm -rf .venv .venv-peers dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `make run` needs less than `make test`, so it installs less: what a user would, and the data sets.
.venv/run.stamp: $(VENV) pyproject.toml
	$(call install,$(VENV),-e '.[datasets]')

.venv/dev.stamp: $(VENV) pyproject.toml
	$(call install,$(VENV),-e '.[dev]')

.venv-peers/stamp: $(PEERS) pyproject.toml benchmarks/requirements.txt
	$(call install,$(PEERS),-e . -r benchmarks/requirements.txt)

.venv/bin/python .venv-peers/bin/python:
	@"$(PYTHON)" -c '$(SUITS)' 2>/dev/null || { \
	    echo "chainrule needs Python 3.11 or newer with its venv module: $(if $(PYTHON),$(PYTHON) is not that,none is on the PATH)." >&2; \
	    echo "Install one (on Debian and Ubuntu: python3 and python3-venv), or say where one is:" >&2; \
	    echo "    make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; }
	@"$(PYTHON)" -m venv --clear $(@D:/bin=) || { rm -rf $(@D:/bin=); exit 1; }

define install
@echo "Installing into $(@D), once ..."
@$(1) -m pip install -qq $(2)
@touch $@
endef
