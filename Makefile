# The project's commands. `make` alone lists them.
#
# Everything they need is installed by themselves or named with the command that gets it; what is
# downloaded stays in .cache/ and is reused.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
CACHE := .cache
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
DIARIST := $(TARGET_DIR)/release/diarist
export PIP_CACHE_DIR ?= $(CURDIR)/$(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CARGO_DENY_VERSION := 0.20.2
CARGO_MACHETE_VERSION := 0.9.2

-include training/training.mk
-include training/models.mk
-include training/diarization.mk
-include training/segmentation.mk

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' \
		| sort | while IFS=$$'\t' read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

# --- the service -----------------------------------------------------------------------------

.PHONY: run
run: build ## build and start the server on 127.0.0.1:8080 (DIARIST_LISTEN, DIARIST_DATA_DIR)
	exec $(DIARIST) serve $(ARGS)

.PHONY: build
build: require onnxruntime ## build target/release/diarist
	cargo build --locked --release --bin diarist

.PHONY: openapi
openapi: require ## write openapi/openapi.json again, after a change to the HTTP interface
	cargo run --locked --quiet -- openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

# --- tests and checks ------------------------------------------------------------------------

.PHONY: test
test: require onnxruntime oracle ## run all tests but the training's
	cargo test --locked

.PHONY: chaos
chaos: require onnxruntime faketime ## kill server and workers, and set the clock, at 200 random moments over a stream of jobs
	DIARIST_CHAOS_KILLS=200 cargo test --locked --test it -- --nocapture \
		service::chaos service::clock service::trouble

.PHONY: lint
lint: require cargo-tools ## formatting, lints, documentation, licences, unused dependencies
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
	$(CACHE)/tools/bin/cargo-deny --locked check licenses bans sources
	$(CACHE)/tools/bin/cargo-machete

.PHONY: bench
bench: require onnxruntime ## measure speed and memory on one hour of audio
	cargo bench --locked --bench hour
	cargo bench --locked --bench sharing

.PHONY: load
load: require onnxruntime ## measure requests and memory with 10,000 jobs queued, 200 clients polling and 50 streams of events
	cargo bench --locked --bench load

.PHONY: docker-check
docker-check: require onnxruntime $(CACHE)/docker/installed ## lint docker/, and build and run the CPU image's last stages without an engine (root)
	# With the features that `make test` builds it with, so that it is there already.
	cargo test --locked --test it --no-run
	docker/check.sh $(TARGET_DIR)/debug/diarist

.PHONY: deploy-check
deploy-check: ## check and test the alert rules with Prometheus' own tool
	command -v promtool > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends prometheus > /dev/null; }
	promtool check rules deploy/prometheus/diarist.rules.yml
	promtool test rules deploy/prometheus/diarist.rules.test.yml

# --- what the above need ---------------------------------------------------------------------

.PHONY: require
require:
	@scripts/require.sh

.PHONY: onnxruntime
onnxruntime: ## fetch ONNX Runtime's shared library into .cache/onnxruntime
	@scripts/fetch-onnxruntime.sh

.PHONY: faketime
faketime: # libfaketime, which sets the clock of one process (root)
	test -n "$$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2> /dev/null)" || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends faketime > /dev/null; }

.PHONY: oracle
oracle: $(CACHE)/oracle/installed

# Python packages that the tests compare our results with.
$(CACHE)/oracle/installed: tests/oracle/requirements.txt
	@scripts/require.sh
	$(PYTHON) -m venv $(CACHE)/oracle
	$(CACHE)/oracle/bin/pip install --quiet --requirement $<
	touch $@

$(CACHE)/docker/installed: docker/requirements.txt
	$(PYTHON) -m venv $(CACHE)/docker
	$(CACHE)/docker/bin/pip install --quiet --requirement $<
	touch $@

.PHONY: cargo-tools
cargo-tools: $(CACHE)/tools/cargo-deny-$(CARGO_DENY_VERSION) $(CACHE)/tools/cargo-machete-$(CARGO_MACHETE_VERSION)

# Built without optimisation: they run for seconds and compile for minutes.
$(CACHE)/tools/cargo-%:
	@scripts/require.sh
	tool=$(@F); version=$${tool##*-}; name=$${tool%-*}; \
	cargo install "$$name" --version "$$version" --locked --debug \
		--root $(CACHE)/tools --target-dir $(CACHE)/tools/target
	rm -rf $(CACHE)/tools/target
	touch $@
