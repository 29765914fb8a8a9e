# The two commands to begin with are `make demo` and `make test`; `make help` lists the others.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RESPONDER_CORPUS ?=
export RESPONDER_CORPUS

.DEFAULT_GOAL := help
.PHONY: help demo test run check corpus faults bench format constraints clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No virtual environment could be made: install your system's python3-venv package." >&2; exit 1; }
	@echo "Installing into $(VENV) (once; a minute or so) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(VENV)/installed ## Watch real pleas arrive and real answers leave (ONCE=1 ends by itself)
	@$(BIN)/python -m bench.demo $(if $(ONCE),--once)

test: $(VENV)/installed ## Run every test
	@sh tests/system-packages
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

run: $(VENV)/installed ## Run the service with responder.toml, else with safe defaults
	@$(BIN)/responder serve

check: $(VENV)/installed ## Format, lint, types, import layers, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.support.check_docs

corpus: $(VENV)/installed ## What the service reads out of a folder of labelled messages (RESPONDER_CORPUS)
	@$(BIN)/python -m bench.corpus $(ARGS)

faults: $(VENV)/installed ## The long crash and fault loops
	@$(BIN)/python -m bench.faults $(ARGS)

bench: $(VENV)/installed ## The measurements, each beside its peer in the same run
	@$(BIN)/python -m bench $(ARGS)

format: $(VENV)/installed ## Bring the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: ## Pin the newest versions that pyproject.toml allows
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/pip install --quiet pip-tools
	$(VENV)-constraints/bin/pip-compile --quiet --upgrade --all-extras --generate-hashes --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --output-file constraints.txt pyproject.toml
	rm -rf $(VENV)-constraints

clean: ## Remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
