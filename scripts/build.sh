#!/bin/sh
# Configures and builds: build.sh PRESET ["TARGET ..."]; without a target it only configures.
#
# Tests and benchmarks need more packages than the program; they are left out when it alone is asked
# for.
set -eu
cd "$(dirname "$0")/.."

preset=$1
target=${2:-}
with=ON
[ "$target" = vigil ] && with=OFF
mkdir -p build
log=build/configure-$preset.log
if ! cmake --preset "$preset" -DVG_BUILD_TESTS=$with >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
[ -n "$target" ] || exit 0
# shellcheck disable=SC2086 # several targets are several words
cmake --build --preset "$preset" --target $target -j "${JOBS:-2}"
