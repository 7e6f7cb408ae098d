# `make` alone lists what there is.
CUSTOMERS ?= 120
SUBSCRIPTIONS ?= 400
SEED ?= 1
KEEP ?=
RUNS ?= 20
FIRST ?= 1

# A checkout may keep its build somewhere else.
BUILT = $${CARGO_TARGET_DIR:-target}/debug
MEASURED = $${CARGO_TARGET_DIR:-target}/bench-local

.DEFAULT_GOAL := help
.PHONY: help demo demo-stop test endure mutants bench build generate lint control-plane preflight

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## One reseller through all four phases (CUSTOMERS= SUBSCRIPTIONS= SEED= KEEP=1)
	@exec "$(BUILT)/tru-local" demo --customers "$(CUSTOMERS)" --subscriptions "$(SUBSCRIPTIONS)" --seed "$(SEED)" $(if $(filter-out 0 no false,$(KEEP)),--keep)

demo-stop: ## End what `make demo KEEP=1` left running
	@exec "$(BUILT)/tru-local" stop

test: control-plane ## All tests (ARGS="..." is passed to cargo test)
	@exec hack/test $(ARGS)

endure: control-plane ## Kill operator and BSS at random moments (RUNS=20 FIRST=1)
	@RUNS="$(RUNS)" FIRST="$(FIRST)" KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- endurance --nocapture

mutants: ## Every small mistake, one at a time, and which proof finds it, into docs/proofs/mutants.md
	@mkdir -p docs/proofs
	@LONG=1 PAGE=docs/proofs/mutants.md cargo test --all-features --locked --test mutants -- every_mutant --nocapture

bench: control-plane ## Measure the operator here, into docs/benchmarks.md (ARGS="..." is passed on)
	@cargo build --profile bench-local --all-features --bins --locked
	@exec "$(MEASURED)/tru-local" bench --page docs/benchmarks.md $(ARGS)

build: control-plane ## The operator, the sandbox and the local tools, with debug information
	@cargo build --all-features --bins --locked

generate: control-plane ## Write again what is generated from the types: crds/, docs/
	@exec hack/generate

lint: ## Format, clippy, documentation
	@cargo fmt --check
	@cargo clippy --all-features --all-targets --locked -- -D warnings
	@RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --all-features --locked

control-plane: preflight ## etcd, kube-apiserver, kubectl, helm: built once, cached for all clones
	@hack/control-plane/build >/dev/null

preflight: ## What is missing on this machine, and what will take long
	@hack/preflight
