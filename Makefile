# Everything from nothing: Python 3.11 or newer, pip and make are all it takes.

PYTHON ?= python3
BIN := .venv/bin
HOME_OF_DEMO := demo/store
FORECAST := $(BIN)/forecast

.PHONY: help demo test soak check format bench docs reference pictures lock clean

help:
	@echo 'make demo      install, then fetch, train, predict and backtest on the sample data'
	@echo 'make test      install, then run the tests'
	@echo 'make soak      the long forms of the fault runs and the fuzzing: hours'
	@echo 'make check     format, lint, types and layers'
	@echo 'make format    rewrite the code in its format'
	@echo 'make bench     measure start-up, forecasting and training against plain scripts'
	@echo 'make docs      the documents as pages in site/'
	@echo 'make reference rewrite docs/reference.md from the program'
	@echo 'make pictures  draw the pictures of the documents, with chromium'
	@echo 'make lock      rewrite requirements.lock'
	@echo 'make clean     remove what the others made'

# pip and the lock decide what is installed; the build backend is locked, too
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		--no-deps --editable .
	@touch $@

demo: export FORECAST_HOME := $(HOME_OF_DEMO)
demo: .venv/installed
	@rm -rf demo && mkdir demo
	$(FORECAST) fetch --from sample_data/
	$(FORECAST) train ^GSPC ^IXIC --model linear
	$(FORECAST) train ^GSPC ^IXIC --model lstm
	$(FORECAST) predict ^GSPC ^IXIC --model lstm
	$(FORECAST) predict ^GSPC ^IXIC --model lstm --output demo/forecasts.parquet
	$(FORECAST) backtest ^GSPC ^IXIC --model linear --test-start 2014-01-01 --report demo/report.html
	@echo
	@echo 'The report lies in      demo/report.html'
	@echo 'The forecasts lie in    demo/forecasts.parquet'
	@echo 'The store lies in       $(HOME_OF_DEMO)/'

test: .venv/installed
	$(BIN)/python -m pytest

# kills, full disks, rivals and cron itself; then random inputs, ten minutes a file
soak: .venv/installed
	FORECAST_SOAK=1 $(BIN)/python -m pytest -s tests/test_run_faults.py tests/test_store_crash.py \
		tests/test_ledger.py tests/test_cron.py
	FORECAST_FUZZ_SECONDS=600 $(BIN)/python -m pytest -s tests/test_fuzz_readers.py \
		tests/test_fuzz_artifacts.py

check: .venv/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/installed
	$(BIN)/python -m benchmarks

docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv/installed
	$(BIN)/mkdocs build --strict --quiet
	@echo 'The documents lie in site/index.html'

reference: .venv/installed
	$(BIN)/python docs/make_reference.py

pictures: .venv/installed
	$(BIN)/python docs/pictures/make_pictures.py

lock: .venv/installed
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --upgrade \
		--generate-hashes --no-header --no-annotate --quiet \
		--output-file requirements.lock

clean:
	rm -rf .venv demo dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
