# Every target is one line of `make help`. The first use of one installs what it needs, into this folder only.

PYTHON ?= python3
# Where the shell expands no tilde: PYTHON is quoted in the recipes, as any path may have spaces.
override PYTHON := $(patsubst ~/%,$(HOME)/%,$(PYTHON))
VENV := .venv/bin
export PYTHONPATH := layers/core
# Whatever the locale is: our files are UTF-8. What a shell may have set for Python or pip otherwise is not for us.
export PYTHONUTF8 := 1
export PIP_USER := no
unexport PYTHONSAFEPATH PYTHONWARNINGS PYTHONHOME
INSTALL = "$(PYTHON)" -c "" >/dev/null 2>&1 || { echo "There is no $(PYTHON): install Python 3.11 or newer, or say" \
	"where one is: make $@ PYTHON=/path/to/python3.11" >&2; exit 1; }; exec "$(PYTHON)" -m local.install
export STORY CONVOKE_PORT CONVOKE_INBOX_PORT ACCOUNT NAME STACK WHY EVENT ALL

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r target what; do \
		printf '  make %-15s %s\n' "$$target" "$$what"; done

# Recipes that run for long end as one plain command, so that make hands its signals on to that and to no shell.
run:  ## the whole stack on this machine, until Ctrl-C (STORY=no leaves the story out; CONVOKE_PORT, CONVOKE_INBOX_PORT)
	@$(INSTALL) run
	@$(VENV)/python -m local.stack

test: export PYTHONTZPATH =
test:  ## install everything and run all tests (T=tests/test_itip.py runs some)
	@$(INSTALL) test
	$(VENV)/python -m pytest -n 2 --dist loadgroup $(T)

check:  ## lint, format, types, template
	@$(INSTALL) test
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	SAM_CLI_TELEMETRY=0 $(VENV)/sam validate --lint

key keys revoke receive stop start repoke findings unassigned raise-sequences:
	@$(INSTALL) tools
	@$(VENV)/python -m local.operate $@

key:  ## make an API key: ACCOUNT=acme NAME=ci, in the stack STACK (as in make deploy) of your AWS account
keys:  ## the account's API keys, those that work and those that were revoked: ACCOUNT=acme
revoke:  ## an API key is refused from now on: ACCOUNT=acme NAME=ci
receive:  ## make the stack's own SES receipt rule set the active one, where none is
stop:  ## no mail leaves until make start (WHY="…")
start:  ## mail leaves again
repoke:  ## show who was not told what is true, and tell them: EVENT=<event_id> or ALL=yes
findings:  ## what the last audit that stopped has found: event, registration, reason
unassigned:  ## mails that were put aside, name no event, and so are shown to none of several accounts
raise-sequences:  ## after a table was restored from a backup: raise every SEQUENCE by 1000

fire: export PYTHONTZPATH =
fire:  ## two hundred people on the stack, a move and a cancellation under every kind of fault: some minutes
	@$(INSTALL) test
	$(VENV)/python -m pytest -m fire tests/test_under_fire.py

simulate: export PYTHONTZPATH =
simulate:  ## random histories with faults: HISTORIES=20000 SEED=1, FAULTS=none|hints|zombie|slow, MUTANT=name, MUTANTS=all; WORLD=small tries every order of things
	@$(INSTALL) test
	@$(VENV)/python -m tests.simulation $(foreach name,HISTORIES SEED FAULTS MUTANT MUTANTS WORLD,$(if $($(name)),$(name)=$($(name))))

SECONDS ?= 60
fuzz: export PYTHONTZPATH =
fuzz:  ## mails that nobody would think of, for SECONDS=60; what breaks a law is kept under tests/corpus/found
	@$(INSTALL) fuzz
	@$(VENV)/python -m tests.fuzz $(SECONDS)

deploy: export SAM_CLI_TELEMETRY = 0
deploy:  ## build for Lambda and deploy to your AWS account; asks for what it needs to know
	@$(INSTALL) tools
	PYTHON="$(CURDIR)/$(VENV)/python" $(VENV)/sam build
	@test -e samconfig.local.toml || cp samconfig.toml samconfig.local.toml
	$(VENV)/sam deploy --guided --config-file "$(CURDIR)/samconfig.local.toml"

.PHONY: help run test check fire simulate fuzz key keys revoke receive stop start repoke findings unassigned raise-sequences deploy
.DEFAULT_GOAL := help
