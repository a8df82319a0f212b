# The front door; the build itself is CMakeLists.txt. Everything works from a bare Debian 12.
JOBS ?= 2
SOURCES = $(shell git ls-files '*.c' '*.h')

.PHONY: help demo test test-long bench bench-chain bench-models bench-train build package models docs site format lint clean

help:
	@echo 'make demo       a simulated ward, the pipeline and its alerts in one terminal, one minute'
	@echo 'make test       build and pass the tests (under twenty minutes)'
	@echo 'make test-long  the same with 100 kills and subscribers that are away for longer'
	@echo 'make bench      measure rows per second, latency, memory'
	@echo 'make bench-chain   the whole chain with large models on every row, on one core'
	@echo 'make bench-models  the models beside PyTorch, ONNX Runtime, oneDNN and others'
	@echo 'make bench-train   training beside PyTorch'
	@echo 'make build      build/release/vigil'
	@echo 'make package    Debian packages into build/package/packages'
	@echo 'make models     train the shipped models and check that they are those, byte for byte'
	@echo 'make docs       write docs/configuration.md and its like from the tables'
	@echo 'make site       the documents as a site, build/site/index.html'
	@echo 'make format, make lint, make clean'

build:
	@scripts/install-deps.sh build
	@scripts/build.sh release vigil

package:
	@scripts/install-deps.sh package
	@scripts/package.sh

models: build
	@scripts/models.sh

docs: build
	build/release/vigil describe --all --markdown >docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
	for page in metrics commands events; do \
		build/release/vigil describe --$$page >docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md || exit; \
	done

site:
	@scripts/install-deps.sh site
	mkdocs build --quiet

demo:
	@scripts/install-deps.sh demo
	@scripts/build.sh release vigil
	@scripts/demo.sh

test:
	@scripts/install-deps.sh test
	@scripts/test.sh

test-long:
	@scripts/install-deps.sh test
	@scripts/install-deps.sh long
	@VIGIL_LONG=1 scripts/test.sh

bench:
	@scripts/install-deps.sh test
	@scripts/build.sh release all
	@scripts/bench.sh

bench-chain:
	@scripts/install-deps.sh test
	@scripts/build.sh release all
	@/usr/bin/python3 bench/bench_chain.py $(BENCH)

bench-models:
	@scripts/install-deps.sh peers
	@scripts/bench_models.sh

bench-train:
	@scripts/install-deps.sh peers
	@scripts/build.sh release bench_train
	@/usr/bin/python3 bench/bench_train.py $(BENCH)

format:
	@scripts/install-deps.sh lint
	clang-format -i $(SOURCES)

lint:
	@scripts/install-deps.sh lint
	clang-format --dry-run -Werror $(SOURCES)
	@scripts/build.sh debug
	clang-tidy -p build/debug --quiet $(filter %.c,$(filter-out tests/%,$(SOURCES)))

clean:
	rm -rf build
