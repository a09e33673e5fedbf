# What people and CI call. Every target sets up what it needs; a finished set-up costs nothing.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SEEDS ?= 10
VENV := .venv/bin
# The stamp names this folder: an environment copied or moved elsewhere is made anew.
STAMP := .venv/setup-$(shell pwd | cksum | cut -d' ' -f1)
INFRA_STAMP := .venv-infra/setup-$(shell pwd | cksum | cut -d' ' -f1)
MEMBERS := platform training serving pipelines
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check format bench bench-gpu soak docs images infra-tools test-services test-kubernetes test-tensorrt test-device test-device-python lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## make .venv from requirements.lock (does nothing when that is done)

$(STAMP): requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@test -n "$(PYTHON)" || { echo "setup: no python3.11 on the path. Install Python 3.11."; exit 1; }
	@$(PYTHON) tools/setup.py $(STAMP)

demo: $(STAMP) ## the whole loop on this machine, in a place of its own; ARGS=--keep leaves it running
	@$(VENV)/python tools/demo.py $(ARGS)

test: $(STAMP) ## run all tests but the long random ones; ARGS goes to pytest
	@$(VENV)/python -m pytest -n auto $(ARGS)

coverage: $(STAMP) ## the same tests, and which lines they ran; takes half as long again
	@$(VENV)/python -m pytest -n auto --cov --cov-report=term:skip-covered $(ARGS)

check: $(STAMP) ## everything that can be said without running the code; ONLY=NAME for one check
	@$(VENV)/python tools/check.py $(ONLY)

format: $(STAMP) ## mend what ruff can mend
	@$(VENV)/ruff check --fix-only --quiet && $(VENV)/ruff format

bench: $(STAMP) ## measure pairs (ours, a reference) side by side; ARGS="--only NAME"
	@$(VENV)/python tests/benchmarks/run.py $(ARGS)

bench-gpu: $(STAMP) ## measure training on this machine's GPU; says so where there is none
	@$(VENV)/python tests/benchmarks/run.py --gpu $(ARGS)

soak: $(STAMP) ## the long random tests, with SEEDS seeds each
	@$(VENV)/python -m pytest -n auto -m soak --seeds $(SEEDS) $(ARGS)

docs: $(STAMP) ## build the documentation into site/
	@$(VENV)/python -m mkdocs build --quiet --strict && echo "docs: site/index.html"

images: $(STAMP) ## build what jobs run in; ARGS="--variant cuda --push REGISTRY/slipway-train" (--help tells more)
	@$(VENV)/python tools/images.py $(ARGS)

infra-tools: $(INFRA_STAMP) ## install what `make check ONLY=infra` judges infra/ with into .venv-infra

$(INFRA_STAMP): infra/requirements.lock | $(STAMP)
	@$(VENV)/python tools/infra_tools.py $(INFRA_STAMP)

test-services: $(STAMP) ## the loop on PostgreSQL and S3, which this machine starts; ARGS goes to pytest
	@$(VENV)/python tools/services.py $(ARGS)

test-kubernetes: $(STAMP) ## the suites of launcher and server on a real cluster; KUBECONFIG=FILE
	@test -n "$(KUBECONFIG)" || { echo "test-kubernetes: on which cluster? make test-kubernetes KUBECONFIG=/path/to/config"; exit 2; }
	@$(VENV)/python -m pytest --kubeconfig "$(abspath $(KUBECONFIG))" tests/conformance/kubernetes tests/conformance/launchers $(ARGS)

test-tensorrt: $(STAMP) ## build real TensorRT engines of every shipped model, without a GPU; ARGS goes to pytest
	@$(VENV)/python tools/tensorrt_tools.py
	@$(VENV)/python -m pytest tests/tensorrt tests/device $(ARGS)

test-device: $(STAMP) ## the runtime's tests on a real device; HOST=user@device, ARGS="--dry-run" (--help tells more)
	@$(VENV)/python tools/device_tests.py $(if $(HOST),"$(HOST)") $(ARGS)

test-device-python: $(STAMP) ## the device part's tests under the Python of devices; PYTHON310=python3.10, ARGS goes to pytest
	@test -n "$(PYTHON310)" || { echo "test-device-python: with which Python? make test-device-python PYTHON310=python3.10"; exit 2; }
	@$(VENV)/python tools/device_python.py "$(PYTHON310)" -- $(ARGS)

lock: $(STAMP) ## resolve all locks again (UPGRADE=1: newest versions)
	@$(VENV)/python tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove caches; never data, keys or state
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* site
	@find $(wildcard $(MEMBERS) tests tools dags) -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: caches removed. State in .slipway/, the environment in .venv/ and keys stay."
