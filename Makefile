# natsgram. "make" lists what there is to make.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
STEP        := ./.ci/step

# ARGS go to the demo: make demo ARGS=--once
ARGS    ?=
# PKG narrows tests and benchmarks: make test PKG=./events/...
PKG     ?= ./...
TIMEOUT ?= 20m

DENDRITE := .cache/bin/dendrite
SOURCES  := $(wildcard cmd events projections handlers)
# The commit goes into the binary where git can tell it.
VCS      := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)

.DEFAULT_GOAL := help
.PHONY: help all build homeserver demo test check bench fmt clean setup pictures

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 20

all: build homeserver ## the bridge and the homeserver for its demo

build: ## the bridge: ./natsgram
	@$(STEP) "compiling natsgram (the Telegram library takes minutes the first time)" \
		go build -buildvcs=$(VCS) -o natsgram ./cmd/natsgram

homeserver: $(DENDRITE) ## the homeserver for tests and demo: .cache/bin/dendrite

# Only a change of the pinned version builds it again.
$(DENDRITE): cmd/homeserver/go.mod cmd/homeserver/go.sum
	@mkdir -p $(@D)
	@$(STEP) "compiling the homeserver, Dendrite (first build takes about 3 minutes)" \
		go build -C cmd/homeserver -buildvcs=false -o $(CURDIR)/$@ tool
	@touch $@

demo: homeserver ## a whole login and chat on this machine alone; ARGS=--once ends by itself
	@$(STEP) "compiling the demo (the Telegram library takes minutes the first time)" \
		go build -buildvcs=$(VCS) -o .cache/bin/ ./cmd/demo ./cmd/natsgram
	@exec .cache/bin/demo $(ARGS)

setup:
	@./.ci/setup

test: setup homeserver ## all tests, with all they need
	@$(STEP) "compiling with the race detector (the Telegram library takes minutes the first time)" \
		go build -race -buildvcs=false $(PKG)
	@echo "  testing"
	@go test -race -timeout $(TIMEOUT) $(PKG) | sed '/\[no test files\]$$/d'

check: setup ## format, vet, staticcheck, modules, import rules
	@$(MAKE) --no-print-directory --keep-going $(CHECKS)
	@echo "  checked"

CHECKS := check-format check-vet check-static check-tidy check-modules check-arrows
.PHONY: $(CHECKS)

check-format:
	@$(STEP) "gofmt" bash -c 'test -z "$$(gofmt -l $(SOURCES) | tee /dev/stderr)"'

check-vet:
	@$(STEP) "go vet (compiles first)" go vet ./...

check-static:
	@$(STEP) "staticcheck" go tool staticcheck ./...

check-tidy:
	@$(STEP) "go.mod is tidy" go mod tidy -diff
	@$(STEP) "cmd/homeserver/go.mod is tidy" go -C cmd/homeserver mod tidy -diff

check-modules:
	@$(STEP) "modules are as published" go mod verify

check-arrows:
	@$(STEP) "import rules" go test ./events -run TestArrows

PICTURES := .cache/pictures

pictures: setup ## pictures of every page of the login, in .cache/pictures
	@mkdir -p $(PICTURES)
	@$(STEP) "drawing every page: on a telephone and a desk, in light and dark" \
		env NATSGRAM_PICTURES=$(CURDIR)/$(PICTURES) go test -count=1 -run TestEveryPageIsSound ./handlers/weblogin
	@echo "  $(PICTURES) has $$(ls $(PICTURES) | wc -l) pictures"

bench: homeserver ## all benchmarks, once each; BENCH=Name picks, BENCHTIME=5s repeats
	@$(STEP) "compiling" go build -buildvcs=false $(PKG)
	@go test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime $(or $(BENCHTIME),1x) -timeout 30m $(PKG) | sed '/\[no test files\]$$/d'

fmt: ## format the sources
	@gofmt -l -w $(SOURCES)

clean: ## remove what was built; data of bridge and demo stays
	@rm -rf .cache natsgram
