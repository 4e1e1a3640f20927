# The menu. Every target works from a fresh clone; the long ones say so.
.DEFAULT_GOAL := help
SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DATA ?= ../shared/data
FUZZTIME ?= 5s

.PHONY: help
help: ## this menu
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: demo
demo: ## start, enrol, verify over HTTP, print the table
	$(GO) run ./cmd/zhenni demo

.PHONY: bench-http
bench-http: build ## the HTTP layer beside its bounds, a sweep of loads, overload and fairness; about ten minutes
	./zhenni bench http --sweep 25,50,80,100
	for e in overload hot-credential bulk-beside-singles; do ./zhenni bench http --experiment $$e; done

.PHONY: bench-soak
bench-soak: build ## 500 million verifications, watched for leaks and drift (N=verifications); a few minutes to an hour
	mkdir -p .work
	./zhenni bench soak --verifications $(or $(N),500000000) --time 5s --out .work/soak.json --report .work/soak.html

# One run of scale-100m: credentials, dimension, share hot. DIR is on the disk to measure.
SCALE = ./zhenni bench scale --dir $(or $(DIR),.work) --credentials $(1) --dim $(2) --hot $(3)
SCALE_FILES = --out .work/$(1).json --report .work/$(1).html --markdown docs/benchmarks/$(1).md

.PHONY: scale-100m
scale-100m: build ## 100 million templates on this node (62 GiB of disk, 21 of memory), then 30 million of 512-d cold (43 GiB); two hours or less
	mkdir -p .work docs/benchmarks
	-$(call SCALE,100000000,128,1) --check
	-$(call SCALE,30000000,512,0) --check
	-$(call SCALE,100000000,128,1) $(call SCALE_FILES,scale-100m-128)
	-$(call SCALE,30000000,512,0) $(call SCALE_FILES,scale-30m-512)

.PHONY: examples
examples: build ## every script of examples/ against one sandbox (ONLY="payment go"); two minutes
	.ci/examples ./zhenni $(ONLY)

.PHONY: life
life: ## the life of one person's credentials against zhenni serve, killed between and during its steps, as a transcript; half a minute
	$(GO) test -count=1 -v -run '^TestLife$$' ./cmd/zhenni

.PHONY: pages
pages: ## the pages in headless Chromium, with axe (npm, chromium; ONLY=pattern; PICTURES=docs/img takes pictures); a minute or two
	ZHENNI_PAGES_ONLY='$(ONLY)' ZHENNI_PICTURES=$(if $(PICTURES),$(abspath $(PICTURES))) GO=$(GO) .ci/pages

.PHONY: flows
flows: ## every flow of a session against zhenni serve, a process for each thing that a party does, as a transcript; a minute
	$(GO) test -count=1 -v -run '^TestFlows$$' ./cmd/zhenni

.PHONY: flows-killed
flows-killed: ## the server of the flows killed at 50 drawn points; some minutes
	$(GO) test -count=1 -v -tags long -run '^TestFlowsKilled$$' ./cmd/zhenni

.PHONY: bench-sessions
bench-sessions: build ## ten thousand live sessions, followed by both parties, one in a hundred changing each second; two minutes
	./zhenni bench sessions --live 10000 --rate 0.01

.PHONY: ciba
ciba: ## a stock OpenID client (openid-client, from npm) completes CIBA against zhenni serve with TLS; takes node
	d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; cp cmd/zhenni/testdata/ciba/* "$$d"; \
	  npm ci --prefix "$$d" --ignore-scripts --no-audit --no-fund --silent && \
	  ZHENNI_OPENID_CLIENT=$$d $(GO) test -count=1 -v -run '^TestStockClientCompletesCIBA$$' ./cmd/zhenni

.PHONY: build
build: ## the one binary, ./zhenni
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o zhenni ./cmd/zhenni

.PHONY: test
test: ## the short tests
	$(GO) test ./...

# Tests of the command that run servers, phones and benches within the process of the test.
RACES = TestAppByHand|TestBench|TestDemo

.PHONY: race
race: ## the short tests under the race detector; of the command, whose tests are processes of their own, those within one
	$(GO) test -race -timeout 40m $$($(GO) list ./... | grep -v '/cmd/zhenni$$')
	$(GO) test -race -timeout 20m -run '$(RACES)' ./cmd/zhenni

.PHONY: race-all
race-all: ## every short test under the race detector; three quarters of an hour
	$(GO) test -race -timeout 90m ./...

.PHONY: onnxruntime
onnxruntime: ## the networks of captures by onnxruntime; ZHENNI_ONNXRUNTIME names its shared library
	CGO_ENABLED=1 $(GO) test -count=1 -tags onnxruntime ./holder/capture/onnx

.PHONY: purego
purego: ## the short tests without assembly
	$(GO) test -tags purego . ./simd ./engine/... ./actors

.PHONY: tiers
tiers: build ## the kernels and what stands on them, once for each instruction set
	@for tier in $$(./zhenni version --tiers); do echo "== $$tier"; \
	  ZHENNI_CPU=$$tier $(GO) test -count=1 ./simd ./engine/... || exit 1; done

.PHONY: arm64
arm64: ## the kernels on arm64 under qemu-user, with and without SDOT
	GOARCH=arm64 $(GO) test -c -o /tmp/zhenni-simd-arm64.test ./simd
	GOARCH=arm64 $(GO) test -c -o /tmp/zhenni-engine-arm64.test ./engine
	cd simd && ZHENNI_REQUIRE_TIER=sdot qemu-aarch64 -cpu max /tmp/zhenni-simd-arm64.test -test.short
	cd simd && ZHENNI_REQUIRE_TIER=neon qemu-aarch64 -cpu cortex-a53 /tmp/zhenni-simd-arm64.test -test.short
	cd engine && qemu-aarch64 -cpu max /tmp/zhenni-engine-arm64.test -test.short -test.skip PagesAreAdvised # qemu-user ignores madvise
	rm -f /tmp/zhenni-simd-arm64.test /tmp/zhenni-engine-arm64.test

.PHONY: lint
lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags fault,long,defects,pages ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: generate
generate: ## write the assembly of simd again; a diff means that it was edited by hand
	$(GO) generate ./simd
	git diff --exit-code -- simd

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (5s)
	.ci/fuzz $(FUZZTIME)

.PHONY: faults
faults: ## which faults of docs/faults.md are covered, and by which test
	.ci/faults

.PHONY: panic
panic: ## 100,000 injected panics and stalls, and long histories checked for an order; about three minutes
	nice $(GO) test -tags long -count=1 -timeout 30m -v -run 'TestStorm|TestHistoriesHaveAnOrder' ./actors ./fault/lifecycle

.PHONY: defects
defects: ## build every seeded defect and want its test to fail (ONLY=name,name SAMPLE=12 TURN=n RESUME=1); a quarter of an hour
	mkdir -p .work
	nice $(GO) test -tags defects -count=1 -timeout 3h -parallel 2 -v -run TestDefectsAreCaught ./fault/defects \
	  -log $(CURDIR)/.work/defects.log $(if $(RESUME),-resume) \
	  $(if $(ONLY),-only $(ONLY)) $(if $(SAMPLE),-sample $(SAMPLE)) $(if $(TURN),-turn $(TURN))
# Faults of the real binary. N is how many, LONG=1 the numbers that docs/reliability.md claims, SEED repeats a run.
FAULT = $(GO) test -tags fault -count=1 -v -timeout 0 ./fault
FAULTARGS = -args $(if $(SEED),-seed $(SEED)) $(if $(SCRATCH),-scratch $(SCRATCH))
faults-of = $(if $(N),-rounds $(N),$(if $(LONG),-rounds $(1)))

.PHONY: crash
crash: ## kill -9 the server N times under load (LONG=1: 200)
	$(FAULT) -run '^TestCrash$$' $(FAULTARGS) $(call faults-of,200)

.PHONY: power
power: ## cut the power of its disk N times (LONG=1: 50), and see a disk that lies; needs root
	$(FAULT) -run '^TestPower' $(FAULTARGS) $(call faults-of,50)

.PHONY: full
full: ## fail its disk N times, by EIO, ENOSPC, torn writes, stalls (LONG=1: 100); needs root
	$(FAULT) -run '^TestFull$$' $(FAULTARGS) $(call faults-of,100)

.PHONY: corrupt
corrupt: ## damage its store N times, every class of file (LONG=1: 1000)
	$(FAULT) -run '^TestCorrupt' $(FAULTARGS) $(call faults-of,1000)

.PHONY: soak
soak: ## all of it at a low rate for DURATION (1h), watching memory, descriptors and disk
	$(FAULT) -run '^TestSoak$$' $(FAULTARGS) -duration $(or $(DURATION),1h)

.PHONY: fault-short
fault-short: ## a few of each, under three minutes on two cores
	$(FAULT) -run '^Test(Crash|Power|PowerSeesALyingDisk|Full|Corrupt|CorruptSeesWrongAnswers)$$' $(FAULTARGS)

.PHONY: data
data: ## the checks on real embeddings in DATA (../shared/data); absence fails
	ZHENNI_REQUIRE_DATA=1 ZHENNI_DATA=$(abspath $(DATA)) $(GO) test -count=1 -v -run 'RealData' ./bench/... ./engine/... ./cmd/...

.PHONY: tamper
tamper: ## a thousand random tamperings of an audit log at rest, tail cuts included, each to be found
	$(GO) test -tags long -count=1 -v -run TestTamperings ./storage/audit

.PHONY: bench
bench: ## every Go benchmark, briefly
	$(GO) test -run '^$$' -bench . -benchtime 200ms ./...

.PHONY: bench-layers
bench-layers: build ## kernels, engine, actors and store beside their limits, as tables and as .work/layers.html; ten idle minutes
	mkdir -p .work
	./zhenni bench kernels --out .work/kernels.json
	./zhenni bench engine --out .work/engine.json
	./zhenni bench actors --out .work/actors.json
	./zhenni bench store --dir .work --out .work/store.json
	./zhenni bench report --out .work/layers.html .work/{kernels,engine,actors,store}.json

.PHONY: bench-kernels
bench-kernels: ## the kernels beside SimSIMD and, given its headers, NumKong (npm, gcc)
	$(GO) run ./simd/_peer

.PHONY: bench-peers
bench-peers: ## zhenni beside PostgreSQL, Redis and others in one run; a quarter of an hour (PEERS_SHORT=1: a minute; PEERS_ARGS)
	mkdir -p .work
	cd bench/_peers && $(GO) vet ./... && $(GO) test ./... && $(GO) build -o $(CURDIR)/.work/peers . && \
	  exec $(CURDIR)/.work/peers $(if $(PEERS_SHORT),-short) $(PEERS_ARGS)

.PHONY: audit-scale
audit-scale: ## a hundred million bulk items through the audit log; under a minute on two idle cores
	$(GO) test -tags long -count=1 -v -run '^TestAuditScale$$' -timeout 30m ./storage/audit

.PHONY: history-scale
history-scale: ## ten million items through the history of credentials: cost, bytes, cold reads; half a minute
	$(GO) test -tags long -count=1 -v -run '^TestTenMillion$$' ./storage/history

.PHONY: history-100m
history-100m: ## a hundred million items through the history of credentials (2.3 GB of disk): bytes, memory, reads; a minute
	$(GO) test -tags long -count=1 -v -run '^TestHundredMillion$$' ./storage/history

.PHONY: long
long: ## what takes minutes and needs no device: 1,000,000 mutated signed requests, lives of credentials held to an order; nine minutes
	nice $(GO) test -tags long -count=1 -timeout 60m -v -run TestMillionMutated ./gateway
	nice $(GO) test -tags long -count=1 -timeout 60m -v -run TestLivesHaveAnOrder ./fault/lifecycle

.PHONY: ci
ci: ## what lands must pass
	bash .ci/run
