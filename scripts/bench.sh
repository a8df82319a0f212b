#!/bin/sh
# Prints the figures of docs/performance.md for this machine.
set -eu
cd "$(dirname "$0")/.."
exec /usr/bin/python3 bench/bench_pipeline.py "$@"
