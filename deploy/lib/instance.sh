# One running instance: the broker and the control API, the state it leaves in run/, up, down, status.
# Sourced.
# shellcheck shell=bash

# --- state ---------------------------------------------------------------------------------------

# What a running instance was started with, for the commands that come later.
write_state() {
    write_private "$home/run/state" << EOF
bind=$bind
http_port=$http_port
mqtt_port=$mqtt_port
ws_port=$ws_port
metrics_port=$metrics_port
embedded=$embedded
preset=$preset
mail=$mail
EOF
}

load_state() {
    local name value
    if [ ! -r "$home/run/state" ]; then return 1; fi
    while IFS='=' read -r name value; do
        case $name in
        bind | http_port | mqtt_port | ws_port | metrics_port | embedded | preset | mail) printf -v "$name" '%s' "$value" ;;
        esac
    done < "$home/run/state"
}

# --- daemons -------------------------------------------------------------------------------------

# Prints the environment (NAME=VALUE a line) that a sanitizer needs in a daemon. $1 is "foreign" for a
# program that was not built with it: it has to be given the runtime, and, having no frame pointers, needs
# the slow way to find out who allocated what.
sanitizer_environment() {
    local runtime options='' log="$home/log"
    case $preset in
    asan) runtime=libasan.so ;;
    tsan) runtime=libtsan.so ;;
    release) return ;;
    esac
    if [ "$1" = foreign ]; then
        runtime=$(realpath -- "$(gcc -print-file-name="$runtime")")
        echo "LD_PRELOAD=$runtime $home/app/sanitizer-first.so"
        options=:fast_unwind_on_malloc=0:malloc_context_size=8
    fi
    echo "ASAN_OPTIONS=log_path=$log/asan:log_exe_name=1:detect_leaks=1$options"
    echo "UBSAN_OPTIONS=log_path=$log/asan:log_exe_name=1:print_stacktrace=1"
    echo "TSAN_OPTIONS=log_path=$log/asan:log_exe_name=1"
    echo "LSAN_OPTIONS=suppressions=$home/app/lsan.supp:print_suppressions=0"
}

start_mosquitto() {
    local environment
    mapfile -t environment < <(sanitizer_environment foreign)
    broker_conf "$here/mosquitto.conf" BIND="$bind" MQTT_PORT="$mqtt_port" WS_PORT="$ws_port" \
        RUN_DIR="$home/run" PLUGIN="$home/app/hum-broker.so" KEYS_DIR="$home/keys" \
        DATABASE_URL="$daemon_url" DATABASE_USER="${database}_broker" \
        DATABASE_PASSWORD_FILE="$home/secrets/broker.password" JOURNAL_DIR="$home/journal" \
        LIMITS="$limits" METRICS_ADDRESS=127.0.0.1 METRICS_PORT="$metrics_port" LOG="file $home/log/mosquitto.log" \
        MAX_CONNECTIONS="$(broker_connections "$(open_files)")" > "$home/mosquitto.conf"
    spawn mosquitto env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "${environment[@]}" \
        /usr/sbin/mosquitto -c "$home/mosquitto.conf"
}

start_api() {
    local daemon_environment
    mapfile -t daemon_environment < <(sanitizer_environment ours)
    if [ -n "$smtp_url" ]; then
        daemon_environment+=("HUM_SMTP_URL=$smtp_url" "HUM_SMTP_CA_FILE=$smtp_ca_file" "HUM_MAIL_FROM=$mail_from")
    fi
    daemon_environment+=(
        PATH=/usr/bin:/bin LANG=C.UTF-8
        HUM_BIND="$bind" HUM_HTTP_PORT="$http_port" HUM_MQTT_PORT="$mqtt_port" HUM_WS_PORT="$ws_port"
        HUM_PUBLIC_URL="$public_url" HUM_MQTT_URL="$mqtt_url" HUM_WS_URL="$ws_url"
        HUM_DATABASE_URL="$daemon_url" HUM_DATABASE_USER="${database}_api"
        HUM_DATABASE_PASSWORD_FILE="$home/secrets/api.password" HUM_KEYS_DIR="$home/keys" HUM_EVENTS_DAYS="$events_days"
        HUM_PAGES_DIR="$home/app/pages" HUM_LIMITS="$limits" HUM_TRUSTED_PROXIES="$trusted_proxies"
        HUM_OAUTH_FILE="$oauth_file" HUM_OAUTH_PRIVATE="$oauth_private"
    )
    spawn api "$home/app/hum-api"
}

make_keys() {
    (cd / && as_user env -i PATH=/usr/bin:/bin "$home/app/hum-api" keys "$home/keys" > /dev/null) ||
        die "the keys in $home/keys could not be made"
}

# --- readiness -----------------------------------------------------------------------------------

accepts() { (exec 3<> "/dev/tcp/$(local_address)/$1") 2> /dev/null; }
broker_ready() { accepts "$mqtt_port" && accepts "$ws_port"; }
api_ready() {
    curl --silent --fail --noproxy '*' --max-time 3 "http://$(local_host):$http_port/health/ready" > /dev/null
}

part_ready() {
    case $1 in
    postgres) postgres_ready ;;
    mosquitto) broker_ready ;;
    api) api_ready ;;
    esac
}

part_address() {
    case $1 in
    postgres) echo "$home/run/.s.PGSQL.5432" ;;
    mosquitto) echo "mqtt://$(local_host):$mqtt_port ws://$(local_host):$ws_port/mqtt" ;;
    api) echo "http://$(local_host):$http_port" ;;
    esac
}

mail_state() {
    case $mail in
    on) echo "on: addresses are verified" ;;
    *) echo "off: addresses are not verified (HUM_SMTP_URL is not set)" ;;
    esac
}

# --- up ------------------------------------------------------------------------------------------

lock_home() {
    exec 9>> "$home/lock"
    flock -n 9 || die "another ./hum up is at work on $home"
    if any_alive; then die "already running on $home: see ./hum status"; fi
    as_user rm -f -- "$home/run/stopping" "$home/run/state"
}

start_all() {
    locate_database
    write_state
    if [ "$embedded" = yes ]; then start_postgres; fi
    prepare_database
    make_keys
    check_ports_free
    start_mosquitto
    start_api
    wait_for mosquitto 60 broker_ready
    wait_for api 60 api_ready
}

announce() {
    say "Hum is ready."
    say "  desktop client   http://$(local_host):$http_port/"
    say "  REST             http://$(local_host):$http_port (documentation: /docs)"
    say "  MQTT             mqtt://$(local_host):$mqtt_port"
    say "  MQTT/WebSocket   ws://$(local_host):$ws_port/mqtt"
    say "  metrics          http://$(local_host):$http_port/metrics http://127.0.0.1:$metrics_port/metrics"
    say "  data and logs    $home"
    say "  mail             $(mail_state)"
}

# Waits until a daemon stops: by `./hum down` all of them do, otherwise one has died.
watch() {
    local part gone
    while :; do
        { wait -n || true; } 2> /dev/null # bash itself would report a killed process here
        for part in "${parts[@]}"; do
            if [ "$part" = postgres ] && [ "$embedded" = no ]; then continue; fi
            if is_alive "$part"; then continue; fi
            if [ -e "$home/run/stopping" ]; then
                while any_alive; do sleep 0.05; done
                say "stopped by ./hum down"
                exit 0
            fi
            gone=$part
            die_of "$gone" "by itself"
        done
    done
}

interrupted() {
    trap '' INT TERM
    exit "$1"
}

stop_on_exit() {
    local status=$?
    trap '' INT TERM
    if any_alive; then
        if [ "$status" = 0 ]; then say "stopping"; fi
        stop_all
    fi
}

command_up() {
    local background=no
    case ${1:-} in
    '') ;;
    -d) background=yes ;;
    *) die "usage: ./hum up [-d]" ;;
    esac
    load_settings
    ensure_packages build run
    ensure_user
    prepare_home
    lock_home
    check_ports_free
    build "$preset" hum-broker hum-api
    ensure_swagger_ui
    ensure_desktop
    install_app
    trap stop_on_exit EXIT
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    start_all
    announce
    if [ "$background" = yes ]; then
        trap - EXIT INT TERM
        return
    fi
    trap 'interrupted 0' INT TERM
    say "Ctrl-C stops it."
    watch
}

# --- down, status --------------------------------------------------------------------------------

command_down() {
    load_settings
    check_home_ours
    if ! any_alive; then
        say "not running on $home"
        return
    fi
    write_private "$home/run/stopping" < /dev/null
    stop_all
    say "stopped"
}

command_status() {
    local part pid state ready=yes format='%-11s%-13s%-9s%s\n'
    load_settings
    check_home_ours
    locate_database
    load_state || true
    # shellcheck disable=SC2059 # one format for all rows
    printf "$format" part state pid address
    for part in "${parts[@]}"; do
        if [ "$part" = postgres ] && [ "$embedded" = no ]; then continue; fi
        if ! pid=$(pid_of "$part"); then
            state=stopped pid=-
        elif part_ready "$part"; then
            state=ready
        else
            state='not ready'
        fi
        if [ "$state" != ready ]; then ready=no; fi
        # shellcheck disable=SC2059
        printf "$format" "$part" "$state" "$pid" "$(part_address "$part")"
    done
    echo "mail $(mail_state)"
    [ "$ready" = yes ]
}
