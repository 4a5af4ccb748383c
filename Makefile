# `make help` lists all targets. The first use of a target installs what it needs, into this folder only.

PYTHON ?= python3
# PYTHON is quoted in the recipes, since a path may have spaces, so the shell does not expand a tilde in it.
override PYTHON := $(patsubst ~/%,$(HOME)/%,$(PYTHON))
VENV := .venv/bin
export PYTHONPATH := layers/core
# Our files are UTF-8, whatever the locale is. Other settings of the shell for Python or pip would interfere.
export PYTHONUTF8 := 1
export PIP_USER := no
# Without the bytecode that Python keeps, each of the many processes of the tests compiles all packages again.
unexport PYTHONSAFEPATH PYTHONWARNINGS PYTHONHOME PYTHONDONTWRITEBYTECODE
INSTALL = "$(PYTHON)" -c "" >/dev/null 2>&1 || { echo "There is no $(PYTHON): install Python 3.11 or newer, or say" \
	"where one is: make $@ PYTHON=/path/to/python3.11" >&2; exit 1; }; exec "$(PYTHON)" -m local.install
export STORY CONVOKE_PORT CONVOKE_INBOX_PORT ACCOUNT NAME SCOPE EXPIRES STACK WHY EVENT ALL AT TABLES LIMIT HOUR DAY

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r target what; do \
		printf '  make %-15s %s\n' "$$target" "$$what"; done

# The last line of a long-running recipe is a plain command, so that make passes signals to it and not to a shell.
run:  ## run the whole stack on this machine until Ctrl-C (STORY=no: without the sample event; CONVOKE_PORT, CONVOKE_INBOX_PORT)
	@$(INSTALL) run
	@$(VENV)/python -m local.stack

test: export PYTHONTZPATH =
test:  ## run the tests (T=tests/test_itip.py: only these; T="-m long": those that take long, and CI runs too)
	@$(INSTALL) test
	$(VENV)/python -m pytest -n 3 --dist loadgroup $(T)

check:  ## check lint rules, format, types, imports and the template
	@$(INSTALL) test
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	SAM_CLI_TELEMETRY=0 $(VENV)/sam validate --lint --region eu-central-1

ready key keys revoke sign-in limits source sync receive stop start recheck findings unassigned restore raise-sequences rotate-links:
	@$(INSTALL) tools
	@$(VENV)/python -m local.operate $@

ready:  ## check what a deployment depends on: SES, DNS, subscriptions, concurrency, tables
key:  ## create an API key: ACCOUNT=acme NAME=ci, SCOPE=read,register,manage EXPIRES=2030-12-31 (STACK=: another stack than make deploy's)
keys:  ## list an account's API keys, with scopes, expiry and last use: ACCOUNT=acme
revoke:  ## revoke an API key: ACCOUNT=acme NAME=ci
sign-in:  ## print a link to sign in to the console with, once, for a whole account: ACCOUNT=acme
limits:  ## show an account's limits of mails: ACCOUNT=acme; change one: LIMIT=recipient HOUR=100 DAY=200
source:  ## store the description of a site's own tables: FILE=site.json ACCOUNT=acme
sync:  ## compare a site's own tables with what is registered, and do what follows: NAME=site ACCOUNT=acme (DRY=yes: only say what)
receive:  ## activate the stack's own SES receipt rule set, if none is active
stop:  ## stop all mail until make start (WHY="…")
start:  ## send mail again
recheck:  ## list attendees whose calendars are out of date, and send them messages: EVENT=<event_id> or ALL=yes
findings:  ## list what the last audit that stopped found: event, registration, reason
unassigned:  ## list quarantined mails that name no event, and so are shown to no account
restore:  ## set registrations and invitations back: AT=2030-12-31T12:00:00Z (TABLES=invitations: only these)
raise-sequences:  ## after restoring a table from a backup: raise every SEQUENCE by 1000
rotate-links:  ## sign personal links with a new key (DROP=yes: make void those of earlier keys)

fire: export PYTHONTZPATH =
fire: export CONVOKE_MEMBERS = 200
fire: export CONVOKE_LOOKS = every
fire:  ## load test of the local stack: 200 people in the console, every page in every size and colours, and a move and a cancellation with faults (some minutes)
	@$(INSTALL) test
	$(VENV)/python -m pytest -m "fire or more" tests/test_browser.py tests/test_browser_console.py tests/test_under_fire.py \
		tests/test_browser_console_pages.py

simulate: export PYTHONTZPATH =
simulate:  ## simulate random histories with faults: HISTORIES=20000 SEED=1, FAULTS=none|hints|zombie|slow|contention|rows|each, MUTANT=name, MUTANTS=all; ORDERS=all: every order of a few workers' steps, and all trials
	@$(INSTALL) test
	@$(VENV)/python -m tests.simulation $(foreach name,HISTORIES SEED FAULTS MUTANT MUTANTS ORDERS,$(if $($(name)),$(name)=$($(name))))

bench: export PYTHONTZPATH =
bench: export PYTHONPATH := layers/core:functions
bench:  ## measure speed, cost and growth (some minutes), and write docs/performance.md; ONLY=cost,seats: these alone
	@$(INSTALL) bench
	@$(if $(ONLY),ONLY=$(ONLY) ,)$(VENV)/python -m tests.bench

SECONDS ?= 60
fuzz: export PYTHONTZPATH =
fuzz:  ## fuzz incoming mail for SECONDS=60; mails that break a property are kept in tests/corpus/found
	@$(INSTALL) fuzz
	@$(VENV)/python -m tests.fuzz $(SECONDS)

texts:  ## bring the catalogues of translations in line with the texts in code and templates
	@$(INSTALL) test
	@$(VENV)/python -m local.texts

pins:  ## pin all packages with their hashes, after a requirements file was changed
	@$(INSTALL) tools
	@$(VENV)/python -m local.pins

deploy: export SAM_CLI_TELEMETRY = 0
deploy:  ## build and deploy to your AWS account; asks for the parameters, and ends with make ready
	@$(INSTALL) tools
	PYTHON="$(CURDIR)/$(VENV)/python" $(VENV)/sam build
	@test -e samconfig.local.toml || cp samconfig.toml samconfig.local.toml
	$(VENV)/sam deploy --guided --config-file "$(CURDIR)/samconfig.local.toml"
	@$(VENV)/python -m local.operate ready || true  # of a first deployment something is always left to do

.PHONY: help run test check texts pins fire simulate fuzz bench ready key keys revoke sign-in limits source sync receive stop start recheck findings unassigned restore raise-sequences rotate-links deploy
.DEFAULT_GOAL := help
