# Needs Go and make, and a C compiler for `make race`.

GO ?= go
FUZZTIME ?= 20s
BENCH ?= .

BIN := bin
TOOLS := $(BIN)/tools
GOLANGCI_VERSION := v2.15.0
STATICCHECK_VERSION := v0.8.2
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
STATICCHECK := $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)/staticcheck

.DEFAULT_GOAL := build
.PHONY: build test promises mutants torture replay demo lint race bench fuzz clean help

build: ## build ./bin/gsbatch, static and without local paths
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags "-s -w" -o $(BIN)/ ./cmd/gsbatch

test: ## run all tests
	@$(GO) version
	$(GO) test ./...

promises: ## measure every promise and write the README's table; ONLY="R4 S1" for some
	GSBATCH_PROMISES="$(or $(ONLY),all)" GSBATCH_MUTANTS=all GSBATCH_SAMPLES=1 GSBATCH_SCHEDULES=$(or $(SCHEDULES),10000) GSBATCH_KILLS=$(or $(KILLS),200) GSBATCH_MUTATIONS=$(or $(MUTATIONS),10000) GSBATCH_ROWS=5000 \
		$(GO) test -count=1 -timeout=0 -run '^TestPromises$$' -v .

mutants: ## put small faults into the classifier and the state machine, and count those that tests notice; FILES=gainsight/judge.go for some
	GSBATCH_MUTANTS=$(or $(FILES),all) $(GO) test -count=1 -timeout=0 -run '^TestMutants$$' -v .

torture: ## the same with a million schedules, 2,000 kills, 100,000 mutations
	$(MAKE) promises SCHEDULES=1000000 KILLS=2000 MUTATIONS=100000

replay: ## run one fault schedule, told in full: make replay SEED=7
	GSBATCH_SEED=$(SEED) $(GO) test -count=1 -run '^TestSchedules$$' -v ./pipeline

demo: build ## a session against the emulated tenant, no account needed
	./samples/demo.sh

lint: $(GOLANGCI) $(STATICCHECK) ## formatting, vet, tidy modules, staticcheck, golangci-lint
	@echo gofmt -l .
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) mod tidy -diff
	$(STATICCHECK) ./...
	$(GOLANGCI) run ./...

race: ## run the short tests with the race detector
	CGO_ENABLED=1 $(GO) test -race -short ./...

bench: ## run the benchmarks; BENCH=regexp chooses
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

# A target is listed by its name, and its package by the line that follows.
fuzz: ## run each fuzz target for FUZZTIME (20s)
	@set -e; \
	found=$$($(GO) test -list '^Fuzz' ./...); \
	echo "$$found" | awk '/^Fuzz/ { names[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print $$2, names[i]; n = 0 }' | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x "$$package" </dev/null; \
	done

clean: ## remove what was built
	rm -rf $(BIN) dist

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(GOLANGCI):
	GOBIN=$(abspath $(@D)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(STATICCHECK):
	GOBIN=$(abspath $(@D)) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
