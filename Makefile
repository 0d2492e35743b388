# Two commands are enough: `make talk` to hear it, `make test` to check it. Everything lands in .venv and in the
# user's cache folder (or $LIUSHUI_HOME). Needed are python3, its virtual environments and a C compiler.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help talk serve test test-coqui lint bench clean

PYTHON ?= python3
VENV   := .venv
COQUI  := .venv-coqui
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check
TORCH  := $(shell grep '^torch==' constraints.txt)

help: ## show these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

talk: $(VENV)/.run ## ask the sample questions aloud and hear (and read) the answers
	@$(VENV)/bin/liushui talk

serve: $(VENV)/.run ## run the service until Ctrl-C
	@$(VENV)/bin/liushui serve

test: $(VENV)/.dev lint ## lint, types and every test
	@$(VENV)/bin/liushui weights fetch
	@$(VENV)/bin/python -m pytest

test-coqui: $(COQUI)/.made ## Coqui's voices, in an environment of their own
	@$(COQUI)/bin/python -m pytest -q tests/test_tts_coqui.py

lint: $(VENV)/.dev ## ruff and mypy --strict
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

bench: $(VENV)/.dev ## every bench in tests/bench, one after the other
	@set -e; for bench in $$(grep -l __main__ tests/bench/*.py); do \
	  $(VENV)/bin/python -m "tests.bench.$$(basename "$$bench" .py)"; done

clean: ## remove the virtual environment and the tools' caches (weights stay)
	rm -rf $(VENV) $(COQUI) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# pip's own output goes to $(VENV)/install.log; a terminal sees it as one moving line, and a failure shows its end.
# $(1) what is said, $(2) what is installed
define install
	@echo "==> $(1)"
	@{ $(PIP) install --progress-bar raw -c constraints.txt $(2) 2>&1 || echo "pip failed"; } \
	  | tee $(VENV)/install.log \
	  | while IFS= read -r line; do \
	      [ -t 2 ] || continue; \
	      case "$$line" in \
	        Progress*) set -- $$line; printf '\r\033[K    %.60s  %d of %d MB' "$$what" \
	                     $$(($$2 / 1000000)) $$(($$4 / 1000000)) >&2 ;; \
	        *) what=$$(echo $$line); printf '\r\033[K    %.90s' "$$what" >&2 ;; \
	      esac; \
	    done; \
	  if [ -t 2 ]; then printf '\r\033[K' >&2; fi; \
	  if [ "$$(tail -n 1 $(VENV)/install.log)" = "pip failed" ]; then \
	    grep -v -e '^Progress' -e '^pip failed' $(VENV)/install.log | tail -n 15 >&2; \
	    echo "The installation stopped; run the same command again to carry on." >&2; exit 1; \
	  fi
endef

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Liushui needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet -c constraints.txt --upgrade pip
	@touch $@

# torch first and pinned, so that nothing after it pulls another build.
$(VENV)/.torch: $(VENV)/.made constraints.txt
	$(call install,$(TORCH) (the largest part: a few minutes on a slow line),$(TORCH))
	@touch $@

$(VENV)/.run: $(VENV)/.torch pyproject.toml setup.py $(wildcard */c/*)
	@command -v cc gcc >/dev/null || echo "==> no C compiler: recognition and language model will be slower. To change that:" \
	  "apt-get install gcc libc6-dev (on Debian or Ubuntu), then make clean and this again"
	$(call install,liushui and its libraries,-e .)
	@touch $@

# The compiled part of torchaudio is linked against CUDA; without it, its Python does the same.
$(COQUI)/.made: pyproject.toml
	@$(PYTHON) -m venv $(COQUI)
	@$(COQUI)/bin/python -m pip install --quiet $(TORCH)
	@$(COQUI)/bin/python -m pip install --quiet -e '.[coqui]' faster-whisper hypothesis pytest pytest-asyncio
	@rm -f $(COQUI)/lib/python3*/site-packages/torchaudio/lib/*.so
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(call install,what the tests and checks need,-e '.[dev]')
	@touch $@
