# Two commands: `make serve` reads the guide on http://127.0.0.1:8000, `make test` proves every line of it.
# Needs git, make and Python 3.11 or newer with venv; nothing else, and no sudo.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# workers for pytest: one a core
N ?= auto
ARGS ?=
# Material would print on each build that it is succeeded by Zensical, with which the tests build too
export NO_MKDOCS_2_WARNING := 1

.PHONY: serve build test test-offline test-all update lock bench tools
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(Two\|Needs\)/\1/p' Makefile
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

serve: tools  ## read the site on http://127.0.0.1:8000, with live reload
	$(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

build: tools  ## build the site into site/
	$(BIN)/mkdocs build --strict

test: tools  ## run the pages, the examples and the site under one Python
	$(BIN)/ruff check && $(BIN)/ruff format --check
	$(PYTEST) -n $(N) -m "not full" $(ARGS)

test-offline: tools  ## download what tests install, then `make test` where there is no network
	PYTHONPATH=tests $(BIN)/python -m support.wheelhouse
	PYTHONPATH=tests $(BIN)/python -m support.offline $(MAKE) test

test-all: tools  ## what `make test` leaves out: every Python, pages that install often, servers under load
	$(PYTEST) -n $(N) -m full $(ARGS)

update: tools  ## run every page and rewrite the outputs and the data that changed
	$(PYTEST) -n $(N) tests/test_pages.py tests/test_backends.py --update-pages $(ARGS)

lock: tools  ## resolve the locks of the tools and of the wheelhouse again
	$(BIN)/uv --no-config pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --quiet --output-file requirements.txt pyproject.toml
	PYTHONPATH=tests $(BIN)/python -m support.wheelhouse lock

bench: tools  ## measure builds, live reload, page weights, static-index, which-python, build backends, WSGI servers
	$(BIN)/python tests/bench.py

# The environment of the tools is made anew when the lock's content changes, and only then.
tools:
	@cmp -s requirements.txt $(VENV)/installed.txt || $(MAKE) --no-print-directory $(VENV)

.PHONY: $(VENV)
$(VENV):
	@command -v git > /dev/null || { echo "git is missing: install git" >&2; exit 1; }
	@for python in $(PYTHON) python3.13 python3 python3.14 python3.15 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && break; python=; done; \
	test -n "$$python" || { echo "Python 3.11 or newer is missing: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	"$$python" -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "$$python has no venv: install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	echo "Installing the tools into $(VENV)" && rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@for try in 1 2 3; do \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 5 --require-hashes -r requirements.txt \
	    && cp requirements.txt $(VENV)/installed.txt && exit 0; sleep $$((try * 5)); done; \
	echo "The tools could not be downloaded in three tries; look at the errors above" >&2; exit 1
