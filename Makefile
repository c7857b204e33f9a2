# Two commands: `make up` (the web UI) and `make test`. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8501

.PHONY: help up demo test check bench gpu clean

help:
	@echo "make up      install, and start the web UI on http://localhost:$(PORT)"
	@echo "make demo    the same job in the terminal: train two classifiers, compare, promote, predict"
	@echo "make test    the whole test suite, with ruff and mypy before it"
	@echo "make bench   our speed beside PyTorch's, ops and training steps (installs PyTorch; about half an hour)"
	@echo "make gpu     the op table on a GPU against the CPU (needs NumPy, CuPy and pytest in $(PYTHON))"
	@echo "make clean   remove .venv and caches; your runs in ~/.lockstep stay"

up: .venv/installed
	@$(BIN)/lockstep ui --port $(PORT)

demo: .venv/installed
	@$(BIN)/lockstep demo

# The rooms of maths on two cores at once; those that start processes and browsers one after another.
MATHS := tests/shared_ops tests/research tests/production tests/parity
test: check
	$(BIN)/python -m pytest --timeout 300 -n 2 $(MATHS)
	$(BIN)/python -m pytest --timeout 300 tests $(MATHS:%=--ignore=%)

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks ops
	$(BIN)/python -m benchmarks train

gpu:
	$(PYTHON) -m pytest tests/shared_ops/test_every_op.py tests/shared_ops/test_gpu.py

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lockstep needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "making .venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/installed: .venv/bin/python pyproject.toml
	@echo "Installing into .venv (about a minute, once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@echo "Compiling the common kernels (about a minute, once)…"
	@$(BIN)/lockstep doctor --warm
	@touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml
	@echo "Installing into .venv, with the tools for tests (about a minute, once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/installed

.venv/installed-bench: .venv/installed
	@echo "Installing PyTorch into .venv, to compare with…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
