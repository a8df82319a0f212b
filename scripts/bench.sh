#!/bin/sh
# Prints the figures of docs/performance.md for this machine.
set -eu
cd "$(dirname "$0")/.."
exec python3 bench/bench_pipeline.py "$@"
