#!/bin/sh
# The demo: a ward of twelve beds, its pipeline and its alerts, in DEMO_SECONDS (60) on one terminal.
set -eu
cd "$(dirname "$0")/.."
exec build/release/vigil demo configs/demo.yaml --seconds "${DEMO_SECONDS:-60}" "$@"
