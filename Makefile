# `make` alone lists what there is.
CUSTOMERS ?= 120
SUBSCRIPTIONS ?= 400
KEEP ?=
RUNS ?= 20
ROUNDS ?= 3
FIRST ?=
COMPARE ?=
SEEDS ?= 10000
TARGET ?= replies
SECONDS ?= 60
PREFIX ?= /usr/local
IMAGE ?= tenant-reseller-operator:$(shell sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)

# A checkout may keep its build somewhere else.
BUILT = $${CARGO_TARGET_DIR:-target}/debug
MEASURED = $${CARGO_TARGET_DIR:-target}/bench-local

.DEFAULT_GOAL := help
.PHONY: help plugin witnesses demo demo-stop test endure misoperate alerts dashboard attack simulate kill-matrix model mutants fuzz bench build image generate lint docs control-plane gitops-engines prometheus builder preflight

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## One reseller through all four phases (ADAPTER=interworks CUSTOMERS= SUBSCRIPTIONS= SEED= KEEP=1 YOURSELF=1)
	@exec "$(BUILT)/tru-local" demo --adapter "$(or $(ADAPTER),reference)" --customers "$(CUSTOMERS)" --subscriptions "$(SUBSCRIPTIONS)" --seed "$(or $(SEED),1)" $(if $(filter-out 0 no false,$(KEEP)),--keep) $(if $(filter-out 0 no false,$(YOURSELF)),--yourself)

demo-stop: ## End what `make demo KEEP=1` left running
	@exec "$(BUILT)/tru-local" stop

test: control-plane gitops-engines witnesses prometheus builder ## All tests (ARGS="..." is passed to cargo test)
	@exec hack/test $(ARGS)

endure: control-plane ## Kill operator and BSS at random moments (RUNS=20 FIRST=1)
	@RUNS="$(RUNS)" FIRST="$(or $(FIRST),1)" KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- endurance --nocapture

# A run makes and drops small objects all the time; glibc keeps more of them at hand with this.
QUICK = GLIBC_TUNABLES=glibc.malloc.tcache_count=1000

simulate: ## The whole operator in a simulated world, seeds that no run had (SEEDS=10000, FIRST=n repeats; SEED=n with its trace; SCREENS=1 people switch)
	@$(QUICK) SEEDS="$(SEEDS)" FIRST="$(or $(FIRST),clock)" SEED="$(SEED)" WITH="$(WITH)" FRESH_PAGE="$(FRESH_PAGE)" SCREENS="$(SCREENS)" \
	  PAGE="$(if $(SEED),,docs/proofs/simulation$(if $(filter 1,$(SCREENS)),-screens).md)" \
	  cargo test $(if $(SEED),,--profile bench-local) --all-features --locked --test simulation -- seeds --nocapture

misoperate: control-plane ## Every property that people write, set to every value that a machine can think of, at every stage, into docs/proofs/misoperation.md
	@MISOPERATE=all PAGE=docs/proofs/misoperation.md KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- misoperation --nocapture

alerts: control-plane prometheus ## Every alert fired from its real fault, by a real Prometheus
	@KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- --include-ignored alerts:: --skip a_picture --nocapture

dashboard: control-plane prometheus ## A picture of the dashboard from a real run, into docs/dashboard.svg
	@KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- --ignored alerts::a_picture --nocapture

attack: control-plane ## An upgrade with and without hostile namespaces beside it, rounds of four (ROUNDS=3), into docs/proofs/attack.md
	@ROUNDS="$(ROUNDS)" PAGE=docs/proofs/attack.md KUBEBUILDER_ASSETS="$$(hack/control-plane/build)" \
	  cargo test --all-features --locked --test api -- --ignored measured_with_and_without_an_attacker --nocapture

kill-matrix: ## The operator killed at every call, late requests and pairs of kills included
	@$(QUICK) LONG=1 PAGE=docs/proofs/kill-matrix.md \
	  cargo test --profile bench-local --all-features --locked --test simulation -- kill_matrix --nocapture

model: ## Every order of things in every small world, into docs/proofs/model.md
	@cargo test --profile bench-local --all-features --locked --test model -- --include-ignored \
	  --skip every_order_of_things_in_the_small_worlds --nocapture

fuzz: ## Feed a parser with made-up bytes (TARGET=replies SECONDS=60; CONTRIBUTING.md names the targets)
	@exec hack/fuzz "$(TARGET)" "$(SECONDS)"

mutants: ## Every small mistake, one at a time, and which proof finds it, into docs/proofs/mutants.md
	@mkdir -p docs/proofs
	@LONG=1 PAGE=docs/proofs/mutants.md cargo test --all-features --locked --test mutants -- every_mutant --nocapture

# With COMPARE the other version is built first: its programs have the same names.
bench: control-plane ## Measure the operator here, into docs/benchmarks.md (ARGS="--only sizes,crowd"; COMPARE=commit compares and writes no page)
	@set -e; other=; if [ -n "$(COMPARE)" ]; then other=$$(hack/bench/compare "$(COMPARE)"); fi; \
	  cargo build --profile bench-local --workspace --all-features --bins --example instructions --locked; \
	  if [ -n "$$other" ]; then exec "$(MEASURED)/tru-local" bench --compare "$$other" $(ARGS); \
	  else exec "$(MEASURED)/tru-local" bench --page docs/benchmarks.md $(ARGS); fi

build: control-plane ## The operator, the sandbox and the local tools, with debug information
	@cargo build --all-features --bins --locked

plugin: ## kubectl tru, built for use and put into a folder of PATH (PREFIX=/usr/local)
	@cargo build --release --features plugin --bin kubectl-tru --locked
	@install -d "$(PREFIX)/bin"
	@install -m 0755 "$${CARGO_TARGET_DIR:-target}/release/kubectl-tru" "$(PREFIX)/bin/kubectl-tru"
	@"$(PREFIX)/bin/kubectl-tru" completion kubectl > "$(PREFIX)/bin/kubectl_complete-tru"
	@chmod 0755 "$(PREFIX)/bin/kubectl_complete-tru"
	@echo "$(PREFIX)/bin/kubectl-tru is there: try kubectl tru list -A"

image: ## The operator's image, with podman, buildah, docker or nerdctl (IMAGE=registry/name:tag; HERE=1 compiles on this machine and asks no registry)
	@if [ -n "$(filter-out 0 no false,$(HERE))" ]; then \
	  cargo build --release --locked --features traces --bin tenant-reseller-operator && \
	  exec hack/image/build "$(IMAGE)" "$${CARGO_TARGET_DIR:-target}/release/tenant-reseller-operator"; \
	else exec hack/image/build "$(IMAGE)"; fi

generate: control-plane ## Write again what is generated from the types: crds/, docs/
	@exec hack/generate

docs: ## The pages as a site, into target/docs (builds mdBook first, some minutes, once)
	@hack/docs

lint: ## Format, clippy, documentation
	@cargo fmt --check
	@cargo clippy --all-features --all-targets --locked -- -D warnings
	@RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --all-features --locked

control-plane: preflight ## etcd, kube-apiserver, kubectl, helm: built once, cached for all clones
	@hack/control-plane/build >/dev/null

# Without Go there is none, and the tests that need it say so.
gitops-engines: preflight ## What Flux and Argo CD make of a status: their own engines, built once, cached
	@hack/gitops-engines/build >/dev/null || [ $$? = 3 ]

witnesses: ## Python libraries of others that tests ask; without them the tests say what was not examined
	@hack/witnesses/build >/dev/null || true

prometheus: ## promtool and prometheus, for the tests of alerts and dashboard: of this machine, or unpacked into the cache
	@hack/prometheus >/dev/null || true

builder: ## buildah, for the test that builds the image: of this machine, or unpacked into the cache
	@hack/image/builder >/dev/null || true

preflight: ## What is missing on this machine, and what will take long
	@hack/preflight
