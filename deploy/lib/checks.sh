# Tests, benchmarks, layout and lint. Sourced.
# shellcheck shell=bash

tracked() { git ls-files -z -- "$@"; }

# --- format, lint --------------------------------------------------------------------------------

command_format() {
    local options=(-i)
    case ${1:-} in
    '') ;;
    --check) options=(--dry-run --Werror) ;;
    *) die "usage: ./hum format [--check]" ;;
    esac
    ensure_packages test
    cd "$here"
    tracked '*.c' '*.h' | xargs -0 -r clang-format-14 "${options[@]}"
}

# Every C file that is built, several at a time.
lint_c() {
    jq -r '.[].file' "$here/build/release/compile_commands.json" | sort -u |
        xargs -r -d '\n' -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p "$here/build/release" 2> /dev/null
}

# Every tracked script, each with what it sources.
lint_scripts() {
    tracked | xargs -0 -r grep -lZ -m 1 -E '^#!/(usr/)?bin/(env )?(ba)?sh' -- |
        xargs -0 -r shellcheck -x -a
}

# Every package has its reason in the documentation.
lint_packages() {
    local name failed=no
    while read -r name; do
        if ! grep -qF "\`$name\`" docs/dependencies.md; then
            warn "docs/dependencies.md does not explain $name"
            failed=yes
        fi
    done < <(deploy/packages build run test npm)
    [ "$failed" = no ]
}

command_lint() {
    local failed=no
    ensure_packages build test
    build release
    cd "$here"
    say "clang-tidy"
    lint_c || failed=yes
    say "shellcheck"
    lint_scripts || failed=yes
    lint_packages || failed=yes
    if [ "$failed" = yes ]; then die "lint found something"; fi
}

# --- test ----------------------------------------------------------------------------------------

passed=0 failed=0 skipped=0 unsteady=0

# The counts of a JUnit file: tests, failures (a test found something), errors (something around a test did), skipped. A
# run that left none is an error as a whole.
read_counts() {
    /usr/bin/python3 - "$1" << 'EOF' 2> /dev/null || echo "0 0 1 0"
import sys
from xml.etree import ElementTree

suites = list(ElementTree.parse(sys.argv[1]).getroot().iter("testsuite"))
print(*(sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")))
EOF
}

# Each build's run remembers its own failures. Where it is put into the background, Ctrl-C is still meant for it.
run_pytest() {
    local preset=$1 report=$2
    shift 2
    rm -f -- "$report"
    (cd "$here" && HUM_PRESET=$preset exec env --default-signal=INT /usr/bin/python3 -m pytest tests \
        --junitxml="$report" -o cache_dir="$here/build/$preset/pytest-cache" "$@")
}

# Faults are injected at random instants, on a machine that others use, too: one or two tests that fail are run once more,
# by themselves. If they pass then they count so, and are named: an unsteady test, or a rare fault, to be looked into. What
# fails around a test (a daemon that died, a sanitizer's report, an answer that the specification does not know) never is.
try_again() {
    local preset=$1 first=$2 counts tests failures errors
    shift 2
    read -r tests failures errors _ <<< "$(read_counts "$first")"
    if [ "$errors" != 0 ] || [ "$failures" = 0 ] || [ "$failures" -gt 2 ]; then return; fi
    say "== $failures of $tests tests failed: once more"
    run_pytest "$preset" "${first%.xml}-again.xml" --last-failed --last-failed-no-failures none "$@" || return 0
    read -r -a counts <<< "$(read_counts "${first%.xml}-again.xml")"
    if [ "${counts[0]}" != "$failures" ]; then return; fi
    passed=$((passed + failures)) failed=$((failed - failures)) unsteady=$((unsteady + failures))
}

# Counts what the suite on one build has come to. status: pytest's.
count_suite() {
    local preset=$1 status=$2 report="$here/build/$1/junit.xml" counts
    shift 2
    read -r -a counts <<< "$(read_counts "$report")"
    failed=$((failed + counts[1] + counts[2]))
    passed=$((passed + counts[0] - counts[1] - counts[2] - counts[3]))
    skipped=$((skipped + counts[3]))
    # Such as an interruption: not in the counts, but not a success either.
    if [ "$status" -gt 1 ]; then failed=$((failed + 1)); fi
    if [ "$status" = 1 ]; then try_again "$preset" "$report" "$@"; fi
}

# The whole suite on each of some builds (in `suites`), side by side: most of a test is one process waiting for another,
# and the tests bear a machine that others use. The first one's progress is shown; the others' when they have ended. What
# fails is tried again once all have ended.
test_suites() {
    local preset built=() jobs=() ended=() status i
    for preset in "${suites[@]}"; do
        if (build "$preset"); then built+=("$preset"); else failed=$((failed + 1)); fi
    done
    if [ ${#built[@]} = 0 ]; then return; fi
    for preset in "${built[@]:1}"; do
        say "== tests, $preset build: beside, shown at its end"
        run_pytest "$preset" "$here/build/$preset/junit.xml" "$@" > "$here/build/$preset/pytest.log" 2>&1 < /dev/null &
        jobs+=($!)
    done
    say "== tests, ${built[0]} build"
    status=0
    run_pytest "${built[0]}" "$here/build/${built[0]}/junit.xml" "$@" || status=$?
    ended=("$status")
    for i in "${!jobs[@]}"; do
        status=0
        wait "${jobs[i]}" || status=$?
        ended+=("$status")
        say "== tests, ${built[i + 1]} build"
        cat -- "$here/build/${built[i + 1]}/pytest.log"
    done
    for i in "${!built[@]}"; do count_suite "${built[i]}" "${ended[i]}" "$@"; done
}

# ThreadSanitizer on what can be tested without the broker.
test_threads() {
    local binary
    say "== unit tests, tsan build"
    (build tsan) || { failed=$((failed + 1)) && return; }
    for binary in "$here"/build/tsan/tests/unit/unit-*; do
        if [ ! -x "$binary" ] || [ -d "$binary" ]; then continue; fi
        if TSAN_OPTIONS="suppressions=$here/tests/tsan.supp" \
            quietly "$here/build/tsan/$(basename -- "$binary").log" timeout 300 "$binary"; then
            passed=$((passed + 1))
        else
            warn "$(basename -- "$binary") failed"
            failed=$((failed + 1))
        fi
    done
}

command_test() {
    local presets=() suites=() preset name
    while [ $# -gt 0 ]; do
        case $1 in
        release | asan | tsan) presets+=("$1") ;;
        --) shift && break ;;
        *) die "usage: ./hum test [release|asan|tsan]... [-- PYTEST ARG...]" ;;
        esac
        shift
    done
    if [ ${#presets[@]} = 0 ]; then presets=(release asan tsan); fi
    ensure_packages build run test
    ensure_npm
    for name in "${!HUM_@}"; do unset "$name"; done # the tests choose their own
    for preset in "${presets[@]}"; do
        if [ "$preset" != tsan ]; then suites+=("$preset"); fi
    done
    if [ ${#suites[@]} -gt 0 ]; then test_suites "$@"; fi
    if [[ " ${presets[*]} " = *" tsan "* ]]; then test_threads; fi
    say
    if [ "$unsteady" -gt 0 ]; then
        say "$unsteady of these passed only when run once more: build/*/junit.xml says which, and why they failed first"
    fi
    printf '%d passed, %d failed' "$passed" "$failed"
    if [ "$skipped" -gt 0 ]; then printf ', %d skipped' "$skipped"; fi
    printf '\n'
    [ "$failed" = 0 ]
}

# --- bench ---------------------------------------------------------------------------------------

command_bench() {
    ensure_packages build run test
    build release
    exec "$here/bench/run" "$@"
}
