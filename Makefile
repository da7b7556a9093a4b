# The one door. `make help` lists what is behind it; each line of a recipe can also be typed by hand.
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -ec

export BELEG_DEPS ?= $(CURDIR)/.deps
PRESET ?= dev
JOBS   ?= $(shell nproc)
BUILD   = build/$(PRESET)
PYTHON  = /usr/bin/python3
BELEG   = $(CURDIR)/$(BUILD)/beleg
GO      = $(BELEG_DEPS)/bin/go
PYTEST  = BELEG_BINARY=$(BELEG) BELEG_TLOGCHECK=$(CURDIR)/build/tlogcheck BELEG_GO_PEER=$(CURDIR)/build/grpc_go \
          BELEG_GRPC_PEER=$(CURDIR)/$(BUILD)/tests/peers/grpc_peer BELEG_CPP_PEER=$(CURDIR)/build/grpc_cpp \
          BELEG_TELEMETRYGEN=$(CURDIR)/build/telemetrygen $(BELEG_DEPS)/venv/bin/python -m pytest
TELEMETRYGEN = github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen
SOURCES = find src tests bench \( -name '*.h' -o -name '*.cc' \) -print0

.PHONY: help setup setup-test setup-deep setup-e2e build up test unit integration fault sim e2e picture conformance go-verifier log-peers peers lint tidy format bench bench-ledger bench-net otelcol fuzz asan tsan deep ci
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: ARGS='--once' (up, bench, conformance)  F='LedgerWriter' (unit, integration)  PRESET=dev|release  JOBS=$(JOBS)"

up: setup $(BUILD)/build.ninja ## build, then serve a model with its ledger, collector and store (ARGS=--once: prove it and stop)
	cmake --build $(BUILD) -j $(JOBS) --target beleg
	$(BELEG) up $(ARGS)

build: setup $(BUILD)/build.ninja ## compile everything
	cmake --build $(BUILD) -j $(JOBS)

build/%/build.ninja: | setup
	cmake --preset $*

test: setup-test build unit integration lint ## all that a change must pass

unit: build ## the tests beside the code (F=NAME: only those)
	ctest --test-dir $(BUILD) -L unit -j $(JOBS) --output-on-failure --no-tests=error $(if $(F),-R '$(F)')

integration: setup-test build go-verifier peers $(if $(F),,conformance) ## real clients, kill -9, bad input, strangers' verifiers, on the real binary
	$(PYTEST) tests/integration $(if $(F),-k '$(F)')

fault: setup-test build go-verifier peers ## each system call of an append fails, >= 200 kills, a minute without a store, full disk, clock set back (F=NAME: only those)
	$(PYTEST) tests/fault $(if $(F),-k '$(F)')
	$(if $(F),,BELEG_KILLS=200 BELEG_UP_KILLS=10 BELEG_OUTAGE_S=60 $(PYTEST) tests/integration -k 'kill or outage or store_away')

e2e: setup-e2e $(BUILD)/build.ninja ## the page in Chromium over real traffic; pictures in build/e2e (F=proof: tests whose name matches)
	cmake --build $(BUILD) -j $(JOBS) --target beleg
	BELEG_BINARY=$(BELEG) $(BELEG_DEPS)/bin/node --test --test-concurrency 2 --test-reporter spec $(if $(F),--test-name-pattern '$(F)') tests/e2e/*.test.mjs

picture: setup-e2e $(BUILD)/build.ninja ## README's pictures anew, from a minute of the demo model's traffic
	cmake --build $(BUILD) -j $(JOBS) --target beleg
	BELEG_BINARY=$(BELEG) $(BELEG_DEPS)/bin/node tests/e2e/picture.mjs

sim: setup $(BUILD)/build.ninja ## the ledger on a simulated disk, clock and network (SEED=1 N=200, JOBS processes)
	cmake --build $(BUILD) -j $(JOBS) --target sim
	seq 0 $$(($(JOBS) - 1)) | xargs -P $(JOBS) -I {} nice $(BUILD)/src/sim/sim --seed $(or $(SEED),1) \
	--count $(or $(N),200) --shard {}/$(JOBS) --commit "$$(git describe --always --dirty)"

go-verifier: setup-test # a reader of the ledger that shares no code with it
	cd tests/conformance/go && $(GO) vet ./... && $(GO) test -v ./... && $(GO) build -o $(CURDIR)/build/tlogcheck .

conformance: setup-test build go-verifier log-peers ## strangers' programs over a log of ours, whole and tampered with (ARGS=--help)
	BELEG_BINARY=$(BELEG) tests/conformance/run $(ARGS)

log-peers: setup-test # transparency-dev, Tessera and torchwood, to read our logs
	cd tests/conformance/peers && $(GO) vet ./... && $(GO) build -o $(CURDIR)/build/logpeers . && \
	$(GO) build -o $(CURDIR)/build/spicy filippo.io/torchwood/cmd/spicy

peers: setup-test build/grpc_cpp # gRPC of others, OpenTelemetry's generator, litewitness and Tessera, for the tests of ours
	cd tests/peers/go && $(GO) vet ./... && $(GO) build -o $(CURDIR)/build/grpc_go .
	cd tests/peers/telemetrygen && $(GO) build -o $(CURDIR)/build/telemetrygen $(TELEMETRYGEN)
	cd tests/peers/witness && $(GO) vet . && $(GO) build -o $(CURDIR)/build/witness_peer/ . filippo.io/torchwood/cmd/litewitness

# By hand: CMake's package of gRPC would be looked for by every build, and pkg-config takes 12 s to say the same.
build/grpc_cpp: tests/peers/grpcpp/main.cc | setup-test
	mkdir -p build
	g++ -std=c++20 -O2 -Wall -Wextra $< -o $@ -lgrpc++ -lgrpc -lgpr -labsl_synchronization

lint: ## layers, sizes, words, test names, docs, format
	$(PYTHON) tools/tools_test.py
	$(PYTHON) tools/lint.py

tidy: setup-deep build/tidy/build.ninja ## clang-tidy on all files (F=FOLDER: on one)
	run-clang-tidy-19 -quiet -j $(JOBS) -p build/tidy 'src/$(F).*\.cc'

format: setup-test ## clang-format on all files
	$(SOURCES) | xargs -0 clang-format-19 -i

bench: setup-test build ## measure on this machine (ARGS go to bench/run.py)
	BELEG_BINARY=$(BELEG) $(BELEG_DEPS)/venv/bin/python bench/run.py $(ARGS)

bench-ledger: setup-test $(BUILD)/build.ninja ## durable appends beside the disk's fdatasync and Tessera on it (ARGS='--dir DIR')
	cmake --build $(BUILD) -j $(JOBS) --target ledger_bench
	cd bench/tessera && $(GO) vet . && $(GO) build -o $(CURDIR)/build/tessera_bench .
	BELEG_BINARY=$(BELEG) $(BELEG_DEPS)/venv/bin/python bench/run.py ledger $(ARGS)

otelcol: setup-test ## the OpenTelemetry Collector, for `make bench ARGS=collector`; two minutes of CPU
	mkdir -p $(BELEG_DEPS)/otelcol
	GOBIN=$(BELEG_DEPS)/otelcol $(GO) install go.opentelemetry.io/collector/cmd/builder@v0.161.0
	cd $(BELEG_DEPS)/otelcol && PATH=$(BELEG_DEPS)/bin:$$PATH ./builder --config $(CURDIR)/bench/otelcol.yaml
	mv $(BELEG_DEPS)/otelcol/build/otelcol $(BELEG_DEPS)/otelcol/otelcol

bench-net: setup-test build build/grpc_cpp ## what a unary gRPC call costs, beside grpc++ in turn (ARGS=SECONDS a line)
	for round in 1 2; do \
	  echo "beleg, client and server in one process"; $(BUILD)/bench/net_bench $(or $(ARGS),2); \
	  echo "grpc++ $$(dpkg-query -W -f '$${Version}' libgrpc++-dev), the same"; build/grpc_cpp bench $(or $(ARGS),2); \
	done

asan tsan: setup-deep ## the unit tests under address and undefined-behaviour, or thread sanitizer
	$(MAKE) unit PRESET=$@

fuzz: setup-deep build/fuzz/build.ninja ## the parsers of outside bytes, SECONDS_EACH=30 seconds each (F=json: only that)
	cmake --build build/fuzz -j $(JOBS)
	tools/fuzz.sh $(or $(SECONDS_EACH),30) $(F)

deep: tidy asan tsan fault ## what is too slow for each change
	tools/bare_root.sh
	$(MAKE) conformance ARGS='--records 70000 --kills 40'
	$(MAKE) fuzz SECONDS_EACH=600
	$(MAKE) sim N=100000

ci: ## what the checks of a change run
	.ci/run

setup: $(PYTHON) ## install and unpack what the build needs
	@$(PYTHON) tools/setup.py build
setup-test: $(PYTHON)
	@$(PYTHON) tools/setup.py test
setup-deep: $(PYTHON)
	@$(PYTHON) tools/setup.py deep
setup-e2e: $(PYTHON)
	@$(PYTHON) tools/setup.py e2e

$(PYTHON):
	@if [ $$(id -u) != 0 ]; then echo "setup: first: sudo apt-get install --yes python3"; exit 2; fi
	@echo "setup: Python, to go on with"
	@apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends python3 > /dev/null
