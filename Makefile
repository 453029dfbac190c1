PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo test check docs clean
.DEFAULT_GOAL := test

demo: .venv/demo.ok
	cd examples/screen && ../../$(BIN)/cohobate run

test: .venv/test.ok
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/check.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py -p no:cacheprovider

.venv/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"cohobate needs Python 3.11 or newer, got {v[0]}.{v[1]}; set PYTHON=")'
	$(PYTHON) -m venv .venv

.venv/demo.ok: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt -e '.[chem,plot]'
	touch $@

.venv/test.ok: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt -e '.[all]' pytest pytest-timeout pytest-xdist hypothesis
	touch $@ .venv/demo.ok

.venv/check.ok: .venv/test.ok
	$(PIP) install -q -c constraints.txt ruff mypy
	touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
