# What every part of ./hum uses: messages, settings, folders, and the user that the daemons run as.
# Sourced; needs $here, the checkout.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }
warn() { printf 'hum: %s\n' "$*" >&2; }
die() {
    warn "$@"
    exit 1
}

# --- settings ------------------------------------------------------------------------------------

check_port() {
    local name=$1 value=$2
    if ! [[ $value =~ ^[1-9][0-9]{0,4}$ ]] || [ "$value" -gt 65535 ]; then
        die "$name must be a port from 1 to 65535, not '$value'"
    fi
}

check_ports_differ() {
    local different
    different=$(printf '%s\n' "$http_port" "$mqtt_port" "$ws_port" "$metrics_port" | sort -u | wc -l)
    if [ "$different" != 4 ]; then
        die "HUM_HTTP_PORT ($http_port), HUM_MQTT_PORT ($mqtt_port), HUM_WS_PORT ($ws_port) and HUM_METRICS_PORT ($metrics_port) must differ"
    fi
}

check_limits() {
    case $limits in
    on | off) ;;
    *) die "HUM_LIMITS must be on or off, not '$limits'" ;;
    esac
}

# The daemon reads them for good.
check_trusted_proxies() {
    if ! [[ $trusted_proxies =~ ^[0-9A-Fa-f.:/,\ ]*$ ]]; then
        die "HUM_TRUSTED_PROXIES must be addresses or networks with commas between, not '$trusted_proxies'"
    fi
}

# The daemon reads it for good, as the user that it runs as.
check_oauth() {
    case $oauth_private in
    on | off) ;;
    *) die "HUM_OAUTH_PRIVATE must be on or off, not '$oauth_private'" ;;
    esac
    if [ -n "$oauth_file" ] && ! [ -f "$oauth_file" ]; then
        die "HUM_OAUTH_FILE: there is no file $oauth_file"
    fi
}

check_events_days() {
    if ! [[ $events_days =~ ^[1-9][0-9]{0,4}$ ]] || [ "$events_days" -gt 36500 ]; then
        die "HUM_EVENTS_DAYS must be a number of days from 1 to 36500, not '$events_days'"
    fi
}

# Never prints the value: the password is in it.
check_smtp_url() {
    if [ -n "$smtp_url" ] && ! [[ $smtp_url =~ ^smtps?://[!-~]+$ ]]; then
        die "HUM_SMTP_URL must be smtp[s]://[USER:PASSWORD@]HOST[:PORT]"
    fi
}

check_bind() {
    if ! [[ $bind =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}$ || $bind =~ ^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$ ]]; then
        die "HUM_BIND must be an IP address, not '$bind'"
    fi
}

# Mosquitto's configuration cannot quote a path, and a unix socket's address holds 107 bytes.
check_home() {
    if ! [[ $home =~ ^[A-Za-z0-9_./+:@%=~-]+$ ]]; then
        die "HUM_HOME may hold letters, digits and _./+:@%=~- only: '$home'"
    fi
    local longest="$home/run/.s.PGSQL.5432.lock"
    if [ ${#longest} -gt 107 ]; then
        die "HUM_HOME is too long for the unix sockets in it: $longest has ${#longest} bytes of at most 107"
    fi
}

check_preset() {
    case $preset in
    release | asan | tsan) ;;
    *) die "HUM_PRESET must be release, asan or tsan, not '$preset'" ;;
    esac
}

# The daemon reads them for good.
check_url() {
    local name=$1 value=$2 form=$3 what=$4
    if [ -n "$value" ] && ! [[ $value =~ $form ]]; then die "$name must be $what, not '$value'"; fi
}

check_public_urls() {
    check_url HUM_PUBLIC_URL "$public_url" '^https?://[^/]' 'http[s]://HOST[:PORT][/PATH]'
    check_url HUM_MQTT_URL "$mqtt_url" '^mqtts?://[^/]+:[0-9]+$' 'mqtt[s]://HOST:PORT'
    check_url HUM_WS_URL "$ws_url" '^wss?://[^/]+/' 'ws[s]://HOST[:PORT]/PATH'
    if [[ $public_url == https:* && $ws_url == ws:* ]]; then
        die "HUM_WS_URL must be wss://…, not '$ws_url': a page from $public_url may open nothing else"
    fi
}

# Sets the variables in lower case that the rest reads; `die`s on what cannot work.
load_settings() {
    home=$(realpath -m -- "${HUM_HOME:-$here/var}")
    bind=${HUM_BIND:-127.0.0.1}
    http_port=${HUM_HTTP_PORT:-8080}
    mqtt_port=${HUM_MQTT_PORT:-1883}
    ws_port=${HUM_WS_PORT:-9001}
    limits=${HUM_LIMITS:-on}
    trusted_proxies=${HUM_TRUSTED_PROXIES:-}
    public_url=${HUM_PUBLIC_URL:-}
    mqtt_url=${HUM_MQTT_URL:-}
    ws_url=${HUM_WS_URL:-}
    oauth_file=${HUM_OAUTH_FILE:+$(realpath -m -- "$HUM_OAUTH_FILE")}
    oauth_private=${HUM_OAUTH_PRIVATE:-off}
    preset=${HUM_PRESET:-release}
    events_days=${HUM_EVENTS_DAYS:-30}
    smtp_url=${HUM_SMTP_URL:-}
    smtp_ca_file=${HUM_SMTP_CA_FILE:+$(realpath -m -- "$HUM_SMTP_CA_FILE")}
    mail_from=${HUM_MAIL_FROM:-}
    mail=off
    if [ -n "$smtp_url" ]; then mail=on; fi
    check_home
    check_bind
    check_port HUM_HTTP_PORT "$http_port"
    check_port HUM_MQTT_PORT "$mqtt_port"
    check_port HUM_WS_PORT "$ws_port"
    metrics_port=${HUM_METRICS_PORT:-$((ws_port + 1))}
    check_port HUM_METRICS_PORT "$metrics_port"
    check_ports_differ
    check_limits
    check_preset
    check_events_days
    check_trusted_proxies
    check_public_urls
    check_oauth
    check_smtp_url
    if [ "$EUID" = 0 ]; then run_user=hum; else run_user=$(id -un); fi
}

# An address to reach a listener on $bind by, from this machine.
local_address() {
    case $bind in
    0.0.0.0) echo 127.0.0.1 ;;
    ::) echo ::1 ;;
    *) echo "$bind" ;;
    esac
}

# The same within a URL.
local_host() {
    local address
    address=$(local_address)
    case $address in
    *:*) echo "[$address]" ;;
    *) echo "$address" ;;
    esac
}

# --- the unprivileged user -----------------------------------------------------------------------

# Runs a command as the user of the daemons: never root. What root does with the files of that user
# goes through here as well, so that no link planted there leads root astray.
as_user() {
    if [ "$EUID" = 0 ]; then
        setpriv --reuid "$run_user" --regid "$run_user" --init-groups "$@"
    else
        "$@"
    fi
}

ensure_user() {
    if [ "$EUID" != 0 ] || id "$run_user" > /dev/null 2>&1; then return; fi
    mkdir -p -- "$here/build"
    ( # another one may be at it: of two at once, useradd turns one away
        exec 8> "$here/build/.user-lock"
        flock 8
        if id "$run_user" > /dev/null 2>&1; then exit; fi
        useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin \
            "$run_user" || die "could not create the system user $run_user"
    ) || exit 1
}

# Prints the first folder on the way to $1 that the unprivileged user may not pass.
blocked_folder() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_user bash -c '
        at=
        IFS=/ read -r -a names <<< "${1#/}"
        for name in "" "${names[@]}"; do
            at=${at%/}/$name
            [ -e "$at" ] || exit 0
            [ -x "$at" ] || { echo "$at"; exit 0; }
        done' _ "$1"
}

blocked_by() {
    die "user $run_user, which runs the daemons, cannot pass the folder $1:" \
        "set HUM_HOME to a folder that it can reach (such as /var/lib/hum), or chmod o+x $1"
}

# --- folders -------------------------------------------------------------------------------------

check_owner() {
    local owner
    owner=$(stat -c %U -- "$1")
    if [ "$owner" != "$run_user" ]; then
        die "$1 belongs to $owner, not to $run_user: use another HUM_HOME, or run ./hum as before"
    fi
}

private_folder() {
    if [ -e "$1" ]; then
        check_owner "$1"
    elif [ "$EUID" = 0 ]; then
        install -d -m 700 -o "$run_user" -g "$run_user" -- "$1"
    else
        install -d -m 700 -- "$1"
    fi
}

# Parts of HUM_HOME that the daemons write belong to their user, the rest (app/, configuration, lock) to
# whoever runs ./hum.
prepare_home() {
    local blocked name
    blocked=$(blocked_folder "$home")
    if [ -n "$blocked" ] && [ "$blocked" != "$home" ]; then blocked_by "$blocked"; fi
    if [ ! -e "$home" ]; then
        mkdir -p -- "$home" 2> /dev/null || die "cannot create HUM_HOME $home"
    elif [ ! -w "$home" ]; then
        die "HUM_HOME $home is not writable for $(id -un)"
    fi
    if [ "$EUID" = 0 ] && [ -O "$home" ] && [ -z "$(ls -A -- "$home")" ]; then chmod 755 -- "$home"; fi
    blocked=$(blocked_folder "$home")
    if [ -n "$blocked" ]; then blocked_by "$blocked"; fi
    for name in run log secrets keys journal; do private_folder "$home/$name"; done
    if [ -e "$home/postgres" ]; then check_owner "$home/postgres"; fi
}

# For the commands that look at what is there: whose is it?
check_home_ours() {
    if [ -e "$home/run" ] && ! [ -x "$home/run" ]; then
        die "$home belongs to $(stat -c %U -- "$home/run"): run ./hum as that user"
    fi
}

# Writes standard input to a file of the unprivileged user, at once or not at all.
write_private() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_user sh -c 'umask 077 && cat > "$1.new" && mv -f -- "$1.new" "$1"' _ "$1"
}
