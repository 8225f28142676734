# WakeLift. `make` alone explains itself. Needs Python 3.11 or newer and GNU make, nothing else: each target builds what it
# needs in .venv. Without make: `python -m pip install .` and `python -m experiments demo --out demo`.

VENV ?= .venv
JOBS ?= 2
SEED ?= 7
OUT ?= build/demo
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
EXTRAS := polars,duckdb,ibis,excel
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

# Sets $$python to the first interpreter that is new enough; PYTHON=... names one yourself.
FIND_PYTHON = python=; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "WakeLift needs Python 3.11 or newer, and none was found$(if $(PYTHON), under the name $(PYTHON),)." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage covered test-statistical benchmark bench bench-quick bench-peers test-lowest engines-test docs-test mutants lint types layers wheel packages ci clean

help: ## Show this list
	@echo "WakeLift: who gets the credit, what did the campaign cause, did it pay."
	@echo
	@awk 'BEGIN {FS = ":[^#]*## "} /^[a-z][a-z-]*:[^#]*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PYTHON=python3.12 chooses the interpreter, VENV=.venv the environment, JOBS=2 the test processes,"
	@echo "  ARGS='-k name' goes to pytest, OUT=build/demo is where the demo writes."

setup: $(DEV_STAMP) ## Build .venv with the library, its extras (all but spark) and the development tools

# The environment is made anew when its interpreter is gone or too old.
$(RUN_STAMP): pyproject.toml
	@$(FIND_PYTHON); \
	if ! $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "Building $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear "$(VENV)" || { \
	    echo "No environment could be made. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
	fi
	@echo "Installing WakeLift and its dependencies in $(VENV) (a minute or two the first time)"
	@$(PIP) install --editable ".[$(EXTRAS)]"
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "Installing the development tools in $(VENV)"
	@$(PIP) install --editable ".[$(EXTRAS),dev]"
	@touch $@

demo: $(RUN_STAMP) ## Simulate a campaign and write its post-mortem to build/demo
	@$(PY) -m experiments demo --out "$(OUT)"

test: $(DEV_STAMP) ## Run the tests, then the examples in the docstrings
	$(PY) -m pytest -n $(JOBS) --dist worksteal -p randomly --randomly-seed=$(SEED) $(ARGS)
	$(PY) -m pytest -n $(JOBS) -p no:randomly --doctest-modules attribution experiments

# About a third slower than the tests alone.
coverage: ## Run the tests, counting lines and branches, and hold the counts against their marks
	@rm -rf build/coverage
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report= $(ARGS)"
	@$(MAKE) --no-print-directory covered

covered: $(DEV_STAMP) ## Hold the counts of the last run against their marks: all of them where numbers are made, 95 % over all
	$(PY) .ci/covered.py

test-statistical: $(DEV_STAMP) ## Run the long simulations (coverage, error rates)
	$(PY) -m pytest -n $(JOBS) -p no:randomly -m statistical $(ARGS)

benchmark: $(DEV_STAMP) ## Measure; wants the machine to itself, and no test asserts a time
	$(PY) -m pytest -n 0 -p no:randomly -m benchmark tests/benchmarks $(ARGS)

SUITE = PYTHONPATH=.:tests:build/peers $(PY) -m benchmarks.suite

bench: $(DEV_STAMP) ## Compare with DuckDB, Polars, pandas and two packages; writes docs/reference/speed.md
	$(SUITE).run $(ARGS)

bench-quick: $(DEV_STAMP) ## Fail when a ratio to fixed work or to a competitor has become bad (about a minute)
	$(SUITE).quick $(ARGS)

# The second package comes as source and has to be built against a NumPy of our generation.
bench-peers: $(DEV_STAMP) ## Put the two packages that `make bench` compares with under build/peers
	$(PIP) install --upgrade --no-deps --target build/peers marketing-attribution-models==2.1.1 plotly
	$(PY) -m venv --clear build/peers-venv
	build/peers-venv/$(notdir $(BIN))/python -m pip --disable-pip-version-check --quiet install cython "setuptools>=77" wheel numpy
	build/peers-venv/$(notdir $(BIN))/python -m pip --disable-pip-version-check --quiet install --upgrade --no-deps \
	  --no-build-isolation --target build/peers ChannelAttribution==2.2.5

test-lowest: ## Run the tests with the lowest versions that pyproject.toml allows
	@$(FIND_PYTHON); mkdir -p build && "$$python" .ci/lowest.py > build/lowest.txt && \
	"$$python" -m venv --clear build/lowest-venv
	build/lowest-venv/bin/python -m pip --disable-pip-version-check --quiet install \
	  --constraint build/lowest.txt --editable ".[polars,duckdb,excel,test]"
	build/lowest-venv/bin/python -m pytest -n $(JOBS) -p no:randomly --ignore=tests/contracts $(ARGS)

engines-test: ## Run the tests against Spark and PostgreSQL, where Java 17 and initdb are installed
	@$(FIND_PYTHON); "$$python" .ci/engines.py $(ARGS)

docs-test: $(DEV_STAMP) ## Run every Python block of the README and of docs/
	$(PY) -m pytest -n $(JOBS) --dist loadfile -p no:randomly tests/docs $(ARGS)

mutants: $(DEV_STAMP) ## Change numerical code in small ways, see which changes no test notices (hours; ARGS='kernels --help')
	PYTHONPATH=.ci $(PY) -m mutation $(ARGS)

site: $(DEV_STAMP) ## Build the documentation as a site, English and Chinese: build/site/index.html
	$(PY) docs/_ext/build_site.py build/site

lint: $(DEV_STAMP) ## Check style and complexity with ruff
	$(PY) -m ruff check .

types: $(DEV_STAMP) ## Check types with mypy --strict
	$(PY) -m mypy

layers: $(DEV_STAMP) ## Check that no module imports from a layer above its own
	$(BIN)/lint-imports

wheel: $(DEV_STAMP) ## Build wheel and source archive, install the wheel in an empty environment, run the demo from it
	@rm -rf build/dist build/wheel-venv build/wheel-demo
	$(PY) -m build --outdir build/dist .
	$(PY) .ci/packaging/archives.py build/dist
	$(PY) -m venv build/wheel-venv
	build/wheel-venv/$(notdir $(BIN))/python -m pip --disable-pip-version-check --quiet install build/dist/*.whl
	@mkdir -p build/wheel-demo
	cd build/wheel-demo && ../wheel-venv/$(notdir $(BIN))/wakelift demo --out demo
	@test -s build/wheel-demo/demo/report.html && echo "The wheel works: build/wheel-demo/demo/report.html"

packages: wheel ## The wheel on every Python here, newest and lowest dependencies, each extra; bill of materials and licences
	$(PY) .ci/packaging/matrix.py $(ARGS)
	$(PY) .ci/packaging/notices.py

ci: ## Run what continuous integration runs
	./.ci/run

clean: ## Delete what the targets built, but not .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
