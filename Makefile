# Thin front door over CMake presets and scripts: `make help`.
# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
SANITIZED := asan tsan

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## from fault to report on this machine: no keys, cluster, container or cloud
	@scripts/demo.sh

test: ## everything that must pass before a change lands, installs included
	@scripts/test.sh

nightly: ## the long forms: fuzzing, many crashes, 10^7 simulated steps
	@scripts/nightly.sh

build: deps ## the programs, release: build/release/bin
	@scripts/build.sh release

check: ## debug build and unit tests: run before every commit
	@scripts/build.sh debug
	@ctest --preset debug -j $(JOBS) -L unit

asan: ## unit tests and simulator under ASan and UBSan
tsan: ## unit tests and simulator under TSan
$(SANITIZED):
	@scripts/build.sh $@
	@ctest --preset $@ -j $(JOBS)

coverage: ## line and branch coverage of the unit tests and the simulator
	@scripts/build.sh coverage
	@ctest --preset coverage -j $(JOBS)
	@gcovr --root . --object-directory build/coverage --exclude 'tests/.*' \
		--print-summary --sort-percentage

fuzz: ## libFuzzer over all that reads hostile bytes, FUZZ_SECONDS each (20), FUZZ_JOBS at a time
	@scripts/fuzz.sh

bench: ## throughput on this machine, as ratios to its bare parts; no verdict
	@scripts/bench.sh

image: deps ## the agent image, for AGENT_RUNTIME=podman or docker: k8s-triage-agent:latest
	@scripts/image.sh

lint: ## every rule that a tool can check
	@scripts/build.sh debug
	@scripts/lint.sh build/debug

tidy: ## clang-tidy over the debug build (slow, not part of test)
	@scripts/build.sh debug
	@git ls-files '*.c' | grep -v '^tests/' | xargs -n 4 -P $(JOBS) clang-tidy -p build/debug --quiet

analyze: ## gcc's analyzer over the programs (slow, not part of test)
	@scripts/build.sh analyze

format: ## rewrite all C files in house style
	@git ls-files '*.[ch]' | xargs clang-format -i

deps: ## install the packages to build and run
	@scripts/deps.sh

test-deps: ## install all that the tests need
	@scripts/test-deps.sh

#  Each can be the first thing that is run in a new clone.
check coverage fuzz lint tidy analyze $(SANITIZED): test-deps

.PHONY: help demo test nightly build check coverage fuzz bench image lint tidy analyze format \
	deps test-deps $(SANITIZED)
