#!/bin/sh
# Builds and passes the tests: everything in a release build, then unit, contract, scenario and
# fuzz-corpus tests under AddressSanitizer and UndefinedBehaviorSanitizer, then scenarios under
# ThreadSanitizer (which Criterion cannot start under). VIGIL_LONG=1 asks the tests for their long
# forms.
#
# Tests wait more than they work, so the next build is made while they pass. It has a processor only when
# nobody else wants it (SCHED_IDLE): a test must not wait for a compiler. Tests that must have the machine
# to themselves (label "alone") come before it.
set -eu
cd "$(dirname "$0")/.."

passed=0
failed=0
skipped=0
behind=

# Nothing goes on when this is interrupted.
leave() {
    [ -z "$behind" ] || kill "$behind" 2>/dev/null || true
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

idle='chrt --idle 0'
$idle true 2>/dev/null || idle='nice -n 19'

# behind NAME COMMAND...: runs it beside what follows, until await. `timeout` gives it and its children one
# group, so that all of them end with it.
behind() {
    name=$1
    shift
    mkdir -p build
    timeout 1h "$@" >"build/$name.log" 2>&1 &
    behind=$!
}

await() {
    began=$(date +%s)
    code=0
    wait "$behind" || code=$?
    behind=
    echo "== $name, ready after $(($(date +%s) - began)) s more"
    [ "$code" -eq 0 ] || cat "build/$name.log" >&2
    return "$code"
}

# run NAME PRESET [CTEST OPTIONS]: tests and adds up.
run() {
    log=build/ctest-$1.log
    preset=$2
    echo "== test $1"
    shift 2
    ctest --preset "$preset" -j "${JOBS:-2}" "$@" 2>&1 | tee "$log" || true
    if grep -q '^No tests were found' "$log"; then # none of those that were asked for
        return
    fi
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

# A test that lacks what could not be fetched is skipped with the reason.
behind fetch /usr/bin/python3 -B tests/support/fetch.py
echo "== build release"
scripts/build.sh release all
await || true
run alone release -L alone --no-tests=ignore "$@"
behind build-asan $idle scripts/build.sh asan all
run release release -LE alone "$@"
await
behind build-tsan $idle scripts/build.sh tsan "vigil produce kafka_admin"
# Not again: a stranger's build, documents, the page in a browser, and figures of long recordings, whose
# code others pass through here.
run asan asan -L 'unit|contract|scenario|fuzz' \
    -E 'contract/test_(pages|stranger)|scenario/test_(alert_(burden|charted|targets)|detector|docs|evaluate)$' "$@"
await
run tsan tsan -R 'scenario/test_(audit|clock|config_change|confirm|dead_letters|http_race|tap|train_race)' "$@"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
