# make         shows the targets
# make run     does the main job
# make test    passes the tests

GO      ?= go
RELEASE := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
LDFLAGS := -s -w -X github.com/reckon-bench/reckon/results.Release=$(RELEASE)
WORDS   ?= etcd simple uniform leader
FLAGS   ?= --duration 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## build bin/reckon, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/reckon ./cmd/reckon

.PHONY: docker-build
docker-build: ## build bin/reckon in a container that has Go, where this machine has none
	$(DOCKER) run --rm -u "$$(stat -c %u:%g .)" -e HOME=/tmp -v "$$PWD":/src -w /src golang:1.26.8 make build

.PHONY: run
run: build ## do the main job: WORDS and FLAGS change what (needs root, sudo or user namespaces)
	scripts/run bin/reckon $(WORDS) $(FLAGS)

# Packages whose tests start no host and keep no time: they run side by side. All others run one after the other, so
# that real clusters have the machine to themselves, but for two tests beside them: mostly they wait.
PURE := /(faults|workloads/data/(codec|config|damage|draw|expect|serve|stream|trace|tree)|cmd/reckon/(data|doctor|exit|kibishii|launch|paired|ping|screen|shell|simulate|sweep|words)|topologies|results|results/.*|workloads/kibishii|systems/gossip/(codec|core|hlc|recon|riblt|state|wal)|reckon/(check|clock|expect|flags|history|link|plan|preview|seed|stats)|reckon/internal/(clusterstate|load|nemesis|serveprobe)|reckon/sim|reckon/sim/.*)$$

.PHONY: test
test: lint ## run the tests that a change must pass
	@$(GO) run ./cmd/reckon doctor >/dev/null 2>&1 || echo 'NOTE: whatever starts a host is SKIPPED, as this machine does not permit it (bin/reckon doctor says what is missing). As root: sudo -E env "PATH=$$PATH" make test' >&2
	@all=$$($(GO) list ./...) || exit 1; status=0; \
	(set -x; $(GO) test -timeout 15m $$(echo "$$all" | grep -E '$(PURE)')) || status=1; \
	(set -x; $(GO) test -p 1 -parallel 3 -timeout 15m $$(echo "$$all" | grep -vE '$(PURE)')) || status=1; \
	exit $$status

.PHONY: test-slow
test-slow: ## run the tests on one core, beside a busy process there: none may pass by the machine's speed
	GO='$(GO)' scripts/test-slow

.PHONY: test-faults
test-faults: ## strike a real cluster with every fault word, and want each seen in effect and healed (make test has one of each mechanism)
	RECKON_EVERY_FAULT=1 $(GO) test ./cmd/reckon -run '^TestFaults' -v -parallel 1 -timeout 40m

.PHONY: nightly
nightly: ## run what runs every night: every fault, older etcds, planted damage (some 20 minutes)
	scripts/nightly

SEED ?= 0
RUNS ?= 1000000
.PHONY: simulate
simulate: build ## simulate etcd in scenarios drawn from SEED on, until interrupted or RUNS are done; a failing seed stops it
	bin/reckon simulate trials --seed $(SEED) --runs $(RUNS) --break

.PHONY: race
race: ## run the tests under the race detector (needs a C compiler); the command's scripts keep time, which it spoils, and stats and compare simulate for long
	$(GO) test -race -p 1 -parallel 1 -timeout 20m $$($(GO) list ./... | grep -vE '/(cmd/reckon|stats|results/compare|results/compare/drawing)$$')

.PHONY: lint
lint: ## gofmt, go vet and staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "not formatted: $$out" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: bench
bench: ## run the benchmarks of the speed and size that reckon promises
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

.PHONY: bench-links
bench-links: ## measure the links beside a plain bridge, and print what was reached beside the targets
	$(GO) test -run '^$$' -bench '^BenchmarkLinks$$' -benchtime 1x -timeout 15m ./reckon/link/userspace

.PHONY: bench-kibishii
bench-kibishii: ## measure generating and verifying files beside dd and SHA-1, and print what was reached beside the targets
	$(GO) test -run '^$$' -bench '^BenchmarkKibishii$$' -benchtime 1x -timeout 15m ./workloads/kibishii
	$(GO) test -run '^$$' -bench '^BenchmarkFleet$$' -benchtime 1x -timeout 15m ./workloads/kibishii/fleet

.PHONY: bench-data
bench-data: ## measure generating, writing and verifying data beside bare calls and fio, and print what was reached beside the aims
	$(GO) test -run '^$$' -bench '^BenchmarkData$$' -benchtime 1s -timeout 15m ./workloads/data/stream
	$(GO) test -run '^$$' -bench '^BenchmarkFiles$$' -benchtime 1x -timeout 15m ./workloads/data/disk

.PHONY: test-arm64
test-arm64: ## want the same bytes of generated data on arm64 (needs qemu-aarch64, Debian's qemu-user)
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64 -run 'Golden|Known' ./workloads/data/draw ./workloads/data/stream ./workloads/data/tree

.PHONY: test-netem
test-netem: build ## run the kernel fabric's tests, and real clusters on it, in a virtual machine that has netem
	scripts/lab test ./reckon/link/netem
	scripts/lab reckon etcd wan uniform leader --links netem --duration 10s
	scripts/lab reckon etcd simple uniform isolate --cut link-down --links netem --duration 9s

IMAGE ?= reckon
DOCKER ?= docker
BUILD_IMAGE = $(DOCKER) build -q --build-arg VERSION=$(RELEASE) --build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null || echo unknown) --build-arg CREATED=$(shell date -u +%Y-%m-%dT%H:%M:%SZ)

# Where there is no Go, a bin/reckon that is there will do.
BINARY = $(if $(shell command -v $(GO)),build,bin/reckon)
bin/reckon:
	@echo "there is neither Go here nor bin/reckon: make docker-build builds that in a container" >&2; exit 1

.PHONY: image
image: $(BINARY) ## build the container image: the binary and nothing else (needs a Docker engine, no registry)
	rm -rf bin/image && mkdir -p bin/image/bin && cp bin/reckon bin/image/bin/reckon
	$(BUILD_IMAGE) --build-arg ROOT=bin/image -t $(IMAGE) .

.PHONY: image-debug
image-debug: $(BINARY) ## build the image with a shell, ping, etcdctl and tcpdump beside it (needs those of this machine, a Debian)
	scripts/image-root bin/image-debug
	$(BUILD_IMAGE) --build-arg ROOT=bin/image-debug -t $(IMAGE)-debug .

.PHONY: test-image
test-image: image image-debug ## run the images: privileged, reduced, stopped, at a prompt, by Compose
	IMAGE=$(IMAGE) DOCKER=$(DOCKER) scripts/test-image

PORTABLE = ./reckon ./reckon/history ./reckon/seed ./reckon/flags ./reckon/stats ./reckon/link ./reckon/check ./reckon/plan ./reckon/preview ./reckon/expect ./reckon/internal/clusterstate ./reckon/internal/nemesis ./reckon/internal/load ./reckon/sim/...
PORTABLE += $(addprefix ./workloads/data/,draw stream codec tree config trace damage expect serve)
.PHONY: cross
cross: ## build for amd64 and arm64, and the pure packages for macOS and Windows
	for os in darwin windows; do CGO_ENABLED=0 GOOS=$$os GOARCH=arm64 $(GO) build $(PORTABLE) || exit 1; done
	for arch in amd64 arm64; do CGO_ENABLED=0 GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/reckon-$$arch ./cmd/reckon; done

.PHONY: clean
clean: ## remove what was built; runs are kept
	rm -rf bin
