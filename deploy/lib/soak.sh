# The long form of the fault tests, again and again with other random instants. Sourced.
# shellcheck shell=bash

soak_usage() { die "usage: ./hum soak [MINUTES] [SEED]"; }

# One round: outages of a minute, each fault several times. What fails is told with its seed, by which the
# round can be repeated.
soak_round() {
    local seed=$1 report="$here/build/$preset/soak.xml" status=0
    say "== faults, $preset build, seed $seed"
    rm -f -- "$report"
    (cd "$here" && HUM_PRESET=$preset HUM_FAULT_SEED=$seed HUM_FAULT_LONG=1 \
        /usr/bin/python3 -m pytest tests/fault --junitxml="$report" -q) || status=$?
    add_counts "$report"
    if [ "$status" != 0 ]; then
        warn "seed $seed: HUM_FAULT_SEED=$seed HUM_FAULT_LONG=1 python3 -m pytest tests/fault"
    fi
    [ "$status" -le 1 ] # an interruption ends the soak
}

command_soak() {
    local minutes=${1:-60} seed=${2:-$RANDOM} preset=${HUM_PRESET:-release} deadline name
    if [ $# -gt 2 ] || ! [[ $minutes =~ ^[1-9][0-9]{0,4}$ && $seed =~ ^[0-9]{1,9}$ ]]; then soak_usage; fi
    check_preset
    ensure_packages build run test
    for name in "${!HUM_@}"; do unset "$name"; done # the tests choose their own
    build "$preset"
    deadline=$((SECONDS + minutes * 60))
    while [ "$SECONDS" -lt "$deadline" ]; do
        soak_round "$seed" || break
        seed=$((seed + 1))
    done
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}
