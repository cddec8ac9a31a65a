# Starting, watching and stopping the daemons. Sourced.
# A daemon is recorded in run/NAME.pid as "pid start-time": together they name a process for good, so
# that a number used again by somebody else is never taken for ours.
# shellcheck shell=bash

parts=(postgres mosquitto api) # in the order of starting; each has run/NAME.pid and log/NAME.log

# Prints when process $1 started (clock ticks since boot); fails if it is gone, or a zombie.
start_time() {
    local stat fields
    { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 1
    read -r -a fields <<< "${stat##*) }"
    if [ "${fields[0]}" = Z ]; then return 1; fi
    echo "${fields[19]}"
}

# Prints the pid of part $1 if it is alive.
pid_of() {
    local pid born
    { read -r pid born < "$home/run/$1.pid"; } 2> /dev/null || return 1
    if ! [[ $pid =~ ^[1-9][0-9]*$ ]]; then return 1; fi
    if [ "$(start_time "$pid")" != "$born" ]; then return 1; fi
    echo "$pid"
}

is_alive() { pid_of "$1" > /dev/null; }

any_alive() {
    local part
    for part in "${parts[@]}"; do
        if is_alive "$part"; then return 0; fi
    done
    return 1
}

# The descriptors that a daemon may have open: 65,536 where the system lets us.
open_files() {
    local hard
    if (ulimit -n 65536) 2> /dev/null; then
        echo 65536
    else
        hard=$(ulimit -H -n)
        echo "$hard"
    fi
}

# A log that has grown large makes room at the next start; one older copy is kept.
rotate_log() {
    local log=$home/log/$1.log
    if [ "$(stat -c %s -- "$log" 2> /dev/null || echo 0)" -gt 67108864 ]; then
        as_user mv -f -- "$log" "$log.1"
    fi
}

# Makes these variables (NAME=VALUE...) all that the commands run from here on get to see. Not by `env -i`, whose
# arguments are everybody's to read.
become_environment() {
    local name pair
    while read -r name; do export -n "${name?}"; done < <(compgen -e)
    for pair in "$@"; do export "${pair?}"; done
}

# spawn NAME COMMAND...: runs a daemon in a session of its own (a Ctrl-C in the terminal is ours alone)
# with none of our open files, its output in its log; with daemon_environment, when that is set, and nothing else.
spawn() {
    local name=$1 pid
    shift
    rotate_log "$name"
    (
        exec 9>&-
        trap '' HUP # until the daemon has a handler of its own: what it is to read anew it reads at start, then
        if [ -v daemon_environment ]; then become_environment "${daemon_environment[@]}"; fi
        cd /
        umask 077
        ulimit -n "$(open_files)"
        # shellcheck disable=SC2016 # expanded by the inner shell
        set -- sh -c 'log=$1; shift; unset PWD; exec "$@" >> "$log" 2>&1' sh "$home/log/$name.log" "$@"
        if [ "$EUID" = 0 ]; then
            set -- setpriv --reuid "$run_user" --regid "$run_user" --init-groups "$@"
        fi
        if [ "$name" = mosquitto ]; then set -- "$here/deploy/ahead" "$@"; fi
        exec setsid "$@"
    ) < /dev/null > /dev/null 2>&1 &
    pid=$!
    printf '%s %s\n' "$pid" "$(start_time "$pid" || echo 0)" | write_private "$home/run/$name.pid"
}

# Reports a daemon that stopped by itself: which, and what it said last.
die_of() {
    local log="$home/log/$1.log"
    {
        printf 'hum: %s stopped %s; the end of its log %s:\n' "$1" "$2" "$log"
        tail -n 15 -- "$log" | sed 's/^/    /'
    } >&2
    exit 1
}

# wait_for PART SECONDS COMMAND...: until the command succeeds; `die`s if the daemon does first, or at the
# deadline.
wait_for() {
    local part=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" > /dev/null 2>&1; do
        if ! is_alive "$part"; then die_of "$part" "while starting"; fi
        if [ "$SECONDS" -ge "$deadline" ]; then
            die "$part is not ready after a minute: see $home/log/$part.log"
        fi
        sleep 0.05
    done
}

# stop_part NAME SIGNAL SECONDS: asks, waits, and in the end insists.
stop_part() {
    local pid deadline=$((SECONDS + $3))
    pid=$(pid_of "$1") || return 0
    # As that user: a number in a file of theirs must not become a signal from root to somebody else.
    as_user kill "-$2" "$pid" 2> /dev/null || true
    while is_alive "$1"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            warn "$1 (pid $pid) did not stop within $3 s and is killed"
            as_user kill -KILL "$pid" 2> /dev/null || true
            deadline=$((SECONDS + 5))
        fi
        sleep 0.05
    done
}

# In the reverse order of starting; PostgreSQL with its fast shutdown.
stop_all() {
    stop_part api TERM 20
    stop_part mosquitto TERM 30
    stop_part postgres INT 60
    as_user rm -f -- "$home"/run/{postgres,mosquitto,api}.pid "$home/run/state"
}

# Whether something listens on TCP port $1 in a way that keeps $bind:$1 from being ours.
port_taken() {
    local a b c d address=
    if [[ $bind != *:* ]]; then
        IFS=. read -r a b c d <<< "$bind"
        address=$(printf '%02X%02X%02X%02X' "$d" "$c" "$b" "$a")
    fi
    # Local address and state of each socket; 0A is LISTEN. Any IPv6 listener counts for an IPv6 $bind,
    # and one on all addresses for an IPv4 $bind as well.
    awk -v port="$(printf ':%04X' "$1")" -v address="$address" '
        $4 != "0A" || substr($2, length($2) - 4) != port { next }
        { at = substr($2, 1, length($2) - 5) }
        length(at) == 8 && (address == "" || address == "00000000" || at == address || at == "00000000") { taken = 1 }
        length(at) == 32 && (address == "" || address == "00000000" || at ~ /^0+$/) { taken = 1 }
        END { exit !taken }' /proc/net/tcp "$([ -e /proc/net/tcp6 ] && echo /proc/net/tcp6 || echo /dev/null)"
}

check_port_free() {
    if port_taken "$2"; then
        die "port $2 is taken by another program: set $1 to a free one"
    fi
}

check_ports_free() {
    check_port_free HUM_HTTP_PORT "$http_port"
    check_port_free HUM_MQTT_PORT "$mqtt_port"
    check_port_free HUM_WS_PORT "$ws_port"
    check_port_free HUM_METRICS_PORT "$metrics_port"
}
