# Needs Go and make, and a C compiler for `make race`.

GO ?= go
FUZZTIME ?= 20s
BENCH ?= .

BIN := bin
TOOLS := $(BIN)/tools
GOLANGCI_VERSION := v2.15.0
STATICCHECK_VERSION := v0.8.2
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
PEERS := $(BIN)/peers
STATICCHECK := $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)/staticcheck

.DEFAULT_GOAL := build
.PHONY: build test look office promises mutants torture replay demo lint race bench bench-peers microbench fuzz clean help

build: ## build ./bin/gsbatch, static and without local paths
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags "-s -w" -o $(BIN)/ ./cmd/gsbatch

test: ## run all tests
	@$(GO) version
	$(GO) test ./...

look: ## open the report pages of several runs in a real browser: CHROMIUM, or the one in the path; SHOTS=folder keeps pictures
	@GSBATCH_CHROMIUM="$(or $(CHROMIUM),$$(command -v chromium || command -v chromium-browser || command -v google-chrome))"; \
	if [ -z "$$GSBATCH_CHROMIUM" ]; then echo "no browser: install chromium, or name one with CHROMIUM="; exit 1; fi; \
	GSBATCH_CHROMIUM="$$GSBATCH_CHROMIUM" GSBATCH_SHOTS="$(abspath $(SHOTS))" $(GO) test -count=1 -run '^TestLook$$' -v ./cmd/gsbatch

office: ## open workbooks in LibreOffice: SOFFICE, or the one in the path
	@GSBATCH_SOFFICE="$(or $(SOFFICE),$$(command -v soffice))"; \
	if [ -z "$$GSBATCH_SOFFICE" ]; then echo "no LibreOffice: install it, or name its program with SOFFICE="; exit 1; fi; \
	GSBATCH_SOFFICE="$$GSBATCH_SOFFICE" $(GO) test -count=1 -run 'InLibreOffice$$' -v ./cmd/gsbatch

promises: ## measure every promise and write the README's table; ONLY="R4 S1" for some
	GSBATCH_PROMISES="$(or $(ONLY),all)" GSBATCH_MUTANTS=all GSBATCH_SAMPLES=1 GSBATCH_SCHEDULES=$(or $(SCHEDULES),10000) GSBATCH_KILLS=$(or $(KILLS),200) GSBATCH_MUTATIONS=$(or $(MUTATIONS),10000) GSBATCH_ROWS=5000 \
		$(GO) test -count=1 -timeout=0 -run '^TestPromises$$' -v .

mutants: ## put small faults into the classifier and the state machine, and count those that tests notice; FILES="pipeline/row.go checkpoint" for some
	GSBATCH_MUTANTS=$(or $(FILES),all) $(GO) test -count=1 -timeout=0 -run '^TestMutants$$' -v .

torture: ## the same with a million schedules, 2,000 kills, 100,000 mutations
	$(MAKE) promises SCHEDULES=1000000 KILLS=2000 MUTATIONS=100000

replay: ## run one fault schedule, told in full: make replay SEED=7
	GSBATCH_SEED=$(SEED) $(GO) test -count=1 -run '^Test(Record|Twin)?Schedules$$' -v ./pipeline

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
	CGO_ENABLED=1 $(GO) test -race -short -timeout 20m ./...

bench: ## measure every promise of speed and write BENCH.md's table; ONLY="P1 P6" takes some, ROWS=100000 is quick
	GSBATCH_BENCH=1 GSBATCH_BENCH_ROWS=$(ROWS) GSBATCH_BENCH_ROUNDS=$(ROUNDS) GSBATCH_BENCH_ONLY="$(ONLY)" GSBATCH_BENCH_PEERS=$(wildcard $(PEERS)/node_modules/..) \
		$(GO) test -count=1 -timeout=0 -run '^TestBench$$' -v .

bench-peers: $(PEERS)/node_modules ## the same, beside DuckDB, undici, SheetJS, Miller and xlsx2csv, installed if missing
	command -v mlr >/dev/null && command -v xlsx2csv >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends miller xlsx2csv; }
	$(MAKE) bench

microbench: ## run the benchmarks of the packages; BENCH=regexp chooses
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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(GOLANGCI):
	GOBIN=$(abspath $(@D)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(STATICCHECK):
	GOBIN=$(abspath $(@D)) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

# undici 8 wants a newer Node than Debian has.
$(PEERS)/node_modules:
	mkdir -p $(PEERS)
	npm install --silent --no-audit --no-fund --prefix $(PEERS) undici@7 @duckdb/node-api@1.5.6-r.1 xlsx@0.18
