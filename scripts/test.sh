#!/bin/sh
# Builds and passes the tests: everything in a release build, then unit, contract, scenario and
# fuzz-corpus tests under AddressSanitizer and UndefinedBehaviorSanitizer, then scenarios under
# ThreadSanitizer (which Criterion cannot start under). VIGIL_LONG=1 asks the tests for their long
# forms.
set -eu
cd "$(dirname "$0")/.."

passed=0
failed=0
skipped=0

# run PRESET TARGETS [CTEST OPTIONS]: builds, tests and adds up.
run() {
    preset=$1
    targets=$2
    shift 2
    echo "== build $preset"
    scripts/build.sh "$preset" "$targets"
    echo "== test $preset"
    log=build/ctest-$preset.log
    ctest --preset "$preset" -j "${JOBS:-2}" "$@" | tee "$log" || true
    total=$(sed -n 's/.* tests failed out of \([0-9]*\)$/\1/p' "$log")
    bad=$(sed -n 's/.* \([0-9]*\) tests failed out of .*/\1/p' "$log")
    not_run=$(grep -c '(Skipped)$\|(Disabled)$' "$log" || true)
    if [ -z "$total" ]; then # ctest itself failed
        total=1
        bad=1
    fi
    passed=$((passed + total - bad - not_run))
    failed=$((failed + bad))
    skipped=$((skipped + not_run))
}

run release all "$@"
# Not again: a stranger's build, documents, the page in a browser, and figures of long recordings, whose
# code others pass through here.
run asan all -L 'unit|contract|scenario|fuzz' \
    -E 'contract/test_(pages|stranger)|scenario/test_(alert_(burden|charted|targets)|detector|docs|evaluate)$' "$@"
run tsan "vigil produce kafka_admin" -R 'scenario/test_(audit|clock|config_change|confirm|dead_letters|tap|train_race)' "$@"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
