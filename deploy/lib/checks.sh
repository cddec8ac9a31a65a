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

passed=0 failed=0 skipped=0

# Adds the counts of a JUnit file; a run that left none has failed as a whole.
add_counts() {
    local counts
    counts=$(/usr/bin/python3 - "$1" << 'EOF'
import sys
from xml.etree import ElementTree

total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
for suite in ElementTree.parse(sys.argv[1]).getroot().iter("testsuite"):
    for name in total:
        total[name] += int(suite.get(name, 0))
bad = total["failures"] + total["errors"]
print(total["tests"] - bad - total["skipped"], bad, total["skipped"])
EOF
    ) || counts="0 1 0"
    read -r -a counts <<< "$counts"
    passed=$((passed + counts[0]))
    failed=$((failed + counts[1]))
    skipped=$((skipped + counts[2]))
}

# The whole suite on one build.
test_preset() {
    local preset=$1 report="$here/build/$1/junit.xml" status=0
    shift
    say "== tests, $preset build"
    (build "$preset") || { failed=$((failed + 1)) && return; }
    rm -f -- "$report"
    (cd "$here" && HUM_PRESET=$preset /usr/bin/python3 -m pytest tests --junitxml="$report" "$@") ||
        status=$?
    add_counts "$report"
    # Such as an interruption: not in the counts, but not a success either.
    if [ "$status" -gt 1 ]; then failed=$((failed + 1)); fi
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
    local presets=() preset name
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
        if [ "$preset" = tsan ]; then test_threads; else test_preset "$preset" "$@"; fi
    done
    printf '\n%d passed, %d failed' "$passed" "$failed"
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
