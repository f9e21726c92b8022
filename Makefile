# Everything a checkout needs: `make demo`, `make test`. The environment is made on first use.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.o365-installed
PLOOMBER := build/ploomber/.o365-installed
EXTRAS := lab,sandbox,azure,s3,cluster,charts,dev

.PHONY: demo test check bench bench-desk bench-evidence soak lab pins browser stores clean help

help:
	@echo "make demo     the main job on embedded tenants, from nothing to evidence"
	@echo "make test     everything that must hold: style, types, tests"
	@echo "make check    style and types only"
	@echo "make lab      the runbooks in JupyterLab, with the embedded tenants behind"
	@echo "make bench    how fast and how big, beside what one would otherwise use"
	@echo "make bench-evidence  the same for archives of up to 100,000 runs; takes 7 GB for a while"
	@echo "make bench-desk  what an engineer waits for at her desk, in a real browser"
	@echo "make soak     batches of 200 clients, killed at random moments, 50 times"
	@echo "make stores   archives in the cloud against Azurite and moto; installs Azurite (Node.js)"
	@echo "make browser  install Chromium, for the tests in a real browser (Debian, as root)"
	@echo "make pins     write the installed versions to constraints.txt"
	@echo "make clean    remove the environment and caches; evidence stays"

demo: $(STAMP)
	$(BIN)/o365 demo

lab: $(STAMP)
	$(BIN)/o365 lab --sandbox

test: check
	$(BIN)/pytest -q -n auto --maxprocesses 4 --dist worksteal

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/write_environment.py --check
	$(BIN)/python tools/write_record_schema.py --check

bench: $(STAMP) $(PLOOMBER)
	$(BIN)/python -m benchmarks

# An environment of its own: papermill imports every engine that it finds, at each start.
$(PLOOMBER): pyproject.toml constraints.txt
	$(PYTHON) -m venv build/ploomber
	build/ploomber/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

soak: $(STAMP)
	$(BIN)/python -m benchmarks.soak --rounds 50 --clients 200

bench-desk: $(STAMP)
	$(BIN)/python -m benchmarks.desk

bench-evidence: $(STAMP)
	$(BIN)/python -m benchmarks.evidence

# Tests in a real browser skip themselves where Chromium is missing.
browser:
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-dejavu-core

# The emulator of Azure's blobs, for the tests of archives in containers; they skip without it.
# AZURITE names another folder for it, as O365_AZURITE does for the tests.
AZURITE ?= .azurite
stores: $(STAMP)
	test -d $(AZURITE)/node_modules/azurite || npm install --no-save --no-audit --no-fund --prefix $(AZURITE) azurite@3.37.0
	O365_AZURITE=$(AZURITE) $(BIN)/pytest -q -n 2 tests/evidence/stores \
	  tests/evidence/test_publishing.py tests/evidence/test_fetching.py

pins: $(STAMP)
	head -2 constraints.txt > .venv/pins
	$(BIN)/pip freeze --exclude-editable >> .venv/pins
	mv .venv/pins constraints.txt
	touch $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making the environment in .venv; this takes a minute or two, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "The venv module is needed: on Debian, apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $(STAMP)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
