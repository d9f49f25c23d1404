# The two commands that matter are `make run` and `make test`. `make help` lists the rest.

CACHE ?= $(or $(PACIOLI_CACHE),$(HOME)/.cache/pacioli)
export PACIOLI_TOOLS ?= $(CACHE)/tools
# Compiled dependencies outlive the clone.
export CARGO_TARGET_DIR ?= $(CACHE)/target

.PHONY: help run build test cluster fmt conformance deployment bench eval openapi clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: build ## Serve Pacioli on http://127.0.0.1:8000, with everything it keeps in ./data
	$(CARGO_TARGET_DIR)/release/pacioli serve $(ARGS)

build: ## Build the release binary
	cargo build --release --locked -p pacioli-server --bin pacioli

test: ## Everything CI checks: format, lints, tests on every store and cache, docs, generated files, licences
	scripts/test

cluster: ## What `make test` leaves out: the cargo feature `cluster`, queries on a Ballista cluster
	scripts/cluster

fmt: ## Format the code
	cargo fmt --all

conformance: ## Check the API against its OpenAPI document (schemathesis)
	scripts/conformance

bench: build ## Measure against the comparison programs, side by side; prints ratios
	bench/run.py

eval: build ## Score the translator on questions with known answers; writes eval/RESULTS.md
	eval/run.py $(CARGO_TARGET_DIR)/release/pacioli $(TRANSLATOR)

deployment: ## Try the deployment: image, NGINX, Prometheus, dashboards, traces, Postman, upgrade
	PACIOLI_BIN=$${PACIOLI_BIN:-$(CARGO_TARGET_DIR)/debug/pacioli} scripts/deployment $(ARGS)

openapi: ## Write the generated files: docs/openapi.json, docs/ERRORS.md, docs/METRICS.md, the Postman collection
	scripts/generate

clean: ## Remove what was built
	cargo clean
