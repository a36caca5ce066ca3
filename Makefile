# The commands that people and CI run. Each installs what it needs into $(VENV) first; Python 3.11 and make suffice.
#
#   make demo                                calls that fail on request, through the proxy, and what came back
#   make serve UPSTREAM=https://api.openai.com [ARGS="--listen :8080"]
#   make test [ARGS="tests/config -k units"] everything, or what ARGS names
#   make apps                                LangChain, LiteLLM, llm and the Vercel AI SDK, which tests/apps tries where they are
#   make lint types                          style and types
#   make bench | bench-soak | bench-classify | bench-smoke

VENV ?= .venv
JOBS ?= 2
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
ARGS ?=

# Applications whose requirements clash, each in a place of its own. Releases that were never tried here stay out.
APPS := $(abspath $(VENV))/apps
LANGCHAIN := 'langchain-openai>=1,<1.8' 'langchain-anthropic>=1,<1.8' 'llm>=0.27,<0.37'
LITELLM := 'litellm[proxy]>=1.100,<1.107'
VERCEL := ai@~6.0 @ai-sdk/openai@~3.0 @ai-sdk/anthropic@~3.0
export APPS_PYTHON ?= $(APPS)/langchain/bin/python:$(APPS)/litellm/bin/python
export APPS_NODE ?= $(APPS)/vercel

.PHONY: help demo serve check test apps lint format types bench bench-soak bench-classify bench-smoke clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

demo: $(VENV)/.with-demo
	@$(BIN)/llm-triage demo --once $(ARGS)

serve: $(VENV)/.with-codings
	@test -n "$(UPSTREAM)$(ARGS)" || { echo 'usage: make serve UPSTREAM=https://api.openai.com' >&2; exit 2; }
	@$(BIN)/llm-triage serve $(if $(UPSTREAM),--upstream $(UPSTREAM)) $(ARGS)

check: $(VENV)/.with-codings
	@$(BIN)/llm-triage check --config $(or $(CONFIG),config/proxy.yaml)

test: $(VENV)/.with-dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

apps: $(APPS)/langchain/.with $(APPS)/litellm/.with $(APPS)/vercel/.with

lint: $(VENV)/.with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.with-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.with-dev
	$(BIN)/mypy

bench: $(VENV)/.with-dev
	$(BIN)/python -m bench $(ARGS)

bench-soak: $(VENV)/.with-dev
	$(BIN)/python -m bench.soak $(ARGS)

bench-classify: $(VENV)/.with-dev
	$(BIN)/python -m bench.classify $(ARGS)

bench-smoke: $(VENV)/.with-dev
	$(BIN)/python -m bench --smoke $(ARGS)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

# One stamp an extra: made again when what the project needs has changed.
$(VENV)/.with-%: pyproject.toml | $(BIN)/python
	@echo "installing llm-triage[$*] into $(VENV)"
	@$(PIP) --editable '.[$*]'
	@touch $@

$(APPS)/langchain/.with: NEEDS = $(LANGCHAIN)
$(APPS)/litellm/.with: NEEDS = $(LITELLM)
$(APPS)/langchain/.with $(APPS)/litellm/.with: Makefile | $(BIN)/python
	@echo "installing $(NEEDS) into $(@D)"
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install $(NEEDS)
	@touch $@

$(APPS)/vercel/.with: Makefile
	@echo "installing $(VERCEL) into $(@D)"
	@mkdir -p $(@D)
	@npm install --silent --no-audit --no-fund --prefix $(@D) $(VERCEL)
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed' >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo 'on Debian and Ubuntu: apt install python3-venv' >&2; exit 2; }
