# Posthouse. `make` alone lists what there is.
# The first Python that really runs and is new enough; a name on the path may be an empty shim.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
DATA ?= data
TESTS ?= tests
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev assets run test check corpora stress fuzz sync-large bench bench-peers screenshots i18n lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*?## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/run.stamp: requirements.lock
	@test -n "$(PYTHON)" || { echo "Posthouse needs Python 3.11 or newer, and there is none here. Install it, or say: make run PYTHON=/path/of/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "This Python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

webmail/static/build/manifest.json: package-lock.json $(shell find webmail/static/css webmail/static/js webmail/translations templates -type f 2>/dev/null) .venv/run.stamp
	@$(PY) -m webmail.assets
	@$(PY) -m webmail.i18n compile

assets: webmail/static/build/manifest.json

setup: .venv/run.stamp assets ## install what running needs into .venv and build the front end

setup-dev: setup .venv/dev.stamp

run: setup ## start everything on this machine with a demo mail house in ./data
	@exec $(PY) app.py serve --demo --data $(DATA)

check: setup-dev ## lint, types and import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

test: check ## everything that must hold: check, then all tests this machine has the programs for
	@$(PY) tests/programs.py
	$(PY) -m pytest $(TESTS) --ignore=tests/corpora --ignore=tests/bench -n $(WORKERS) --dist=loadfile $$($(PY) tests/programs.py --deselect)

corpora: setup-dev ## the message corpora of $$POSTHOUSE_CORPORA (default ../shared/data), each appended, listed, opened
	$(PY) -m pytest tests/corpora -n $(WORKERS) --dist=loadfile

stress: setup-dev ## random clients at one account for SECONDS=600, CLIENTS=6, from SEED=; every answer is held against what each may know
	$(PY) -m tests.stress.run --seconds $(or $(SECONDS),600) --clients $(or $(CLIENTS),6) $(if $(SEED),--seed $(SEED))

fuzz: setup-dev ## damaged dialogues at IMAP, POP3 and SMTP for SECONDS=60, from SEED=
	$(PY) -m tests.stress.fuzz --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

sync-large: setup-dev ## mbsync and offlineimap keep MESSAGES=20000 the same on both sides
	POSTHOUSE_SYNC_MESSAGES=$(or $(MESSAGES),20000) $(PY) -m pytest tests/interop/test_mbsync.py tests/interop/test_offlineimap.py -k both_ways --durations=2

bench: setup-dev ## our own numbers: deliveries, IMAP, POP3, web pages, memory
	$(PY) tests/bench/ours.py

bench-peers: setup-dev ## the same beside Dovecot, Postfix and Roundcube, where they are installed
	$(PY) tests/bench/ours.py --peers

screenshots: setup-dev ## the pictures of the README and of every page, sizes x themes x languages
	$(PY) tests/screenshots.py

i18n: setup-dev ## bring the catalogues up to date with the strings of the code
	$(PY) -m webmail.i18n update

lock: ## renew the lock files (needs uv)
	uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --custom-compile-command "make lock" pyproject.toml --group dev -o requirements-dev.lock

clean: ## remove what setup made, not your data
	rm -rf .venv node_modules webmail/static/build
