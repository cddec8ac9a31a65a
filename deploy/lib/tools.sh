# Looking into a running instance: logs, psql. Sourced.
# shellcheck shell=bash

command_logs() {
    local follow=()
    case ${1:-} in
    '') ;;
    -f) follow=(-F) ;;
    *) die "usage: ./hum logs [-f]" ;;
    esac
    load_settings
    check_home_ours
    if ! as_user test -e "$home/log"; then die "there are no logs in $home"; fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_user sh -c 'cd "$1" && shift && exec tail -n 40 "$@" -- *.log' _ "$home/log" "${follow[@]}"
}

# The interactive psql keeps its history with the instance.
command_psql() {
    load_settings
    check_home_ours
    locate_database
    if [ "$embedded" = yes ] && ! is_alive postgres; then die "not running on $home: ./hum up -d"; fi
    cd /
    if [ "$EUID" = 0 ]; then export HOME="$home/run"; fi
    as_user psql -X -d "$owner_url" "$@"
}
