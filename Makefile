# Needs Python 3.11 or newer with pip; everything else is set up here. Nothing is installed outside this folder,
# except that, as root on Debian or Ubuntu, a missing rabbitmq-server comes by apt.
.DEFAULT_GOAL := help
.PHONY: help demo up test test-containers side-by-side test-alerts chaos crash-matrix bench bench-quick check audit sbom clean

PYTHON ?= python3
BIN := .venv/bin
# A uv of our own where there is none. `pip install --target` works where plain `pip install` is refused (PEP 668)
# and where `python3 -m venv` is missing, as on a bare Debian.
UV := $(shell command -v uv || echo "env PYTHONPATH=.local/uv $(PYTHON) -m uv")

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.ready ## Place the example orders and watch them go live; ARGS="--orders 50 --json", see `vrs demo --help`
	@$(BIN)/vrs demo $(ARGS)

up: .venv/.ready ## Run the whole system in the foreground
	@$(BIN)/vrs up $(ARGS)

test: .venv/.ready ## Test against real RabbitMQ and PostgreSQL, without containers; ARGS="-k words"
	@$(BIN)/pytest --numprocesses auto --dist worksteal --ignore tests/containers $(ARGS)

test-containers: .venv/.ready ## Test on RabbitMQ 4, PostgreSQL 17 and compose.yaml in containers; needs a container engine
	@$(BIN)/pytest --timeout 1800 tests/containers $(ARGS)

side-by-side: .venv/.ready ## Run the services of the release before on this one's database; BASE=v1.2.0, else the newest
	@BASE=$(BASE) $(BIN)/pytest tests/choreography/previous_release.py

test-alerts: ## Test the alert rules with promtool (Debian's package prometheus)
	@command -v promtool >/dev/null || { echo "There is no promtool: install the package prometheus" >&2; exit 1; }
	@promtool check config monitoring/prometheus.yml && promtool test rules monitoring/alerts_test.yml

chaos: .venv/.ready ## Let orders go live while everything fails; ARGS="--orders 1000 --minutes 5 --seed 7"
	@$(BIN)/python -m tests.chaos $(ARGS)

crash-matrix: .venv/.ready ## Kill every consumer at every crash point and compare what is left; ARGS="dns" for some rows
	@$(BIN)/python -m tests.crash $(ARGS)

bench: .venv/.bench ## Measure ours, the floor and the peers in turns and write docs/performance.md; ARGS="--help"
	@$(BIN)/python -m benchmarks.throughput $(ARGS)

bench-quick: .venv/.ready ## Hold ours against the floor in under two minutes; fails below 90 % of the stored ratio
	@$(BIN)/python -m benchmarks.throughput --quick

check: .venv/.ready ## Lint, format, types, import rules, length of files, contracts; BASE=REV is what they are held to
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports
	@git grep -c '' -- '*.py' | awk -F : '$$NF > 300 {print $$1 " has " $$NF " lines, more than 300; split it." > "/dev/stderr"; long = 1} END {exit long}'
	@$(BIN)/vrs contracts check $(if $(BASE),--base $(BASE))

# Needs the internet: it asks a database of known vulnerabilities, and fails if that does not answer.
audit: .venv/.ready ## Known vulnerabilities of the locked dependencies; their licences; unused and undeclared ones
	@$(BIN)/deptry .
	@$(BIN)/pip-licenses --order=license --format=markdown --output-file .local/licences.md && echo "Every licence is one of those in pyproject.toml; .local/licences.md lists them."
	@$(UV) audit --locked

sbom: ## Write sbom.json: what the image of the services is made of, as CycloneDX
	@$(UV) export --quiet --locked --no-default-groups --format cyclonedx1.5 --output-file sbom.json

clean: ## Remove what was set up and what was logged
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Set-up speaks on stderr only: the standard output of `make demo ARGS=--json` is one JSON object.
.venv/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, $(PYTHON) is older or missing; name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv (once, about a minute) ..." >&2
	@command -v uv >/dev/null || test -e .local/uv/.ready \
	  || { $(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
	         --upgrade --target .local/uv uv >&2 && touch .local/uv/.ready; }
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --compile-bytecode --python "$$(command -v $(PYTHON))" >&2
	@touch $@

# The peers and matplotlib, which nothing else needs.
.venv/.bench: .venv/.ready
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --group bench >&2
	@touch $@
